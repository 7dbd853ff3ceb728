using System.Diagnostics.CodeAnalysis;
using FlannelCni.Agent.Backends;
using FlannelCni.Agent.Interfaces;
using FlannelCni.Agent.Leases;
using FlannelCni.Agent.Supervision;
using FlannelCni.Linux;
using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Rtnetlink;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent;

/// <summary>
/// The external interface, chosen at the start and followed from then on. A choice that still holds is kept, whatever
/// else could be chosen now; only one that is gone, has lost its address, or rests on what the datastore no longer says
/// of this node, is made anew. As an interface comes up its link-local address is the first to appear: it is not taken
/// where there was a better one, and left for one.
/// </summary>
internal sealed partial class UnderlaySource(InterfaceRequest request, RtnlSocket rtnl, ILogger<UnderlaySource> logger)
{
    private volatile NodeFacts _node = NodeFacts.Unknown;
    private NodeFacts _chosenFor = NodeFacts.Unknown;
    private ExternalInterface? _chosen;

    /// <summary>What the options ask for, in the families of the network.</summary>
    public static UnderlaySource For(AgentContext agent, NetworkConfig network, RtnlSocket rtnl)
    {
        InterfaceRequest request = new(network.EnableIPv4, network.EnableIPv6)
        {
            Names = agent.Options.Ifaces,
            Regexes = agent.Options.IfaceRegexes,
            CanReach = agent.Options.IfaceCanReach,
            PublicIP = agent.Options.PublicIP,
            PublicIPv6 = agent.Options.PublicIPv6,
        };
        return new UnderlaySource(request, rtnl, agent.Loggers.CreateLogger<UnderlaySource>());
    }

    /// <summary>What the datastore says of this node now. From any thread.</summary>
    /// <returns>Did it say something else of its addresses before? Then the choice may be another.</returns>
    public bool Learn(NodeFacts node)
    {
        NodeFacts before = _node;
        _node = node;
        return !node.HasAddressesOf(before);
    }

    /// <exception cref="AgentFatalException">There is none that fits: what there is, and what to do.</exception>
    public Underlay Choose()
    {
        if (!TrySelect(out string? error))
        {
            throw new AgentFatalException(error);
        }

        return Compose();
    }

    /// <summary>As it is now.</summary>
    /// <param name="failures">
    /// Gets a line where it has lost an address and none fits better: it stays what it was, as the other family may go
    /// on with it.
    /// </param>
    /// <exception cref="LinuxException">It is gone, and none fits: to be tried again.</exception>
    public Underlay Follow(List<string> failures)
    {
        Link? link = _chosen is { } chosen ? Find(chosen) : null;
        if (link is not null && _node.HasAddressesOf(_chosenFor)
            && Holds(_chosen!.Address, link.Index) && Holds(_chosen.AddressV6, link.Index)
            && !_chosen.Address.IsLinkLocal && !_chosen.AddressV6.IsLinkLocal)
        {
            _chosen = _chosen with { Mtu = link.Mtu };
        }
        else if (!TrySelect(out string? error))
        {
            if (!FollowOneFamily())
            {
                _chosen = link is null
                    ? throw new LinuxException(error, Errno.ENODEV)
                    : _chosen! with { Mtu = link.Mtu };
            }

            failures.Add(error);
        }

        return Compose();
    }

    private bool TrySelect([NotNullWhen(false)] out string? error)
    {
        NodeFacts node = _node;
        if (!TrySelect(Asked(node), HostFacts.Read(rtnl, request.CanReach), out ExternalInterface? chosen, out error))
        {
            return false;
        }

        Take(chosen);
        _chosenFor = node;
        return true;
    }

    /// <summary>
    /// What is to be had of one family alone, on the interface that was chosen: the other one's addresses, which cannot
    /// be had now, are no reason to hold it up.
    /// </summary>
    private bool FollowOneFamily()
    {
        if (!request.EnableIPv4 || !request.EnableIPv6)
        {
            return false;
        }

        InterfaceRequest asked = Asked(_node);
        HostFacts facts = HostFacts.Read(rtnl, request.CanReach);
        ExternalInterface before = _chosen!;    // there is one to follow
        if (TrySelect(asked with { EnableIPv6 = false }, facts, out ExternalInterface? of4, out _)
            && of4.Name == before.Name)
        {
            Take(before with { Index = of4.Index, Mtu = of4.Mtu, Address = of4.Address, PublicIP = of4.PublicIP });
            return true;
        }

        if (TrySelect(asked with { EnableIPv4 = false }, facts, out ExternalInterface? of6, out _)
            && of6.Name == before.Name)
        {
            Take(before with
            {
                Index = of6.Index,
                Mtu = of6.Mtu,
                AddressV6 = of6.AddressV6,
                PublicIPv6 = of6.PublicIPv6,
            });
            return true;
        }

        return false;
    }

    private InterfaceRequest Asked(NodeFacts node) => request with
    {
        InternalIP = node.InternalIP,
        InternalIPv6 = node.InternalIPv6,
        PublicIP = node.PublicIP.IsNone ? request.PublicIP : node.PublicIP,
        PublicIPv6 = node.PublicIPv6.IsNone ? request.PublicIPv6 : node.PublicIPv6,
    };

    private bool TrySelect(
        InterfaceRequest asked,
        HostFacts facts,
        [NotNullWhen(true)] out ExternalInterface? chosen,
        [NotNullWhen(false)] out string? error)
    {
        if (!InterfaceSelector.TrySelect(asked, facts, out chosen, out error))
        {
            return false;
        }

        IpAddr lost = _chosen is not { } before ? default
            : IsLess(before.Address, chosen.Address) ? before.Address
            : IsLess(before.AddressV6, chosen.AddressV6) ? before.AddressV6
            : default;
        if (lost.IsNone)
        {
            return true;
        }

        error = $"{chosen.Name} has a link-local address in place of {lost}, which peers know this node by";
        return false;
    }

    private void Take(ExternalInterface chosen)
    {
        if (chosen != _chosen)
        {
            Log.Chosen(logger, chosen.ToString());
        }

        _chosen = chosen;
    }

    private static bool IsLess(IpAddr before, IpAddr now) => !before.IsNone && !before.IsLinkLocal && now.IsLinkLocal;

    private Link? Find(ExternalInterface chosen) =>
        rtnl.FindLink(chosen.Index) is { } link && link.Name == chosen.Name ? link : null;

    private bool Holds(IpAddr address, int index) => address.IsNone
        || rtnl.ListAddresses(address.Is6, index).Exists(held => held.Prefix.Address == address);

    private Underlay Compose() => _chosen is { } chosen
        ? new Underlay(
            chosen.Name,
            chosen.Index,
            chosen.Mtu,
            chosen.Address,
            chosen.AddressV6,
            chosen.PublicIP,
            chosen.PublicIPv6)
        : throw new InvalidOperationException("no interface was chosen");

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Information, "External interface: {Interface}")]
        internal static partial void Chosen(ILogger logger, string @interface);
    }
}
