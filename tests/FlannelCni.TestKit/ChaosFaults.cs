namespace FlannelCni.TestKit;

/// <param name="Longest">How long it lasts at most.</param>
/// <param name="MayMiss">Peers that may be away for a moment at once, as their leases were taken away.</param>
internal sealed record ChaosFault(
    string Name, TimeSpan Longest, int MayMiss, Func<Task> BeginAsync, Func<Task> EndAsync);

/// <summary>What is done to etcd, to the wires and to the keys.</summary>
internal sealed class ChaosFaults(EtcdCluster etcd, EtcdChaos chaos, Random random)
{
    private static readonly TimeSpan s_short = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_long = TimeSpan.FromSeconds(9);

    private List<EtcdMember> _hit = [];
    private List<ChaosAgent> _cut = [];

    internal IReadOnlyList<ChaosFault> All =>
    [
        Members("a member is killed", s_short, AnyAsync, static m => m.Kill(), static m => m.Start()),
        Members("the leader is killed", s_short, LeaderAsync, static m => m.Kill(), static m => m.Start()),
        Members("two members are killed", s_short, TwoAsync, static m => m.Kill(), static m => m.Start()),
        Members("all members are killed", s_short, AllAsync, static m => m.Kill(), static m => m.Start()),
        Members("a member is stopped", s_long, AnyAsync, static m => m.Pause(), static m => m.Resume()),
        Members("the leader is stopped", s_long, LeaderAsync, static m => m.Pause(), static m => m.Resume()),
        Members("two members are stopped", s_long, TwoAsync, static m => m.Pause(), static m => m.Resume()),
        Members("a member is cut off", s_long, AnyAsync, static m => m.Isolate(), static m => m.Rejoin()),
        Members("the leader is cut off", s_long, LeaderAsync, static m => m.Isolate(), static m => m.Rejoin()),
        Members("two members are cut off", s_long, TwoAsync, static m => m.Isolate(), static m => m.Rejoin()),
        Members("the wire of a member is slow", s_short, AnyAsync, Slow, Fast),
        Wires("an agent is cut off", s_short, 1, static w => w.Cut(), static w => w.Join()),
        Wires("all agents are cut off", s_short, int.MaxValue, static w => w.Cut(), static w => w.Join()),
        Wires("an agent hears nothing", s_long, 1, static w => w.Freeze(), static w => w.Thaw()),
        Wires("all agents hear nothing", s_long, int.MaxValue, static w => w.Freeze(), static w => w.Thaw()),
        Wires("all agents hear late", s_short, int.MaxValue,
            static w => w.Delay = TimeSpan.FromMilliseconds(80), static w => w.Delay = TimeSpan.Zero),
        Keys("a key is deleted", mayMiss: 1, () => chaos.DeleteKeyOf(AnyAgent())),
        Keys("a lease has ended", mayMiss: 1, () => Revoke(AnyAgent())),
        WhileCut("the past is compacted while an agent is cut off", 1, s_short, Compact),
        WhileCut("all leases end while all agents are cut off", int.MaxValue, s_short, RevokeAll),
        WhileCut("all keys are deleted and compacted while all are cut off", int.MaxValue, s_short, DeleteAll),
        new ChaosFault("the store is wiped", s_short, 0, WipeAsync, static () => Task.CompletedTask),
        new ChaosFault("the store is wiped and written on", s_short, 0, WipeAndGrowAsync, JoinAsync),
        Keys("etcd lets in whom it knows, and whom it does not", mayMiss: 0, ToggleUsers),
    ];

    private static ChaosFault Keys(string name, int mayMiss, Action act) => new(
        name, s_short, mayMiss, () => Done(act), static () => Task.CompletedTask);

    private ChaosFault Members(
        string name,
        TimeSpan longest,
        Func<Task<List<EtcdMember>>> choose,
        Action<EtcdMember> begin,
        Action<EtcdMember> end) => new(
            name,
            longest,
            0,
            async () => (_hit = await choose()).ForEach(begin),
            () => Done(() => _hit.ForEach(end)));

