using FlannelCni.Agent.Backends;
using FlannelCni.Agent.Leases;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Rtnetlink;

namespace FlannelCni.UnitTests.Backends;

/// <summary>Node 1 of a dual-stack cluster, as the reconciler would hand it to a plan.</summary>
internal static class PlanInputs
{
    internal const int Eth0 = 2;

    /// <param name="onLink">The networks that are on eth0's link.</param>
    internal static PlanInput Create(params string[] onLink)
    {
        LeaseAttributes own = new(IpAddr.Parse("192.0.2.1"), IpAddr.Parse("2001:db8::1"), "", null, null);
        MacAddress mac = MacAddress.Parse("0e:00:00:00:00:01");
        return new PlanInput(
            new NetworkConfig(
                IpPrefix.Parse("10.244.0.0/16"), IpPrefix.Parse("fd00:10:244::/48"), false, "", default),
            new BackendState(
                own,
                1450,
                [
                    new DeviceFacts(Is6: false, "flannel.1", 5, mac),
                    new DeviceFacts(Is6: true, "flannel-v6.1", 6, mac),
                ])
            {
                OnLink = OnLinkNetworks.Of(
                    onLink.Select(static text => new Route(IpPrefix.Parse(text)) { OutInterface = Eth0 }), Eth0, []),
            },
            new Underlay("eth0", Eth0, 1500, own.PublicIP, own.PublicIPv6, own.PublicIP, own.PublicIPv6),
            new Lease("own", IpPrefix.Parse("10.244.1.0/24"), IpPrefix.Parse("fd00:10:244:1::/64"), own, default));
    }
}
