using FlannelCni.Agent.Backends;
using FlannelCni.Agent.DataPlane;
using FlannelCni.Agent.Leases;
using FlannelCni.Linux.Net;

namespace FlannelCni.UnitTests.DataPlane;

public sealed class PeerTableTests
{
    private readonly PeerTable _table = new();
    private LeaseTable _leases = LeaseTable.Empty;

    [Fact]
    public void Who_claims_nothing_of_others_is_admitted()
    {
        PeerChanges update = Update(LeaseOf("a", 1, "10.244.1.0/24"), LeaseOf("b", 2, "10.244.2.0/24"));

        Assert.Equal(["a", "b"], Admitted());
        Assert.All(update.Changes, static change => Assert.Null(change.Old));
        Assert.Empty(update.Refusals);
    }

    [Theory]
    [InlineData("10.244.1.0/24", "10.244.1.0/24")]
    [InlineData("10.244.0.0/16", "10.244.1.0/24")]
    [InlineData("10.244.1.0/24", "10.244.0.0/16")]
    [InlineData("10.244.1.0/24", "10.244.1.128/25")]
    [InlineData("10.244.1.128/25", "10.244.1.0/24")]
    [InlineData("10.244.1.7/32", "10.244.1.0/29")]
    [InlineData("fd00::/48", "fd00:0:0:1::/64")]
    [InlineData("fd00:0:0:1::/64", "fd00::/48")]
    public void The_senior_keeps_a_subnet_that_overlaps(string seniors, string juniors)
    {
        PeerChanges update = Update(LeaseOf("junior", 2, juniors), LeaseOf("senior", 1, seniors));

        Assert.Equal(["senior"], Admitted());
        KeyValuePair<PeerKey, Refusal> refusal = Assert.Single(update.Refusals);
        Assert.Equal("junior", refusal.Key.Lease);
        Assert.Equal(
            new Refusal(
                RefusalReason.Conflict, $"its subnet {juniors} belongs to the older lease senior (192.0.2.1)"),
            refusal.Value);
    }

    [Theory]
    [InlineData("10.244.0.0/24", "10.244.1.0/24")]
    [InlineData("10.244.0.0/25", "10.244.0.128/25")]
    [InlineData("10.244.2.0/23", "10.244.1.0/24")]
    [InlineData("0.0.0.0/1", "128.0.0.0/1")]
    public void Neighbouring_subnets_do_not_overlap(string one, string other)
    {
        Update(LeaseOf("a", 1, one), LeaseOf("b", 2, other), LeaseOf("c", 3, "fd00::/64"));

        Assert.Equal(["a", "b", "c"], Admitted());
    }

    [Fact]
    public void A_MAC_behind_two_addresses_is_the_seniors()
    {
        PeerChanges update = Update(
            LeaseOf("senior", 1, "10.244.1.0/24", mac: 7), LeaseOf("clone", 2, "10.244.2.0/24", mac: 7, ip: 2));

        Assert.Equal(["senior"], Admitted());
        Assert.Equal(
            "its VTEP MAC 0e:00:00:00:00:07 belongs to the older lease senior (192.0.2.1)",
            Assert.Single(update.Refusals).Value.Text);
    }

    [Fact]
    public void A_MAC_behind_one_address_is_one_node_with_two_leases()
    {
        Update(LeaseOf("old", 1, "10.244.1.0/24", mac: 7), LeaseOf("new", 2, "10.244.2.0/24", mac: 7));
        Assert.Equal(["new", "old"], Admitted());

        Update(LeaseOf("new", 2, "10.244.2.0/24", mac: 7), LeaseOf("clone", 3, "10.244.3.0/24", mac: 7, ip: 3));
        Assert.Equal(["new"], Admitted());

        Update(LeaseOf("clone", 3, "10.244.3.0/24", mac: 7, ip: 3));
        Assert.Equal(["clone"], Admitted());
    }

