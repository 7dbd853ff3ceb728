using System.Text;
using FlannelCni.Agent.Leases;
using FlannelCni.Agent.Leases.Etcd;
using FlannelCni.Agent.Leases.Etcd.Protocol;
using FlannelCni.Linux.Net;

namespace FlannelCni.UnitTests.Leases.Etcd;

public sealed class ClaimPlanTests
{
    private static readonly LeaseKeys s_keys = new("/net");

    private static readonly SubnetPools s_pools =
        new(SubnetPool.Derive(IpPrefix.Parse("10.5.0.0/16"), default), default);

    [Fact]
    public void Of_several_keys_of_ours_a_reservation_goes_first_then_the_oldest()
    {
        KeyValue young = Kv("10.5.1.0-24", "192.0.2.1", created: 9, lease: 7);
        KeyValue old = Kv("10.5.2.0-24", "192.0.2.1", created: 3, lease: 7);
        KeyValue reservation = Kv("10.5.3.0-24", "192.0.2.1", created: 8, lease: 0);

        Assert.Equal(old, Decide(young, old).Reuse?.Kv);
        Assert.Equal(reservation, Decide(young, old, reservation).Reuse?.Kv);
    }

    [Fact]
    public void What_does_not_fit_is_given_up_unless_it_is_reserved()
    {
        KeyValue leased = Kv("10.6.1.0-24", "192.0.2.1", created: 3, lease: 7);
        KeyValue reserved = Kv("10.5.0.0-20", "192.0.2.1", created: 3, lease: 0);

        ClaimPlan plan = Decide(leased, reserved);

        Assert.Null(plan.Reuse);
        Assert.Equal([leased, reserved], plan.Unfit.Select(static claim => claim.Kv));
        Assert.Equal([IpPrefix.Parse("10.5.0.0/20")], plan.Taken.Select(static pair => pair.Subnet));
    }

    [Fact]
    public void Of_two_that_overlap_the_younger_is_given_up()
    {
        KeyValue ours = Kv("10.5.1.0-24", "192.0.2.1", created: 5, lease: 7);
        KeyValue younger = Kv("10.5.1.0-24&fd00::-64", "192.0.2.2", created: 6, lease: 8);
        KeyValue older = Kv("10.5.0.0-23", "192.0.2.3", created: 4, lease: 9);

        Assert.Equal(ours, Decide(ours, younger).Reuse?.Kv);
        Assert.Null(Decide(ours, younger, older).Reuse);
        Assert.Equal([ours], Decide(ours, younger, older).Unfit.Select(static claim => claim.Kv));
    }

    [Fact]
    public void One_lease_is_kept_and_what_there_is_beside_it_is_given_up()
    {
        KeyValue old = Kv("10.5.2.0-24", "192.0.2.1", created: 3, lease: 7);
        KeyValue young = Kv("10.5.1.0-24", "192.0.2.1", created: 9, lease: 7);

        ClaimPlan plan = Decide(young, old);

        Assert.Equal(old, plan.Reuse?.Kv);
        Assert.Equal([young], plan.Unfit.Select(static claim => claim.Kv));
    }

    [Fact]
    public void A_value_that_cannot_be_read_still_takes_its_subnet()
    {
        KeyValue broken = Kv("10.5.1.0-24", "192.0.2.1", created: 3, lease: 7) with { Value = [] };

        ClaimPlan plan = Decide(broken, Kv("nonsense", "192.0.2.1", created: 4, lease: 7));

        Assert.Null(plan.Reuse);
        Assert.Equal([IpPrefix.Parse("10.5.1.0/24")], plan.Taken.Select(static pair => pair.Subnet));
    }

    private static ClaimPlan Decide(params KeyValue[] kvs) => ClaimPlan.Decide(
        kvs, s_keys, s_pools, new LeaseAttributes(IpAddr.Parse("192.0.2.1"), default, "", null, null));

    private static KeyValue Kv(string name, string publicIP, long created, long lease) => new(
        "/net/subnets/" + name, Encoding.UTF8.GetBytes($$"""{"PublicIP":"{{publicIP}}"}"""), created, created, lease);
}
