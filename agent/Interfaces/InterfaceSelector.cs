using System.Diagnostics.CodeAnalysis;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Rtnetlink;

namespace FlannelCni.Agent.Interfaces;

/// <summary>
/// Chooses the external interface: each name or address asked for, then each expression, then the way to an address
/// that must be reached; if none was asked for, the holder of the public address, else of the address by which the
/// cluster reaches this node, else the default route. Pure.
/// </summary>
internal static class InterfaceSelector
{
    /// <param name="error">What was looked for, what there is, and what to do.</param>
    internal static bool TrySelect(
        InterfaceRequest request,
        HostFacts facts,
        [NotNullWhen(true)] out ExternalInterface? chosen,
        [NotNullWhen(false)] out string? error)
    {
        List<string> failures = [];
        foreach (Attempt attempt in request.NamesAny ? Asked(request, facts) : Unasked(request, facts))
        {
            chosen = Complete(attempt, request, facts, out string? failure);
            if (chosen is not null)
            {
                error = null;
                return true;
            }

            failures.Add(failure ?? "");
        }

        chosen = null;
        error = $"no external interface: {string.Join("; ", failures)}. Interfaces here: {Describe(facts)}. "
            + "Name one with --iface=NAME or --iface=ADDRESS";
        return false;
    }

    private static IEnumerable<Attempt> Asked(InterfaceRequest request, HostFacts facts)
    {
        foreach (string name in request.Names)
        {
            yield return IpAddr.TryParse(name, out IpAddr address)
                ? ByAddress(address, "--iface", facts)
                : ByName(name, facts);
        }

        foreach (string text in request.Regexes)
        {
            yield return InterfacePattern.TryParse(text, out InterfacePattern? pattern, out string? error)
                ? RegexMatch.Find(text, pattern, request, facts)
                : Attempt.Failed($"--iface-regex={text}: {error}");
        }

        if (!request.CanReach.IsNone)
        {
            yield return ByPath(request.CanReach, facts);
        }
    }

    // A public address that no interface has is that of a NAT: it says nothing about the interface.
    private static IEnumerable<Attempt> Unasked(InterfaceRequest request, HostFacts facts)
    {
        IpAddr[] wanted =
        [
            request.EnableIPv4 ? request.PublicIP : default,
            request.EnableIPv6 ? request.PublicIPv6 : default,
        ];
        IpAddr local = Array.Find(wanted, address => !address.IsNone && Holder(address, facts) is not null);
        if (!local.IsNone)
        {
            yield return ByAddress(local, "the public address", facts);
        }

        if (ByInternal(request, facts) is { } holder)
        {
            yield return holder;
        }

        yield return DefaultRoute.Find(request, facts);
    }

    // On no interface, as behind a provider's NAT, or on lo, as where hosts speak BGP, it says nothing.
    private static Attempt? ByInternal(InterfaceRequest request, HostFacts facts)
    {
        IpAddr[] wanted =
        [
            request.EnableIPv4 ? request.InternalIP : default,
            request.EnableIPv6 ? request.InternalIPv6 : default,
        ];
        Link? link = wanted.Select(address => Holder(address, facts)).FirstOrDefault(static holder =>
            holder is not null && (holder.Flags & LinkFlags.IFF_LOOPBACK) == 0);
        IpAddr[] held = [.. wanted.Where(address => link is not null && Holder(address, facts)?.Index == link.Index)];
        return link is null
            ? null
            : held.Aggregate(
                new Attempt(link, $"the Node's InternalIP {string.Join(" and ", held)} is on it"),
                static (attempt, address) => attempt.With(address));
    }

    private static Attempt ByName(string name, HostFacts facts) =>
        facts.Links.FirstOrDefault(link => link.Name == name) is { } link
            ? new Attempt(link, $"--iface={name}")
            : Attempt.Failed($"--iface={name}: there is no such interface");

    private static Attempt ByAddress(IpAddr address, string source, HostFacts facts) =>
        Holder(address, facts) is { } link
            ? new Attempt(link, $"{source} {address} is on it").With(address)
            : Attempt.Failed($"{source} {address}: no interface has it");

    private static Attempt ByPath(IpAddr target, HostFacts facts)
    {
        // The way to an own address is lo, which is not what anybody means.
        if (Holder(target, facts) is { } own)
        {
            return new Attempt(own, $"--iface-can-reach={target} is its own address").With(target);
        }

        if (facts.PathToReach is not { OutInterface: not 0 } path
            || facts.Links.FirstOrDefault(link => link.Index == path.OutInterface) is not { } link)
        {
            return Attempt.Failed($"--iface-can-reach={target}: the kernel has no route to it");
        }

        return new Attempt(link, $"packets to {target} go through it").With(path.PreferredSource);
    }

    private static Link? Holder(IpAddr address, HostFacts facts)
    {
        int index = facts.Addresses.FirstOrDefault(held => held.Prefix.Address == address).LinkIndex;
        return facts.Links.FirstOrDefault(link => link.Index == index);
    }

    private static ExternalInterface? Complete(
        Attempt attempt, InterfaceRequest request, HostFacts facts, out string? failure)
    {
        failure = attempt.Failure;
        if (attempt.Link is not { } link)
        {
            return null;
        }

        IpAddr address = Pick(attempt.Address, request.PublicIP, link, is6: false, request.EnableIPv4, facts);
        IpAddr addressV6 = Pick(attempt.AddressV6, request.PublicIPv6, link, is6: true, request.EnableIPv6, facts);
        failure = (request.EnableIPv4, address.IsNone, request.EnableIPv6, addressV6.IsNone, link.Mtu) switch
        {
            (true, true, _, _, _) => $"{attempt.Reason}: {link.Name} has no usable IPv4 address",
            (_, _, true, true, _) => $"{attempt.Reason}: {link.Name} has no usable IPv6 address",
            (_, _, _, _, 0) => $"{attempt.Reason}: {link.Name} has MTU 0",
            _ => null,
        };
        return failure is not null
            ? null
            : new ExternalInterface(
                link.Index,
                link.Name,
                link.Mtu,
                address,
                addressV6,
                Published(request.PublicIP, address),
                Published(request.PublicIPv6, addressV6),
                attempt.Reason);
    }

    // Found by an address: that one. Otherwise the public one if the interface has it, so that replies come from where
    // peers send to. Otherwise the best.
    private static IpAddr Pick(IpAddr found, IpAddr published, Link link, bool is6, bool isEnabled, HostFacts facts)
    {
        if (!isEnabled)
        {
            return default;
        }

        return !found.IsNone ? found
            : facts.Addresses.Any(held => held.LinkIndex == link.Index && held.Prefix.Address == published) ? published
            : AddressPick.Best(facts, link, is6);
    }

    private static IpAddr Published(IpAddr asked, IpAddr address) =>
        address.IsNone || asked.IsNone ? address : asked;

    private static string Describe(HostFacts facts) => string.Join(", ", facts.Links.Select(link =>
    {
        string addresses = string.Join(' ', facts.Addresses
            .Where(address => address.LinkIndex == link.Index)
            .Select(static address => address.Prefix.Address));
        return $"{link.Name} ({(addresses.Length == 0 ? "no address" : addresses)})";
    }));
}
