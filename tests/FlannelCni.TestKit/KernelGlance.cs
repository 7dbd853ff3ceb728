using FlannelCni.Linux;
using FlannelCni.Linux.Rtnetlink;

namespace FlannelCni.TestKit;

/// <summary>
/// What <see cref="KernelState"/> shows, read by ourselves in a millisecond and without any program: to measure with on
/// a busy machine, not to judge by.
/// </summary>
internal static class KernelGlance
{
    /// <summary>Null: it changed under our eyes.</summary>
    internal static HashSet<string>? Of(TestNode node)
    {
        try
        {
            return Read(node.Rtnl);
        }
        catch (LinuxException)
        {
            return null;
        }
    }

    private static HashSet<string> Read(RtnlSocket rtnl)
    {
        HashSet<string> lines = [];
        List<Link> links = rtnl.ListLinks();
        foreach (Link link in links.Where(static link => link.Vxlan is not null))
        {
            lines.Add($"{link.Name} {link.IsUp} {link.Mtu} {link.Mac} {link.Vxlan! with { ParentIndex = 0 }} "
                + NameOf(links, link.Vxlan.ParentIndex));
            lines.UnionWith(rtnl.ListFdb(link.Index).Select(
                entry => $"{link.Name} {entry with { LinkIndex = 0, MasterIndex = 0 }}"));
        }

        foreach (bool is6 in (bool[])[false, true])
        {
            lines.UnionWith(rtnl.ListAddresses(is6)
                .Where(static address => !address.Prefix.Address.IsLinkLocal)
                .Select(address => $"{NameOf(links, address.LinkIndex)} {address.Prefix}"));
            lines.UnionWith(rtnl
                .ListRoutes(
                    new RouteFilter(is6),
                    static route => route.Type != RouteType.RTN_BLACKHOLE && !route.Destination.Address.IsLinkLocal)
                .Select(route =>
                    $"{NameOf(links, route.OutInterface)} {route with { OutInterface = 0, NexthopId = 0 }}"));
            foreach (Link link in links.Where(static link => link.Vxlan is not null))
            {
                lines.UnionWith(rtnl.ListNeighbours(is6, link.Index)
                    .Where(static neighbour => neighbour.State == NeighbourState.NUD_PERMANENT)
                    .Select(neighbour => $"{link.Name} {neighbour with { LinkIndex = 0 }}"));
            }
        }

        return lines;
    }

    private static string NameOf(List<Link> links, int index) => links.Find(link => link.Index == index)?.Name ?? "";
}