    private ChaosFault Wires(
        string name, TimeSpan longest, int agents, Action<TcpRelay> begin, Action<TcpRelay> end) => new(
            name,
            longest,
            0,
            () => Done(() => OnWires(_cut = Choose(agents), begin)),
            () => Done(() => OnWires(_cut, end)));

    private ChaosFault WhileCut(string name, int agents, TimeSpan longest, Action act) => new(
        name,
        longest,
        0,
        () => Done(() =>
        {
            OnWires(_cut = Choose(agents), static wire => wire.Cut());
            act();
        }),
        JoinAsync);

    private Task JoinAsync() => Done(() => OnWires(_cut, static wire => wire.Join()));

    private async Task WipeAsync()
    {
        foreach (EtcdMember member in etcd.Members)
        {
            member.Kill();
        }

        foreach (EtcdMember member in etcd.Members)
        {
            member.Wipe();
        }

        await etcd.StartAsync();
        chaos.PutConfig();
    }

    // Past all revisions that the agents have seen.
    private async Task WipeAndGrowAsync()
    {
        OnWires(_cut = Choose(int.MaxValue), static wire => wire.Cut());
        long revision = etcd.Revision();
        await WipeAsync();
        while (etcd.Revision() < revision + 10)
        {
            string puts = string.Concat(Enumerable.Range(0, 100).Select(static i => $"put other{i} x\n"));
            for (long missing = revision + 10 - etcd.Revision(); missing > 0; missing--)
            {
                etcd.Control("txn", $"\n{puts}\n\n");
            }
        }
    }

    private void Slow(EtcdMember member) => etcd.Switch.Shell(
        $"tc qdisc add dev port{member.Number} root tbf rate 200kbit burst 3000 latency 300ms");

    private void Fast(EtcdMember member) => etcd.Switch.Shell($"tc qdisc del dev port{member.Number} root");

    private void Compact()
    {
        etcd.Control("put other y");
        etcd.Control($"compact {etcd.Revision()}");
    }

    private void DeleteAll()
    {
        chaos.Agents.ForEach(chaos.DeleteKeyOf);
        Compact();
    }

    private void RevokeAll()
    {
        foreach (string line in etcd.Control("lease list").Split('\n').Skip(1))
        {
            etcd.Control($"lease revoke {line}");
        }
    }

    private void Revoke(ChaosAgent agent)
    {
        string grant = etcd.Control($"get --prefix --keys-only /chaos/network/subnets/{agent.Own.Key} -w fields")
            .Split('\n').Single(static line => line.StartsWith("\"Lease\"", StringComparison.Ordinal)).Split(' ')[^1];
        etcd.Control($"lease revoke {long.Parse(grant, System.Globalization.CultureInfo.InvariantCulture):x}");
    }

    // Tokens and permissions are of a revision that is old then; agents have neither user nor password.
    private void ToggleUsers()
    {
        etcd.Control("user add root:root");
        etcd.Control("user grant-role root root");
        etcd.Control("auth enable");
        etcd.Control("--user root:root auth disable");
        etcd.Control("user delete root");
    }

    private async Task<List<EtcdMember>> LeaderAsync() => [await etcd.LeaderAsync()];

    private Task<List<EtcdMember>> AnyAsync() => Task.FromResult(Some(1));

    private Task<List<EtcdMember>> TwoAsync() => Task.FromResult(Some(2));

    private Task<List<EtcdMember>> AllAsync() => Task.FromResult(Some(3));

    private List<EtcdMember> Some(int count) => [.. etcd.Members.OrderBy(_ => random.Next()).Take(count)];

    private ChaosAgent AnyAgent() => Choose(1)[0];

    private List<ChaosAgent> Choose(int count) => [.. chaos.Agents.OrderBy(_ => random.Next()).Take(count)];

    private static void OnWires(List<ChaosAgent> agents, Action<TcpRelay> act)
    {
        foreach (TcpRelay wire in agents.SelectMany(static agent => agent.Wires))
        {
            act(wire);
        }
    }

    private static Task Done(Action act)
    {
        act();
        return Task.CompletedTask;
    }
}
