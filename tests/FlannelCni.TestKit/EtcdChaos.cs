using System.Diagnostics;
using System.Globalization;
using FlannelCni.Agent.Leases;
using FlannelCni.Agent.Leases.Etcd;

namespace FlannelCni.TestKit;

/// <summary>
/// Subnet managers in this process on an etcd of three members, and one fault after the other. After each it must come
/// out that all know the same, that no subnet has two owners, and that nobody has let go of a peer that lives.
/// </summary>
internal sealed class EtcdChaos : IAsyncDisposable
{
    private const string Prefix = "/chaos/network";

    private readonly EtcdCluster _etcd;
    private readonly TextWriter _output;
    private readonly TimeSpan _limit;
    private readonly Random _random;
    private int _publications;

    private EtcdChaos(EtcdCluster etcd, int seed, TimeSpan limit, TextWriter output)
    {
        _etcd = etcd;
        _output = output;
        _limit = limit;
        _random = new Random(seed);
        Faults = new ChaosFaults(etcd, this, _random);
    }

    /// <summary>From a fault's end until all tables are equal, the longest so far.</summary>
    internal TimeSpan Slowest { get; private set; }

    internal int Rounds { get; private set; }

    internal List<ChaosAgent> Agents { get; } = [];

    private ChaosFaults Faults { get; }

    /// <param name="limit">Within which all must be well after a fault.</param>
    internal static async Task<EtcdChaos> StartAsync(int agents, int seed, TimeSpan limit, TextWriter output)
    {
        EtcdChaos chaos = new(await EtcdCluster.StartNewAsync(), seed, limit, output);
        try
        {
            chaos.PutConfig();
            for (int number = 1; number <= agents; number++)
            {
                chaos.Agents.Add(new ChaosAgent(number, chaos._etcd.NewWires(), Prefix));
            }

            await Task.WhenAll(chaos.Agents.Select(static agent => agent.Node.RunAsync()));
            await chaos.ConvergeAsync();
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
        List<ChaosFault> left = [];
        while (Stopwatch.GetElapsedTime(start) < duration)
        {
            if (left.Count == 0)
            {
                left = [.. Faults.All.OrderBy(_ => _random.Next())];
            }

            await RunAsync(left[0]);
            left.RemoveAt(0);
        }
    }

    internal void PutConfig() => _etcd.Control(
        $"put {Prefix}/config", """{"Network": "10.5.0.0/16", "SubnetLen": 20, "Backend": {"Type": "vxlan"}}""");

    internal void DeleteKeyOf(ChaosAgent agent) => _etcd.Control($"del {Prefix}/subnets/{agent.Own.Key}");

    public async ValueTask DisposeAsync()
    {
        foreach (ChaosAgent agent in Agents)
        {
            await agent.Node.DisposeAsync();
        }

        _etcd.Dispose();
    }

    private async Task RunAsync(ChaosFault fault)
    {
        Rounds++;
        Agents.ForEach(static agent => agent.Mark());
        TimeSpan hold = TimeSpan.FromSeconds(0.2 + (_random.NextDouble() * fault.Longest.TotalSeconds));
        await fault.BeginAsync();
        await Task.Delay(hold, TimeProvider.System, CancellationToken.None);
        await fault.EndAsync();
        await _etcd.HealthyAsync();

        long healed = Stopwatch.GetTimestamp();
        await PublishAsync();
        await ConvergeAsync();
        TimeSpan took = Stopwatch.GetElapsedTime(healed);
        Slowest = took > Slowest ? took : Slowest;
        int missed = Agents.Max(agent => agent.MostMissed(Agents.Count - 1));
        await _output.WriteLineAsync(string.Create(
            CultureInfo.InvariantCulture,
            $"{Rounds,4}  {fault.Name,-60} {hold.TotalSeconds,5:0.0} s, equal after {took.TotalSeconds,4:0.0} s, "
            + $"at most {missed} peers away"));
        Require(
            missed <= fault.MayMiss,
            () => $"{fault.Name}: an agent had let go of {missed} peers that live, {fault.MayMiss} may be:\n{Logs()}");
    }

    // Any of them says something new: so their tables are equal only if they hear again.
    private async Task PublishAsync()
    {
        ChaosAgent agent = Agents[_random.Next(Agents.Count)];
        string mac = string.Create(CultureInfo.InvariantCulture, $"0a:00:00:00:00:{++_publications % 256:x2}");
        agent.Node.Attributes = agent.Node.Attributes with { BackendData = $$"""{"VNI":1,"VtepMAC":"{{mac}}"}""" };
        await agent.Node.Manager.PublishAsync(agent.Node.Attributes, agent.Node.Token);
    }

    private async Task ConvergeAsync()
    {
        long start = Stopwatch.GetTimestamp();
        while (!AreEqual() || !HaveOneOwnerEach())
        {
            Require(
                Stopwatch.GetElapsedTime(start) < _limit,
                () => $"after {_limit.TotalSeconds} s the tables are not equal:\n{Tables()}\n{Logs()}");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, CancellationToken.None);
        }
    }

