using System.Globalization;
using FlannelCni.Agent.Leases;
using Xunit;

namespace FlannelCni.TestKit;

/// <summary>Three vxlan nodes of both families, an agent and a pod on each, and what can be done to them.</summary>
internal sealed class StormCluster : IAsyncDisposable
{
    private const int Count = 3;

    private readonly TestCluster _wire = TestCluster.Create(Count);
    private readonly TestFolder[] _states = [.. Enumerable.Range(0, Count).Select(static _ => new TestFolder())];
    private readonly List<TestNode> _pods = [];
    private readonly DataPlaneHarness[] _agents = new DataPlaneHarness[Count];
    private readonly Lease[] _leases = new Lease[Count];
    private readonly string[] _uplinkMacs = new string[Count];

    internal static async Task<StormCluster> StartAsync()
    {
        StormCluster cluster = new();
        for (int i = 0; i < Count; i++)
        {
            cluster._pods.Add(TestPod.AddTo(cluster._wire.Nodes[i], i + 1));
            await cluster.StartAgentAsync(i);
            cluster._leases[i] = cluster._agents[i].OwnLease();
            cluster._uplinkMacs[i] = cluster.Node(i).Rtnl.GetLink("eth0").Mac.ToString();
        }

        for (int i = 0; i < Count; i++)
        {
            await cluster.SyncAsync(i);
        }

        await cluster.ReachEachOtherAsync("the start");
        return cluster;
    }

    internal DataPlaneHarness Agent(int index) => _agents[index];

    internal TestNode Node(int index) => _wire.Nodes[index];

    internal TestNode Pod(int index) => _pods[index];

    internal Lease Lease(int index) => _leases[index];

    internal string[][] State() => [.. _wire.Nodes.Select(StateOf)];

    /// <summary>As <see cref="State"/>, for <see cref="IsAt"/>.</summary>
    internal HashSet<string>?[] Glance() => [.. _wire.Nodes.Select(KernelGlance.Of)];

    /// <summary>Are all nodes, at a glance, as they were then, and content?</summary>
    internal bool IsAt(HashSet<string>?[] before) => Enumerable.Range(0, Count).All(
        i => _agents[i].Reconciler.Status.Trouble is null
            && KernelGlance.Of(_wire.Nodes[i]) is { } now
            && before[i]!.SetEquals(now));

    /// <summary>In words what differs; null: nothing, and nobody thinks so.</summary>
    internal string? Difference(string[][] before)
    {
        for (int i = 0; i < Count; i++)
        {
            string? difference = KernelState.Difference(before[i], StateOf(_wire.Nodes[i]))
                ?? _agents[i].Reconciler.Status.Trouble;
            if (difference is not null)
            {
                return $"node {i + 1}: {difference}";
            }
        }

        return null;
    }

    internal string Troubles() => string.Join('\n', _agents.Select(static agent => agent.Reconciler.Status.ToString()));

    internal async Task ReachEachOtherAsync(string after)
    {
        foreach ((int from, int to) in Enumerable.Range(0, Count * Count).Select(static i => (i / Count, i % Count)))
        {
            foreach (string address in from == to ? [] : new[] { Pod4(to), Pod6(to) })
            {
                await Wait.Until(
                    () => _pods[from].Shell($"ping -q -c 1 -W 0.3 {address} || true")
                        .Contains(" 1 received", StringComparison.Ordinal),
                    DataPlaneHarness.Soon,
                    $"pod {from + 1} reaches {address} after {after}");
            }
        }
    }

    internal static string Pod4(int index) => $"10.244.{index + 1}.2";

    internal static string Pod6(int index) => $"fd00:10:244:{index + 1}::2";

    /// <summary>One fault, on one node.</summary>
    /// <returns>What it was.</returns>
    internal async Task<string> DoAsync(Random random)
    {
        int i = random.Next(Count);
        if (random.Next(12) == 0)
        {
            await _agents[i].DisposeAsync();
            string command = Command(random, i);
            Run(i, command);
            await StartAgentAsync(i);
            await SyncAsync(i, waits: false);
            return $"node {i + 1}: while the agent restarts, {command}";
        }

        if (random.Next(12) == 0)
        {
            RenewUplink(i);
            return $"node {i + 1}: another eth0";
        }

        string fault = Command(random, i);
        Run(i, fault);
        return $"node {i + 1}: {fault}";
    }

    /// <summary>However much was repaired, lines are few.</summary>
    internal void AssertQuietLogs() =>
        Assert.All(_agents, static agent => Assert.InRange(agent.Log.Lines.Count, 0, 200));

    public async ValueTask DisposeAsync()
    {
        foreach (DataPlaneHarness? agent in _agents)
        {
            if (agent is not null)
            {
                await agent.DisposeAsync();
            }
        }

        _pods.ForEach(static pod => pod.Dispose());
        _wire.Dispose();
        Array.ForEach(_states, static state => state.Dispose());
    }

