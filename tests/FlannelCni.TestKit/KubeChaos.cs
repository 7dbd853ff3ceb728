using System.Diagnostics;
using System.Globalization;

namespace FlannelCni.TestKit;

/// <summary>
/// Published agents on nodes whose leases are Node objects, pods that talk all the while, and one fault after the
/// other: of the API server, of a Node or an agent, or both at once. After each it must come out that every node's
/// tables are what the API says, that nobody has let go of a node that lives and no packet between such nodes is lost,
/// and that all agents are still there.
/// </summary>
internal sealed class KubeChaos : IAsyncDisposable
{
    /// <summary>The first of the nodes that are nothing but a Node.</summary>
    private const int FirstGuest = 200;

    private static readonly TimeSpan s_round = TimeSpan.FromMilliseconds(50);

    // Longer than an agent waits for the API before it goes on without.
    private static readonly TimeSpan s_between = TimeSpan.FromSeconds(6);

    private readonly TextWriter _output;
    private readonly TimeSpan _limit;
    private readonly Random _random;
    private readonly IReadOnlyList<KubeChaosFault> _server;
    private readonly IReadOnlyList<KubeChaosFault> _nodes;
    private readonly List<IpMonitor> _monitors = [];
    private readonly Dictionary<IpMonitor, int> _seen = [];
    private int _publications;

    private KubeChaos(KubeCluster cluster, int seed, TimeSpan limit, TextWriter output)
    {
        Cluster = cluster;
        _output = output;
        _limit = limit;
        _random = new Random(seed);
        _server = new KubeChaosFaults(this, _random).OfServer;
        _nodes = new KubeChaosFaults(this, _random).OfNodes;
    }

    /// <summary>From a fault's end until all tables are right, the longest so far.</summary>
    internal TimeSpan Slowest { get; private set; }

    internal int Rounds { get; private set; }

    internal KubeCluster Cluster { get; }

    /// <param name="limit">Within which all must be well after a fault.</param>
    internal static async Task<KubeChaos> StartAsync(int agents, int seed, TimeSpan limit, TextWriter output)
    {
        KubeChaos chaos = new(await KubeCluster.StartReadyAsync(agents), seed, limit, output);
        try
        {
            foreach (AgentNode node in chaos.Cluster.Nodes)
            {
                chaos._monitors.Add(await IpMonitor.StartAsync(node.Net));
            }

            chaos.AddGuest(FirstGuest);
            await chaos.ConvergeAsync("the start");
            return chaos;
        }
        catch
        {
            await chaos.DisposeAsync();
            throw;
        }
    }

    /// <summary>Fault after fault, for so long; each at least once where there is time.</summary>
    internal async Task RunAsync(TimeSpan duration)
    {
        long start = Stopwatch.GetTimestamp();
        Queue<KubeChaosFault> server = [];
        Queue<KubeChaosFault> nodes = [];
        while (Stopwatch.GetElapsedTime(start) < duration)
        {
            int which = _random.Next(4);
            List<KubeChaosFault> faults = [];
            if (which > 0)
            {
                faults.Add(Next(server, _server));
            }

            if (which < 2)
            {
                faults.Add(Next(nodes, _nodes));
            }

            await RunAsync(faults);
        }
    }

    /// <summary>A Node with a lease and no machine.</summary>
    internal void AddGuest(int number)
    {
        Cluster.AddNode(number, string.Create(CultureInfo.InvariantCulture, $"10.244.{number}.0/24"));
        Annotate(number, 0);
    }

    internal void RemoveGuest(int number) => Cluster.Api.Nodes.Delete(KubeCluster.NameOf(number));

    public async ValueTask DisposeAsync()
    {
        _monitors.ForEach(static monitor => monitor.Dispose());
        await Cluster.DisposeAsync();
    }

    private KubeChaosFault Next(Queue<KubeChaosFault> left, IReadOnlyList<KubeChaosFault> all)
    {
        if (left.Count == 0)
        {
            all.OrderBy(_ => _random.Next()).ToList().ForEach(left.Enqueue);
        }

        return left.Dequeue();
    }