    [Fact]
    public void One_MAC_in_both_families_is_no_conflict()
    {
        Update(LeaseOf("a", 1, "10.244.1.0/24", mac: 7), LeaseOf("b", 2, "fd00::/64", mac: 7, ip: 2));

        Assert.Equal(["a", "b"], Admitted());
    }

    [Fact]
    public void Who_was_refused_is_admitted_when_the_senior_leaves()
    {
        Lease junior = LeaseOf("junior", 2, "10.244.1.0/24");
        Update(LeaseOf("senior", 1, "10.244.1.0/24"), junior);

        PeerChanges update = Update(junior);

        Assert.Equal(["junior"], Admitted());
        Assert.Empty(_table.Refused);
        Assert.Equal(2, update.Changes.Count);
        Assert.Empty(update.Refusals);
    }

    [Fact]
    public void A_senior_that_comes_late_takes_what_is_its()
    {
        Lease junior = LeaseOf("junior", 2, "10.244.1.0/24");
        Update(junior);

        PeerChanges update = Update(junior, LeaseOf("senior", 1, "10.244.0.0/16"));

        Assert.Equal(["senior"], Admitted());
        Assert.Contains(update.Changes, static change => change is { Key.Lease: "junior", New: null });
    }

    [Fact]
    public void Two_peers_may_swap_their_subnets_in_one_update()
    {
        Update(LeaseOf("a", 1, "10.244.1.0/24"), LeaseOf("b", 2, "10.244.2.0/24", mac: 2, ip: 2));

        PeerChanges update = Update(LeaseOf("a", 1, "10.244.2.0/24"), LeaseOf("b", 2, "10.244.1.0/24", mac: 2, ip: 2));

        Assert.Equal(["a", "b"], Admitted());
        Assert.Equal(2, update.Changes.Count);
        Assert.Empty(update.Refusals);
    }

    [Fact]
    public void A_refusal_is_told_once()
    {
        Lease[] leases =
        [
            LeaseOf("senior", 1, "10.244.1.0/24"), LeaseOf("junior", 2, "10.244.1.0/24"), LeaseOf("insane", 3, ""),
        ];
        Assert.Equal(2, Update(leases).Refusals.Count);

        PeerChanges update = Update([.. leases, LeaseOf("other", 4, "10.244.4.0/24", mac: 4)]);

        Assert.Empty(update.Refusals);
        Assert.Equal(["insane", "junior"], _table.Refused.Keys.Select(static key => key.Lease).Order());
    }

    [Fact]
    public void A_lease_that_nothing_changed_in_is_no_change()
    {
        Lease[] leases =
        [
            LeaseOf("a", 1, "10.244.1.0/24"),
            LeaseOf("b", 2, "10.244.1.0/24"),
            LeaseOf("c", 3, "10.244.3.0/24", mac: 3),
        ];
        Update(leases);

        Assert.Empty(_table.Update(_leases, Read, changed: null).Changes);
        Assert.Empty(Update(leases).Changes);
    }

