using FlannelCni.Linux.Net;
using FlannelCni.Plugin.Attachments;
using FlannelCni.Plugin.Bridging;
using FlannelCni.Plugin.Ipam;
using FlannelCni.Plugin.Masquerade;
using FlannelCni.Plugin.Spec;
using FlannelCni.Plugin.SpoofCheck;

namespace FlannelCni.UnitTests.Plugin.Commands;

/// <summary>What was done, in order; and the one thing that is to fail.</summary>
internal sealed class Recording
{
    internal List<string> Events { get; } = [];

    /// <summary>Each of these throws when its turn comes.</summary>
    internal HashSet<string> Failing { get; } = [];

    internal void Add(string what)
    {
        Events.Add(what);
        if (Failing.Contains(what))
        {
            throw new CniException(CniErrorCode.TryAgainLater, $"{what} failed");
        }
    }
}

internal sealed class FakeScratch(Recording recording) : IScratch
{
    internal byte[]? Content { get; set; }

    public byte[]? Find() => Content;

    public void Save(byte[] config)
    {
        recording.Add("save");
        Content = config;
    }

    public void Delete()
    {
        recording.Add("forget");
        Content = null;
    }
}

internal sealed class FakeMasquerade(Recording recording) : IMasquerade
{
    public void Add(IReadOnlyList<IpPrefix> addresses) => recording.Add("masquerade");

    public void Remove() => recording.Add("no masquerade");
}

internal sealed class FakeSpoofCheck(Recording recording) : ISpoofCheck
{
    public void Add(string port, MacAddress mac) => recording.Add($"only {mac} by {port}");

    public void Remove() => recording.Add("no spoof check");
}

internal sealed class FakeIpam(Recording recording, bool needsNoLink = true) : IIpam
{
    public bool NeedsNoLink => needsNoLink;

    public IIpamCall StartAdd()
    {
        recording.Add("start IPAM");
        return new Call(recording, "IPAM");
    }

    public IIpamCall PrepareDelete()
    {
        recording.Add("prepare release");
        return new Call(recording, "release");
    }

    private sealed class Call(Recording recording, string name) : IIpamCall
    {
        public CniResult Result()
        {
            recording.Add($"{name} answers");
            return new CniResult
            {
                Ips = [new CniIp(IpPrefix.Parse("10.1.17.2/24"), IpAddr.Parse("10.1.17.1"), null)],
            };
        }

        public void Begin() => recording.Add($"begin {name}");

        public void Complete() => recording.Add(name);

        public void Dispose() => recording.Events.Add($"end of {name}");
    }
}

internal sealed class FakePodNetwork(Recording recording) : IPodNetwork
{
    public void RequireFreeName() => recording.Add("look");

    public void Connect() => recording.Add("connect");

    public VethPair Prepare()
    {
        recording.Add("prepare");
        return new VethPair("veth1", MacAddress.Parse("0e:00:00:00:00:01"));
    }

    public IReadOnlyList<CniInterface> Configure(BridgePlan? plan)
    {
        recording.Add(plan is null ? "configure layer 2" : "configure");
        return [new CniInterface("cni0", "", "")];
    }

    public void Disconnect(Action? whenGone)
    {
        recording.Add("disconnect");
        whenGone?.Invoke();
        recording.Add("disconnected");
    }
}
