using FlannelCni.Agent.Backends;
using FlannelCni.Agent.DataPlane;
using FlannelCni.Agent.Leases;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Rtnetlink;

namespace FlannelCni.UnitTests.DataPlane;

/// <summary>A table over a store in memory. Keys below 100 have the shape of ours.</summary>
public sealed class EntryTableTests
{
    private static readonly PlanInput s_input = new(
        new NetworkConfig(IpPrefix.Parse("10.244.0.0/16"), default, false, "fake", default),
        new BackendState(new LeaseAttributes(default, default, "fake", null, null), 1500, []),
        new Underlay("eth0", 2, 1500, default, default, default, default),
        new Lease("own", default, default, new LeaseAttributes(default, default, "fake", null, null), default));

    private readonly FakeStore _store = new();
    private readonly EntryTable<int, byte> _table;
    private readonly Dictionary<PeerKey, Peer> _peers = [];

    public EntryTableTests() => _table = new EntryTable<int, byte>(
        "fake",
        static (peer, _) => new Planned<int, byte>(
            (int)(peer.Subnet.Address.ToUInt128() & 0xFF), (byte)peer.Seniority.Since),
        _store);

    [Fact]
    public async Task A_full_run_adds_replaces_and_removes()
    {
        _store.Entries[2] = 9;
        _store.Entries[7] = 7;
        Have(("a", 1, 1), ("b", 2, 2));

        TableResult result = await RunAsync(isFull: true);

        Assert.Equal(["upsert 2=2", "upsert 1=1", "delete 7=7"], _store.Writes);
        Assert.Equal(3, result.Changed);
        Assert.Empty(result.Drifted);    // it was so before we came
    }

    [Fact]
    public async Task What_is_right_is_not_written()
    {
        Have(("a", 1, 1));
        await RunAsync(isFull: true);

        TableResult result = await RunAsync(isFull: true);

        Assert.Single(_store.Writes);
        Assert.Equal(0, result.Changed);
    }

    [Fact]
    public async Task What_an_interrupted_reading_said_counts_for_nothing()
    {
        _store.Entries[1] = 1;
        _store.IsInterrupted = true;
        Have(("a", 1, 1), ("b", 2, 2));

        await RunAsync(isFull: true);

        Assert.Equal(["upsert 2=2"], _store.Writes);
    }

    [Fact]
    public async Task What_has_not_our_shape_stays()
    {
        _store.Entries[200] = 1;
        Have(("a", 1, 1));

        await RunAsync(isFull: true);
        await RunAsync([], Announce(201, 2));

        Assert.Equal(["upsert 1=1"], _store.Writes);
    }

    [Fact]
    public async Task What_upstream_may_have_left_stays_and_is_reported_once()
    {
        for (int key = 101; key <= 105; key++)
        {
            _store.Entries[key] = 7;
        }

        Have(("a", 1, 1));

        TableResult first = await RunAsync(isFull: true);
        TableResult second = await RunAsync(isFull: true);

        Assert.Equal(["upsert 1=1"], _store.Writes);
        Assert.Equal(
            "fake 101 7, 102 7, 103 7 (and 2 more): belongs to no lease and may be left from another flannel; "
                + "it stays, as nothing proves it",
            Assert.Single(first.Warnings));
        Assert.Empty(second.Warnings);
    }

    [Fact]
    public async Task A_changed_lease_touches_its_entry_alone_and_reads_nothing()
    {
        Have(("a", 1, 1), ("b", 2, 2));
        await RunAsync(isFull: true);
        _store.Reset();

        Have(("a", 1, 5), ("b", 2, 2));
        TableResult result = await RunAsync(["a"]);

        Assert.Equal(["upsert 1=5"], _store.Writes);
        Assert.Equal(0, _store.Reads);
        Assert.Empty(result.Drifted);
    }

    [Fact]
    public async Task A_key_that_moves_is_added_before_the_old_one_is_removed()
    {
        Have(("a", 1, 1));
        await RunAsync(isFull: true);
        _store.Reset();

        Have(("a", 3, 1));
        await RunAsync(["a"]);

        Assert.Equal(["upsert 3=1", "delete 1=1"], _store.Writes);
    }

    [Fact]
    public async Task Swapped_keys_are_two_replacements()
    {
        Have(("a", 1, 1), ("b", 2, 2));
        await RunAsync(isFull: true);
        _store.Reset();

        Have(("a", 2, 1), ("b", 1, 2));
        await RunAsync(["a", "b"]);

        Assert.Equal(["upsert 1=2", "upsert 2=1"], _store.Writes.Order());
    }

