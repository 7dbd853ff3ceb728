using FlannelCni.Linux.Net;
using FlannelCni.Plugin.Attachments;

namespace FlannelCni.Plugin.Masquerade;

/// <summary>Where masquerade rules go: the key <c>ipMasqBackend</c>.</summary>
internal enum MasqueradeBackend
{
    /// <summary>nftables, which takes a twentieth of the time; iptables where the kernel has no nftables.</summary>
    Any,

    Nftables,
    Iptables,
}

/// <summary>
/// Masquerade rules of one attachment, by the backend that is wanted. They are removed from all, whoever made them: the
/// pod may have come when the configuration was another, or by upstream's plugins.
/// </summary>
/// <param name="network">The CNI network's name.</param>
internal sealed class PodMasquerade(MasqueradeBackend backend, string network, Attachment attachment) : IMasquerade
{
    private readonly NftMasquerade _nftables = new(network, attachment);
    private readonly IptablesMasquerade _iptables = new(network, attachment);

    /// <inheritdoc/>
    public void Add(IReadOnlyList<IpPrefix> addresses)
    {
        switch (backend)
        {
            case MasqueradeBackend.Nftables:
                _nftables.Add(addresses);
                break;
            case MasqueradeBackend.Any when _nftables.TryAdd(addresses):
                break;
            default:
                _iptables.Add(addresses);
                break;
        }
    }

    /// <summary>Where the rules are not as ADD left them, ours or upstream's; null: nowhere.</summary>
    /// <exception cref="Spec.CniException">Internal: they cannot be listed.</exception>
    internal string? FindFault(IReadOnlyList<IpPrefix> addresses)
    {
        string? fault = backend == MasqueradeBackend.Iptables
            ? _iptables.FindFault(addresses)
            : NftMasquerade.FindFault(addresses);

        // Where neither was asked for, upstream takes iptables, and so does ADD where there is no nftables.
        bool mayBeElsewhere = fault is not null && backend == MasqueradeBackend.Any;
        return mayBeElsewhere && _iptables.FindFault(addresses) is null ? null : fault;
    }

    /// <inheritdoc/>
    public void Remove()
    {
        // Where one fails the other is removed all the same.
        try
        {
            _nftables.Remove();
        }
        finally
        {
            _iptables.Remove();
        }
    }
}
