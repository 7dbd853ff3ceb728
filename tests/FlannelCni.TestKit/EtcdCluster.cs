using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace FlannelCni.TestKit;

/// <summary>
/// Real etcd of several members, each in a network namespace, on one wire. Clients in this process reach each member by
/// a relay of theirs, whatever the wire between the members is like.
/// </summary>
public sealed class EtcdCluster : IDisposable
{
    private static readonly TimeSpan s_untilHealthy = TimeSpan.FromSeconds(60);

    private static int s_count;

    private readonly TestCluster _wire;
    private readonly List<TcpRelay> _relays = [];

    private EtcdCluster(int members)
    {
        _wire = TestCluster.Create(members);
        Members = [.. _wire.Nodes.Select((net, i) => new EtcdMember(i + 1, net, members))];
    }

    public IReadOnlyList<EtcdMember> Members { get; }

    /// <summary>Has the members' far ends: port1, port2 …</summary>
    public TestNode Switch => _wire.Switch;

    /// <summary>One that answers.</summary>
    public static async Task<EtcdCluster> StartNewAsync(int members = 3)
    {
        EtcdCluster cluster = new(members);
        try
        {
            await cluster.StartAsync();
            return cluster;
        }
        catch
        {
            cluster.Dispose();
            throw;
        }
    }

    /// <summary>Starts those that do not run, and waits until all answer.</summary>
    public async Task StartAsync()
    {
        foreach (EtcdMember member in Members)
        {
            member.Start();
        }

        await HealthyAsync();
    }

    /// <summary>Waits until all members that are connected and run have a leader.</summary>
    public async Task HealthyAsync()
    {
        foreach (EtcdMember member in Members.Where(static member => member.IsUp))
        {
            await Wait.Until(
                () => member.IsHealthy(), s_untilHealthy, $"etcd's member {member.Number} has a leader");
        }
    }

    /// <summary>The leader, according to those that have one.</summary>
    public async Task<EtcdMember> LeaderAsync()
    {
        EtcdMember? leader = null;
        await Wait.Until(
            () => (leader = Members.FirstOrDefault(static member => member.IsUp && member.IsLeader())) is not null,
            s_untilHealthy,
            "one of them leads");
        return leader!;    // waited for
    }

    /// <summary>A wire for one client to each member: what it is to be given as endpoints is their Here.</summary>
    public IReadOnlyList<TcpRelay> NewWires()
    {
        int number = (Environment.ProcessId << 6) + Interlocked.Increment(ref s_count);
        byte[] address = [127, (byte)(128 + (number >> 16 & 0x3F)), (byte)(number >> 8), (byte)number];
        List<TcpRelay> wires =
        [
            .. Members.Select(member => new TcpRelay(
                new IPEndPoint(new IPAddress(address), 2370 + member.Number),
                new IPEndPoint(IPAddress.Loopback, 2379),
                () => member.Net.Namespace.Run(
                    static () => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)))),
        ];
        _relays.AddRange(wires);
        return wires;
    }

    /// <summary>As a client names the member at a wire's end.</summary>
    public static string Endpoint(TcpRelay wire) => $"http://{wire.Here}";

    /// <summary>What etcdctl prints, asking the members that run.</summary>
    public string Control(string arguments, string input = "") =>
        Members.First(static member => member.IsUp).Control(arguments, input);

    /// <summary>The store's present revision.</summary>
    public long Revision()
    {
        using JsonDocument answer = JsonDocument.Parse(Control("get revision -w json"));
        return answer.RootElement.GetProperty("header").GetProperty("revision").GetInt64();
    }

    public void Dispose()
    {
        _relays.ForEach(static relay => relay.Dispose());
        foreach (EtcdMember member in Members)
        {
            member.Dispose();
        }

        _wire.Dispose();
    }

    internal static string PeerUrl(int number) => string.Create(
        CultureInfo.InvariantCulture, $"http://{TestCluster.Address4(number)}:2380");
}