    [Fact]
    public async Task A_key_handed_over_unchanged_is_not_written()
    {
        Have(("a", 1, 1));
        await RunAsync(isFull: true);
        _store.Reset();

        Have(("b", 1, 1));
        await RunAsync(["a", "b"]);

        Assert.Empty(_store.Writes);
    }

    [Fact]
    public async Task A_key_of_two_peers_goes_with_the_last()
    {
        Have(("a", 1, 1), ("b", 1, 1), ("c", 1, 1));
        await RunAsync(isFull: true);
        _store.Reset();

        Have(("b", 1, 1), ("c", 1, 1));
        await RunAsync(["a"]);
        Have(("c", 1, 1));
        await RunAsync(["b"]);
        Assert.Empty(_store.Writes);

        Have();
        await RunAsync(["c"]);
        Assert.Equal(["delete 1=1"], _store.Writes);
    }

    [Theory]
    [InlineData(1, null, "upsert 1=1")]
    [InlineData(1, 9, "upsert 1=1")]
    [InlineData(7, 7, "delete 7=7")]
    public async Task Drift_is_repaired_and_counted(int key, int? value, string write)
    {
        Have(("a", 1, 1));
        await RunAsync(isFull: true);
        _store.Reset();
        _store.Set(key, (byte?)value);

        TableResult result = await RunAsync([], Announce(key, (byte?)value));

        Assert.Equal([write], _store.Writes);
        Assert.Equal([$"{key}"], result.Drifted);
    }

    [Theory]
    [InlineData(1, null, "upsert 1=1")]
    [InlineData(7, 7, "delete 7=7")]
    public async Task Drift_that_nobody_announced_is_found_by_a_full_run(int key, int? value, string write)
    {
        Have(("a", 1, 1));
        await RunAsync(isFull: true);
        _store.Reset();
        _store.Set(key, (byte?)value);

        TableResult result = await RunAsync(isFull: true);

        Assert.Equal([write], _store.Writes);
        Assert.Equal([$"{key}"], result.Drifted);
    }

    [Fact]
    public async Task A_notification_older_than_our_last_write_is_no_drift()
    {
        Have(("a", 1, 1));
        await RunAsync(isFull: true);
        Have(("a", 1, 5));
        await RunAsync(["a"]);
        _store.Reset();

        TableResult result = await RunAsync([], Announce(1, 1), Announce(1, null), Announce(1, 1));

        Assert.Empty(_store.Writes);
        Assert.Empty(result.Drifted);
    }

    [Fact]
    public async Task What_somebody_else_restored_is_left_alone()
    {
        Have(("a", 1, 1));
        await RunAsync(isFull: true);
        _store.Reset();

        await RunAsync([], Announce(1, null), Announce(1, 1));

        Assert.Empty(_store.Writes);
    }

    [Fact]
    public async Task A_lease_that_changed_in_a_full_run_is_no_drift()
    {
        Have(("a", 1, 1), ("b", 2, 2), ("c", 203, 3));
        await RunAsync(isFull: true);
        _store.Reset();

        Have(("a", 1, 5), ("d", 4, 4));
        TableResult result = await RunAsync(isFull: true);

        Assert.Equal(
            ["delete 203=3", "delete 2=2", "upsert 1=5", "upsert 4=4"], _store.Writes.Order(StringComparer.Ordinal));
        Assert.Empty(result.Drifted);
    }

    [Fact]
    public async Task What_the_store_refuses_is_told_and_tried_again_and_never_called_drift()
    {
        Have(("a", 1, 1), ("b", 2, 2));
        _store.Refused.Add(1);
        TableResult first = await RunAsync(isFull: true);
        TableResult second = await RunAsync(isFull: true);
        _store.Refused.Clear();
        TableResult third = await RunAsync(isFull: true);

        Assert.Equal(["1 refused"], first.Failures);
        Assert.Equal(1, first.Changed);
        Assert.Equal(["1 refused"], second.Failures);
        Assert.Equal(0, second.Changed);
        Assert.Equal(1, third.Changed);
        Assert.Empty(first.Drifted.Concat(second.Drifted).Concat(third.Drifted));
    }

    [Fact]
    public async Task A_repair_that_failed_counts_when_it_succeeds()
    {
        Have(("a", 1, 1));
        await RunAsync(isFull: true);
        _store.Entries.Clear();
        _store.Refused.Add(1);
        TableResult failed = await RunAsync(isFull: true);
        _store.Refused.Clear();

        TableResult repaired = await RunAsync(isFull: true);

        Assert.Empty(failed.Drifted);
        Assert.Equal(["1"], repaired.Drifted);
    }