    /// <summary>Whatever comes in whatever order and in whatever portions: the last leases alone decide.</summary>
    [Fact]
    public void The_outcome_depends_on_the_leases_and_not_on_their_order()
    {
        Random random = new(20_24);
        for (int round = 0; round < 300; round++)
        {
            Lease?[] last = [.. Enumerable.Range(0, 12).Select(i => RandomLease(random, i))];
            PeerTable atOnce = new();
            atOnce.Update(TableOf(last.OfType<Lease>()), Read, changed: null);

            PeerTable inSteps = new();
            LeaseTable current = LeaseTable.Empty;
            Dictionary<PeerKey, Peer> followed = [];
            for (int step = 0; step < 60; step++)
            {
                int[] numbers = [.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => random.Next(12))];
                foreach (int i in numbers)
                {
                    current = Put(current, i, step < 40 ? RandomLease(random, i) : last[i]);
                }

                Follow(followed, inSteps.Update(current, Read, [.. numbers.Select(static i => $"n{i}").Distinct()]));
            }

            current = Enumerable.Range(0, 12).Aggregate(current, (table, i) => Put(table, i, last[i]));
            Follow(followed, inSteps.Update(current, Read, [.. Enumerable.Range(0, 12).Select(static i => $"n{i}")]));

            Assert.Equal(Sorted(atOnce.Admitted), Sorted(inSteps.Admitted));
            Assert.Equal(Sorted(inSteps.Admitted), Sorted(followed));
            Assert.Equal(Sorted(atOnce.Refused), Sorted(inSteps.Refused));
            Assert.DoesNotContain(
                inSteps.Admitted.Values, a => inSteps.Admitted.Values.Any(b => a != b && a.Subnet.Overlaps(b.Subnet)));
        }
    }

    private static LeaseTable TableOf(IEnumerable<Lease> leases) =>
        leases.Aggregate(LeaseTable.Empty, static (table, lease) => table.With(lease));

    private static LeaseTable Put(LeaseTable table, int i, Lease? lease) =>
        lease is null ? table.Without($"n{i}") : table.With(lease);

    private static void Follow(Dictionary<PeerKey, Peer> followed, PeerChanges update)
    {
        foreach (PeerChange change in update.Changes)
        {
            Assert.Equal(followed.GetValueOrDefault(change.Key), change.Old);
            followed.Remove(change.Key);
            if (change.New is { } peer)
            {
                followed.Add(change.Key, peer);
            }
        }
    }

    private static Lease? RandomLease(Random random, int i) => random.Next(5) == 0 ? null : LeaseOf(
        $"n{i}",
        random.Next(4),
        random.Next(6) == 0 ? "" : new IpPrefix(
            IpAddr.FromUInt32(0x0AF40000 + (uint)random.Next(8) * 64), random.Next(23, 28)).Masked.ToString(),
        (byte)random.Next(1, 6),
        (byte)random.Next(1, 3));

    private static string[] Sorted<T>(IEnumerable<KeyValuePair<PeerKey, T>> entries) =>
        [.. entries.Select(static entry => $"{entry.Key} {entry.Value}").Order(StringComparer.Ordinal)];

    private PeerChanges Update(params Lease[] leases)
    {
        LeaseTable before = _leases;
        _leases = TableOf(leases);
        return _table.Update(_leases, Read, [.. before.ByKey.Keys.Union(_leases.ByKey.Keys)]);
    }

    private string[] Admitted() =>
        [.. _table.Admitted.Keys.Select(static key => key.Lease).Order(StringComparer.Ordinal)];

    // A backend that believes everything, but wants a subnet.
    private static PeerReading Read(Lease lease, bool is6)
    {
        IpPrefix subnet = is6 ? lease.IPv6Subnet : lease.Subnet;
        return lease.Subnet.IsNone && lease.IPv6Subnet.IsNone && !is6
            ? PeerReading.Refused(new Refusal(RefusalReason.Subnet, "it has no subnet"))
            : subnet.IsNone ? PeerReading.None
            : PeerReading.Of(new Peer(
                new PeerKey(lease.Key, is6),
                lease.Seniority,
                subnet,
                lease.Attributes.PublicIP,
                MacAddress.Parse(lease.Attributes.BackendData!)));
    }

    private static Lease LeaseOf(string key, long since, string subnet, byte mac = 0, byte ip = 1)
    {
        IpPrefix prefix = subnet.Length == 0 ? default : IpPrefix.Parse(subnet);
        return new Lease(
            key,
            prefix.Is4 ? prefix : default,
            prefix.Is6 ? prefix : default,
            new LeaseAttributes(IpAddr.Parse($"192.0.2.{ip}"), default, "fake", $"0e:00:00:00:00:{mac:x2}", null),
            new Seniority(since, key));
    }
}