    // One that refuses packets may stay behind ours, as whatever is foreign and in nobody's way; pings tell.
    private static string[] StateOf(TestNode node) =>
        [.. KernelState.Of(node).Where(static line => !line.StartsWith("blackhole", StringComparison.Ordinal))];

    private async Task StartAgentAsync(int i)
    {
        // At the wrong moment a start fails, as it may; whoever supervises the agent starts it again.
        DataPlaneHarness? started = null;
        await Wait.Until(
            async () =>
            {
                try
                {
                    started = await DataPlaneHarness.StartAsync(_wire.Nodes[i], i + 1, _states[i], isDualStack: true);
                }
                catch (FlannelCni.Linux.LinuxException)
                {
                    return false;
                }

                return true;
            },
            DataPlaneHarness.Soon,
            "the agent starts");
        _agents[i] = started!;
    }

    private async Task SyncAsync(int i, bool waits = true)
    {
        Task synced = _agents[i].SyncAsync(_leases.Where((_, other) => other != i));
        if (waits)
        {
            await synced;
        }
    }

    // What somebody else has removed already cannot be removed again.
    private void Run(int i, string command) => _wire.Nodes[i].Shell($"{{ {command}\n}} 2>/dev/null || true");

    private static string Addresses(int i) => string.Create(
        CultureInfo.InvariantCulture,
        $"""
        ip link set eth0 up
        ip address replace 192.0.2.{i + 1}/24 dev eth0
        ip address replace 2001:db8::{i + 1}/64 dev eth0 nodad
        """);

    // With the MAC it had, which others keep for half a minute.
    private void RenewUplink(int i)
    {
        _wire.Switch.Shell(string.Create(
            CultureInfo.InvariantCulture,
            $"""
            ip link del port{i + 1}
            ip link add port{i + 1} master wire up type veth peer name eth0 netns {_wire.Nodes[i].NamespacePath}
            """));
        Run(i, $"ip link set eth0 address {_uplinkMacs[i]}\n{Addresses(i)}");
    }

    private string Command(Random random, int i)
    {
        bool is6 = random.Next(2) == 0;
        int victim = (i + 1 + random.Next(Count - 1)) % Count;
        (string ip, string device) = is6 ? ("ip -6", "flannel-v6.1") : ("ip", "flannel.1");
        string subnet = is6 ? $"fd00:10:244:{victim + 1}::/64" : $"10.244.{victim + 1}.0/24";
        string gateway = subnet[..subnet.IndexOf('/')];
        string mac = MacOf(victim, is6);
        string elsewhere = is6 ? "2001:db8::99" : "192.0.2.99";
        string[] commands =
        [
            $"ip link del {device}",
            $"ip link set {device} down",
            $"ip link set {device} down; ip link set {device} up",
            $"ip link set {device} address 0e:aa:aa:aa:aa:aa",
            $"ip link set {device} mtu 1300",
            $"ip link set {device} type vxlan learning",
            $"ip link set {device} type vxlan local {elsewhere}",
            $"ip link set {device} name stolen; sleep 0.05; ip link del stolen",
            $"{ip} address flush dev {device} scope global",
            $"{ip} route del {subnet}",
            $"{ip} route replace {subnet} via {elsewhere} dev eth0",
            $"{ip} route prepend {subnet} via {elsewhere} dev eth0",
            $"{ip} route replace blackhole {subnet}",
            $"ip route prepend blackhole 10.244.{victim + 1}.0/24",    // IPv6 puts it behind, where it may stay
            $"{ip} route replace blackhole {subnet}; {ip} route prepend {subnet} via {elsewhere} dev eth0",
            $"{ip} route flush dev {device} proto boot",
            $"{ip} route flush dev {device}",
            $"{ip} neighbour del {gateway} dev {device}",
            $"{ip} neighbour replace {gateway} lladdr 0e:bb:bb:bb:bb:bb dev {device}",
            $"{ip} neighbour flush nud permanent dev {device}",
            $"bridge fdb del {mac} dev {device}",
            $"bridge fdb replace {mac} dst {elsewhere} dev {device}",
            $"for i in 1 2 3 4 5 6; do ip link del {device}; sleep 0.05; done",
            $"for i in 1 2 3 4 5 6; do {ip} route flush dev {device} proto boot; done",
            $"bridge fdb del {mac} dev {device}; ip link set {device} mtu 1280",
            $"ip link set eth0 down; {Addresses(i)}",
            $"ip link del flannel.1; ip link del flannel-v6.1; ip link set eth0 down; {Addresses(i)}",
            "ip -batch - <<END\nlink del flannel.1\nlink add flannel.1 type vxlan id 1 dstport 4789\nEND",
        ];
        return commands[random.Next(commands.Length)];
    }

    internal string MacOf(int i, bool is6)
    {
        string json = (is6 ? _leases[i].Attributes.BackendV6Data : _leases[i].Attributes.BackendData) ?? "";
        return json[(json.IndexOf("MAC", StringComparison.Ordinal) + 6)..^2];
    }
}
