using FlannelCni.Linux.Net;
using FlannelCni.Linux.Rtnetlink;

namespace FlannelCni.Agent.Interfaces;

/// <summary>
/// The first interface, by ifindex, that an expression finds: by its addresses, else by its name. Pure. Devices that
/// flannel itself makes are passed by, for their addresses are there only from the second start on.
/// </summary>
internal static class RegexMatch
{
    internal static Attempt Find(string text, InterfacePattern pattern, InterfaceRequest request, HostFacts facts)
    {
        List<Attempt> matches = [.. facts.Links
            .Where(static link => !link.Name.StartsWith("flannel", StringComparison.Ordinal) && link.Name != "cni0")
            .Select(link => Match(text, pattern, link, request, facts))];
        return matches.Find(match => IsWhole(match, request))
            ?? matches.Find(static match => match.Link is not null && !(match.Address.IsNone && match.AddressV6.IsNone))
            ?? matches.Find(static match => match.Link is not null)
            ?? Attempt.Failed($"--iface-regex={text}: it matches no interface that has usable addresses");
    }

    // One of one interface: a match of one family is never joined to a match of the other elsewhere.
    private static Attempt Match(
        string text, InterfacePattern pattern, Link link, InterfaceRequest request, HostFacts facts)
    {
        IpAddr address = request.EnableIPv4 ? First(is6: false) : default;
        IpAddr addressV6 = request.EnableIPv6 ? First(is6: true) : default;
        bool isFit = HasAddresses(link, request, facts);
        string found = !address.IsNone ? address.ToString() : !addressV6.IsNone ? addressV6.ToString() : link.Name;
        return isFit && (found != link.Name || pattern.Matches(link.Name))
            ? new Attempt(link, $"--iface-regex={text} matches {found}") { Address = address, AddressV6 = addressV6 }
            : Attempt.Failed("");

        IpAddr First(bool is6) =>
            AddressPick.Usable(facts, link, is6).FirstOrDefault(ip => pattern.Matches(ip.ToString()));
    }

    private static bool HasAddresses(Link link, InterfaceRequest request, HostFacts facts) =>
        (!request.EnableIPv4 || !AddressPick.Best(facts, link, is6: false).IsNone)
        && (!request.EnableIPv6 || !AddressPick.Best(facts, link, is6: true).IsNone);

    private static bool IsWhole(Attempt match, InterfaceRequest request) =>
        match.Link is not null
        && request.EnableIPv4 != match.Address.IsNone
        && request.EnableIPv6 != match.AddressV6.IsNone;
}