    private async Task RunAsync(List<KubeChaosFault> faults)
    {
        Rounds++;
        string name = string.Join(", and ", faults.Select(static fault => fault.Name));
        double longest = faults.Max(static fault => fault.Longest.TotalSeconds);
        TimeSpan hold = TimeSpan.FromSeconds(0.2 + (_random.NextDouble() * longest));
        HashSet<int> hit = [.. faults.SelectMany(static fault => fault.Choose())];
        HashSet<string> living =
            [.. Cluster.Nodes.Where(node => !hit.Contains(node.Number)).Select(static node => node.Subnet)];
        using CancellationTokenSource over = new();
        Task<int> pings = CountLostAsync(hit, over.Token);
        foreach (KubeChaosFault fault in Shuffled(faults))
        {
            await fault.BeginAsync();
        }

        await DelayAsync(hold);
        foreach (KubeChaosFault fault in Shuffled(faults))
        {
            await fault.EndAsync();
            await DelayAsync(s_between * (faults.Count - 1) * _random.Next(2));
        }

        long healed = Stopwatch.GetTimestamp();
        Annotate(FirstGuest, ++_publications);
        await ConvergeAsync(name);
        TimeSpan took = Stopwatch.GetElapsedTime(healed);
        await over.CancelAsync();
        int lost = await pings;
        Slowest = took > Slowest ? took : Slowest;
        await _output.WriteLineAsync(string.Create(
            CultureInfo.InvariantCulture,
            $"{Rounds,4}  {hold.TotalSeconds,5:0.0} s, right after {took.TotalSeconds,4:0.0} s: {name}"));
        Require(lost == 0, () => $"{name}: {lost} packets between nodes that live were lost:\n{Logs()}");
        foreach (string line in await DeletedAsync())
        {
            Require(
                !living.Any(subnet => line.Contains($"{subnet} via", StringComparison.Ordinal)),
                () => $"{name}: a node that lives was let go of: {line}\n{Logs()}");
        }

        foreach (AgentNode node in Cluster.Nodes.Where(node => hit.Contains(node.Number)))
        {
            MoveAddress(node);
        }
    }

    /// <summary>A pod address in the subnet that the node has now.</summary>
    private static void MoveAddress(AgentNode node)
    {
        node.Net.Shell("ip link delete pods");
        node.AddPodAddress();
    }

    private List<KubeChaosFault> Shuffled(List<KubeChaosFault> faults) => [.. faults.OrderBy(_ => _random.Next())];

    private static Task DelayAsync(TimeSpan time) =>
        Task.Delay(time, TimeProvider.System, CancellationToken.None);

    // Any tells something new: so tables are right only where it was heard.
    private void Annotate(int number, int version) => Cluster.Annotate(
        number,
        ("backend-data", $$"""{"VNI":1,"VtepMAC":"{{GuestMac(number, version)}}"}"""),
        ("backend-type", "vxlan"),
        ("kube-subnet-manager", "true"),
        ("public-ip", TestCluster.Address4(number).ToString()));

    private static string GuestMac(int number, int version) => string.Create(
        CultureInfo.InvariantCulture, $"0e:00:00:{version / 256 % 256:x2}:{version % 256:x2}:{number:x2}");

    /// <summary>Each node pings the next, until it is over.</summary>
    private async Task<int> CountLostAsync(HashSet<int> hit, CancellationToken over)
    {
        (AgentNode From, AgentNode To)[] pairs =
        [
            .. Cluster.Nodes.Select((node, i) => (From: node, To: Cluster.Nodes[(i + 1) % Cluster.Nodes.Count]))
                .Where(pair => !hit.Contains(pair.From.Number) && !hit.Contains(pair.To.Number)),
        ];
        int lost = 0;
        while (!over.IsCancellationRequested)
        {
            (int Sent, int Received)[] results = await Task.WhenAll(
                pairs.Select(static pair => Task.Run(() => pair.From.Ping(pair.To, "-c 10 -i 0.05 -W 2"))));
            lost += results.Sum(static result => result.Sent - result.Received);
            await DelayAsync(s_round);
        }

        return lost;
    }

    private async Task ConvergeAsync(string after)
    {
        long start = Stopwatch.GetTimestamp();
        while (await WhatIsWrongAsync() is { } wrong)
        {
            Require(
                Stopwatch.GetElapsedTime(start) < _limit,
                () => $"{_limit.TotalSeconds} s after {after}: {wrong}\n{Logs()}");
            await DelayAsync(s_round);
        }
    }

    /// <summary>Null: every node is as the API says, and the API knows every node as it is.</summary>
    private async Task<string?> WhatIsWrongAsync()
    {
        foreach (AgentNode node in Cluster.Nodes)
        {
            Require(!node.Agent.HasEnded, () => $"the agent of node {node.Number} has ended");
            if (KubeTables.Find(Cluster, node) is { } wrong)
            {
                return $"node {node.Number}: {wrong}";
            }

            (int status, string body) = await node.GetAsync("/readyz");
            if (status != 200)
            {
                return $"node {node.Number} is not ready: {body}";
            }
        }

        return null;
    }

    /// <summary>Routes and neighbours that were deleted since the last call.</summary>
    private async Task<List<string>> DeletedAsync()
    {
        List<string> lines = [];
        foreach (IpMonitor monitor in _monitors)
        {
            IReadOnlyList<string> all = await monitor.LinesAsync();
            string[] deleted = [.. all.Where(static line => line.Contains("Deleted 10.", StringComparison.Ordinal))];
            lines.AddRange(deleted.Skip(_seen.GetValueOrDefault(monitor)));
            _seen[monitor] = deleted.Length;
        }

        return lines;
    }

    private void Require(bool condition, Func<string> message)
    {
        if (!condition)
        {
            throw new ChaosException($"round {Rounds}: {message()}");
        }
    }

    private string Logs() => string.Join('\n', Cluster.Nodes.SelectMany(static node =>
        node.Log.Split('\n').TakeLast(14).Select(line => $"{node.Number}: {line}")));
}