    /// <summary>Does every agent know every other, as it is?</summary>
    private bool AreEqual() => Agents.TrueForAll(one => Agents.TrueForAll(other =>
        one == other
        || (one.Node.Latest?.Peers.ByKey.GetValueOrDefault(other.Own.Key) is Lease known && known == other.Own
            && known.Attributes == other.Node.Attributes && one.Node.Latest.Peers.Count == Agents.Count - 1)));

    /// <summary>Is in etcd what they think, no more and no less?</summary>
    private bool HaveOneOwnerEach()
    {
        string[] keys = _etcd.Control($"get --prefix --keys-only {Prefix}/subnets/")
            .Split('\n', StringSplitOptions.RemoveEmptyEntries);
        string[] owned = [.. Agents.Select(static agent => $"{Prefix}/subnets/{agent.Own.Key}")];
        Require(owned.Length == owned.Distinct().Count(), () => $"a subnet has two owners:\n{Tables()}");
        return owned.Order().SequenceEqual(keys.Order());
    }

    private void Require(bool condition, Func<string> message)
    {
        if (!condition)
        {
            throw new ChaosException($"round {Rounds}: {message()}");
        }
    }

    private string Tables() => string.Join('\n', Agents.Select(static agent =>
        $"{agent.Number} {agent.Own}: {string.Join(' ', agent.Node.Latest?.Peers.ByKey.Values.ToArray() ?? [])}"));

    private string Logs() => string.Join('\n', Agents.SelectMany(static agent =>
        agent.Node.Log.Lines.TakeLast(12).Select(line => $"{agent.Number}: {line}")));
}

/// <summary>The nodes are not as they should be.</summary>
internal sealed class ChaosException(string message) : Exception(message);

/// <summary>One subnet manager, and its wires to etcd's members.</summary>
internal sealed class ChaosAgent(int number, IReadOnlyList<TcpRelay> wires, string prefix)
{
    private int _marked;

    internal int Number { get; } = number;

    internal IReadOnlyList<TcpRelay> Wires { get; } = wires;

    internal EtcdNode Node { get; } = new(
        new EtcdOptions(
            [.. wires.Select(EtcdCluster.Endpoint)], prefix, null, null, null, null, null, TimeSpan.FromMinutes(60)),
        $"192.0.2.{number}");

    internal Lease Own => Node.Latest?.Own ?? throw new InvalidOperationException("it has not begun");

    /// <summary>A fault begins.</summary>
    internal void Mark() => _marked = Node.Snapshots.Count;

    /// <summary>How many peers were away at once since.</summary>
    internal int MostMissed(int peers) => Node.Snapshots.Skip(Math.Max(0, _marked - 1))
        .Max(snapshot => peers - snapshot.Peers.Count);
}
