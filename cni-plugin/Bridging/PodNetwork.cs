// One thread, two namespaces. A netlink socket stays in the namespace it was opened in, so that one of each serves for
// everything; only opening the pod's, and its sysctls, need the thread to be there. It must be back before any program
// is started, for that would start in the pod.

using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Namespaces;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Netlink;
using FlannelCni.Linux.Rtnetlink;
using FlannelCni.Plugin.Attachments;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.Plugin.Bridging;

/// <summary>Makes and deletes a pod's links with the kernel.</summary>
internal sealed class PodNetwork(BridgeConf conf, Attachment attachment, SandboxHandle sandbox)
    : IPodNetwork, IDisposable
{
    private const int MaxNameClashes = 10;

    private static readonly TimeSpan s_portTimeout = TimeSpan.FromMilliseconds(2550);

    private RtnlSocket? _hostSocket;
    private RtnlSocket? _podSocket;
    private HostBridge? _bridge;
    private PodInterface? _inside;
    private string _hostName = RandomLink.VethName();

    private RtnlSocket Host => _hostSocket ??= RtnlSocket.Open();

    private RtnlSocket Pod => _podSocket ??= InPod(RtnlSocket.Open);

    private PodInterface Inside => _inside ?? throw new InvalidOperationException("the pair was not prepared");

    private HostBridge Bridge => _bridge ??= new HostBridge(Host, conf);

    public void RequireFreeName()
    {
        _ = sandbox.GetPod();
        if (attachment.IfName.Contains('%'))
        {
            throw new CniException(
                CniErrorCode.InvalidEnvironment,
                "interface name contains %, for which the kernel would put a number",
                attachment.IfName);
        }

        if (Pod.FindLink(attachment.IfName) is not null)
        {
            throw NameTaken();
        }
    }

    public void Connect()
    {
        Bridge.Ensure();
        NetNamespace pod = sandbox.GetPod();
        MacAddress podMac = conf.Mac ?? RandomLink.Mac();

        // Addresses that are set explicitly are left alone by udev's MACAddressPolicy=persistent.
        VethSpec spec = new(_hostName, RandomLink.Mac(), Bridge.Index, attachment.IfName, podMac, pod, conf.Mtu);
        for (int clashes = 0; ; clashes++)
        {
            try
            {
                Host.AddVeth(spec);
                break;
            }
            catch (NetlinkException e) when (e.Errno is Errno.EEXIST)
            {
                if (clashes == MaxNameClashes || Pod.FindLink(attachment.IfName) is not null)
                {
                    throw NameTaken();
                }

                _hostName = RandomLink.VethName();
                spec = spec with { Name = _hostName };
            }
        }
    }

    public VethPair Prepare()
    {
        OptionalSysctl.Write($"net/ipv6/conf/{_hostName}/accept_ra", "0");
        if (conf.HairpinMode || conf.PortIsolation || conf.Vlans.IsFiltering)
        {
            Link port = GetPort();
            Host.SetBridgePort(port.Index, new BridgePort(conf.HairpinMode, conf.PortIsolation));
            conf.Vlans.Apply(Host, port.Index);
        }

        Link link = Pod.FindLink(attachment.IfName) ?? throw Vanished(attachment.IfName);
        _inside = new PodInterface(Pod, link, conf.EnableDad);
        if (conf.IpamType.Length > 0)
        {
            InPod(_inside.SetSysctls);
        }

        return new VethPair(_hostName, link.Mac);
    }

    public IReadOnlyList<CniInterface> Configure(BridgePlan? plan)
    {
        if (plan is { HasIPv6: true })
        {
            InPod(Inside.EnableIPv6);
        }

        if (!conf.DisableContainerInterface)
        {
            Inside.Configure(plan);
        }

        Link? vlan = plan is null ? null : Bridge.EnsureGateways(plan.Gateways, sandbox.Host);
        Link port = conf.DisableContainerInterface ? GetPort() : WaitForPort();
        if (plan is { HasIPv6: true })
        {
            Inside.WaitForAddresses();
        }

        if (plan is { Gateways.Count: > 0 })
        {
            Bridge.WaitForGateways(plan.Gateways, vlan);
        }

        return
        [
            new CniInterface(conf.Bridge, Bridge.GetMac().ToString(), Sandbox: ""),
            new CniInterface(_hostName, port.Mac.ToString(), Sandbox: ""),
            new CniInterface(attachment.IfName, Inside.Mac.ToString(), attachment.Sandbox),
            .. vlan is null ? [] : (CniInterface[])[new(vlan.Name, vlan.Mac.ToString(), Sandbox: "")],
        ];
    }

    public void Disconnect(Action? whenGone = null)
    {
        if (sandbox.FindPod() is null)
        {
            whenGone?.Invoke();
        }
        else if (whenGone is null)
        {
            _ = Pod.DeleteLinkIfPresent(attachment.IfName);
        }
        else
        {
            using RtnlSocket looking = InPod(RtnlSocket.Open);
            LinkRemoval removal = new(Pod, attachment.IfName);
            bool isGone = false;
            try
            {
                isGone = removal.WaitUntilGone(looking);
                if (isGone)
                {
                    whenGone();
                }
            }
            finally
            {
                Complete(removal);
            }

            if (!isGone)
            {
                whenGone();
            }
        }
    }

    /// <summary>A loopback, or hardware: what cannot be deleted no ADD has made.</summary>
    private void Complete(LinkRemoval removal)
    {
        try
        {
            removal.Complete();
        }
        catch (NetlinkException e) when (e.Errno is Errno.EOPNOTSUPP)
        {
            StandardError.Say($"{attachment.IfName} stays, as it is of no ADD: {e.Message}");
        }
    }

    /// <summary>Is all as the ADD with this result left it?</summary>
    /// <exception cref="CniException">Internal: what is not.</exception>
    internal CheckedPod Check(CniResult previous) => new PodCheck(conf, attachment, Host, Pod).Run(previous);

    public void Dispose()
    {
        _hostSocket?.Dispose();
        _podSocket?.Dispose();
    }

    private CniException NameTaken() => new(
        CniErrorCode.Internal,
        $"container veth name (\"{attachment.IfName}\") peer provided (\"{_hostName}\") already exists");

    private Link GetPort() => Host.FindLink(_hostName) ?? throw Vanished(_hostName);

    private static CniException Vanished(string name) => new(CniErrorCode.Internal, $"\"{name}\" has vanished");

    /// <summary>The kernel's link watch runs some 0.2 ms after the other end is up, so look often at first.</summary>
    private Link WaitForPort()
    {
        ShortPolling polling = new(s_portTimeout);
        while (true)
        {
            Link port = GetPort();
            if (port.OperState == OperState.IF_OPER_UP)
            {
                return port;
            }

            if (!polling.Wait())
            {
                string state = port.OperState.ToString()["IF_OPER_".Length..].ToLowerInvariant();
                throw new CniException(CniErrorCode.Internal, $"bridge port in error state: {state}");
            }
        }
    }

    private void InPod(Action work) => InPod(() =>
    {
        work();
        return true;
    });

    private T InPod<T>(Func<T> work)
    {
        sandbox.GetPod().Enter();
        try
        {
            return work();
        }
        finally
        {
            sandbox.Host.Enter();
        }
    }
}