    private void Have(params (string Lease, int Key, byte Value)[] peers)
    {
        _peers.Clear();
        foreach ((string lease, int key, byte value) in peers)
        {
            PeerKey peerKey = new(lease, Is6: false);
            IpPrefix subnet = IpPrefix.Host(IpAddr.Parse($"10.244.0.{key}"));
            _peers[peerKey] = new Peer(peerKey, new Seniority(value, lease), subnet, default, default);
        }
    }

    private static RtnlEvent Announce(int key, byte? value) =>
        new(RtnlEventKind.Address, IsDeleted: value is null, PortId: 0)
        {
            Address = new LinkAddress(key, IpPrefix.Host(IpAddr.FromUInt32(value ?? 0))),
        };

    private Task<TableResult> RunAsync(bool isFull) => RunAsync(new SyncScope(_peers, isFull, [], []));

    private Task<TableResult> RunAsync(string[] changed, params RtnlEvent[] events) => RunAsync(
        new SyncScope(_peers, false, [.. changed.Select(static lease => new PeerKey(lease, Is6: false))], events));

    private async Task<TableResult> RunAsync(SyncScope scope)
    {
        await _table.CompareAsync(s_input, scope, CancellationToken.None);
        TableResult upserted = await _table.UpsertAsync(CancellationToken.None);
        TableResult deleted = await _table.DeleteAsync(CancellationToken.None);
        return new TableResult(
            upserted.Changed + deleted.Changed,
            [.. upserted.Drifted, .. deleted.Drifted],
            [.. upserted.Failures, .. deleted.Failures])
        {
            Warnings = [.. upserted.Warnings, .. deleted.Warnings],
        };
    }

    private sealed class FakeStore : IStore<int, byte>
    {
        internal Dictionary<int, byte> Entries { get; } = [];

        internal HashSet<int> Refused { get; } = [];

        internal List<string> Writes { get; } = [];

        internal int Reads { get; private set; }

        internal bool IsInterrupted { get; set; }

        public ValueTask ReadAsync(
            PlanInput input, IEntryReader<int, byte> reader, CancellationToken cancellationToken)
        {
            Reads++;
            if (IsInterrupted)
            {
                // As a table that changes meanwhile.
                reader.Restart();
                reader.Read(1, 77);
                reader.Read(50, 50);
            }

            reader.Restart();
            foreach ((int key, byte entry) in Entries)
            {
                reader.Read(key, entry);
                reader.Read(key, (byte)(entry + 1));    // behind the first of its key
            }

            return ValueTask.CompletedTask;
        }

        public EntryOwner OwnerOf(PlanInput input, int key, byte entry) =>
            key < 100 ? EntryOwner.Us : key < 200 ? EntryOwner.PerhapsUpstream : EntryOwner.Foreign;

        public bool TryRead(PlanInput input, in RtnlEvent kernelEvent, out int key, out byte? entry)
        {
            key = kernelEvent.Address.LinkIndex;
            entry = kernelEvent.IsDeleted ? null : (byte)kernelEvent.Address.Prefix.Address.ToUInt128();
            return true;
        }

        public ValueTask<IReadOnlyList<EntryFailure<int>>> UpsertAsync(
            IReadOnlyList<KeyValuePair<int, byte>> entries, CancellationToken cancellationToken) =>
            Write(entries, "upsert", entry => Entries[entry.Key] = entry.Value);

        public ValueTask<IReadOnlyList<EntryFailure<int>>> DeleteAsync(
            IReadOnlyList<KeyValuePair<int, byte>> entries, CancellationToken cancellationToken) =>
            Write(entries, "delete", entry => Entries.Remove(entry.Key));

        internal void Set(int key, byte? value)
        {
            Entries.Remove(key);
            if (value is { } entry)
            {
                Entries[key] = entry;
            }
        }

        internal void Reset()
        {
            Writes.Clear();
            Reads = 0;
        }

        private ValueTask<IReadOnlyList<EntryFailure<int>>> Write(
            IReadOnlyList<KeyValuePair<int, byte>> entries, string verb, Action<KeyValuePair<int, byte>> write)
        {
            List<EntryFailure<int>> failures = [];
            foreach (KeyValuePair<int, byte> entry in entries)
            {
                if (Refused.Contains(entry.Key))
                {
                    failures.Add(new EntryFailure<int>(entry.Key, $"{entry.Key} refused"));
                    continue;
                }

                Writes.Add($"{verb} {entry.Key}={entry.Value}");
                write(entry);
            }

            return ValueTask.FromResult<IReadOnlyList<EntryFailure<int>>>(failures);
        }
    }
}
