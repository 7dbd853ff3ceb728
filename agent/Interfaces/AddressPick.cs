using FlannelCni.Linux.Net;
using FlannelCni.Linux.Rtnetlink;
using static FlannelCni.Linux.Rtnetlink.AddressFlags;

namespace FlannelCni.Agent.Interfaces;

/// <summary>Which address of an interface is this node's. Pure.</summary>
internal static class AddressPick
{
    /// <summary>
    /// The usable addresses of one family, best first: global before link-local, ready before tentative, permanent
    /// before leased, primary before secondary (IPv6: stable before temporary), else in the kernel's order.
    /// </summary>
    internal static IEnumerable<IpAddr> Usable(HostFacts facts, Link link, bool is6) => facts.Addresses
        .Where(address => address.LinkIndex == link.Index && address.Prefix.Is6 == is6 && IsUsable(address))
        .OrderBy(static address => address.Prefix.Address.IsGlobalUnicast ? 0 : 1)
        .ThenBy(static address => (address.Flags & IFA_F_TENTATIVE) == 0 ? 0 : 1)
        .ThenBy(static address => (address.Flags & IFA_F_PERMANENT) != 0 ? 0 : 1)
        .ThenBy(static address => (address.Flags & IFA_F_SECONDARY) == 0 ? 0 : 1)
        .Select(static address => address.Prefix.Address);

    /// <summary>The best of <see cref="Usable"/>; none: there is none.</summary>
    internal static IpAddr Best(HostFacts facts, Link link, bool is6) => Usable(facts, link, is6).FirstOrDefault();

    private static bool IsUsable(LinkAddress address)
    {
        IpAddr ip = address.Prefix.Address;
        return (ip.IsGlobalUnicast || ip.IsLinkLocal)
            && (address.Flags & (IFA_F_DEPRECATED | IFA_F_DADFAILED)) == 0;
    }
}
