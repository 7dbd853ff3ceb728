// Neighbours ask for an IPv6 address in a multicast group (RFC 4861), which the kernel joins some time after it has the
// address, by a work queue: nothing but the list of groups tells that it has. Who asks before is not heard, and asks
// again after a second: that is how long a pod's first packet would take.

using FlannelCni.Linux.Net;
using FlannelCni.Linux.Rtnetlink;

namespace FlannelCni.Plugin.Bridging;

/// <summary>Waits until an interface hears those who ask for its addresses.</summary>
internal static class SolicitedNodes
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(1);    // then they ask again

    /// <param name="addresses">Those of IPv4 need nothing.</param>
    internal static void WaitFor(RtnlSocket socket, int linkIndex, IReadOnlyList<IpAddr> addresses)
    {
        List<IpAddr> wanted = [];
        foreach (IpAddr address in addresses)
        {
            if (address.Is6)
            {
                wanted.Add(address.SolicitedNode);
            }
        }

        ShortPolling polling = new(s_patience);
        while (wanted.Count > 0 && !HasAll(socket.ListMulticastGroups(is6: true, linkIndex), wanted) && polling.Wait())
        {
        }
    }

    private static bool HasAll(List<IpAddr> groups, List<IpAddr> wanted)
    {
        foreach (IpAddr group in wanted)
        {
            if (!groups.Contains(group))
            {
                return false;
            }
        }

        return true;
    }
}
