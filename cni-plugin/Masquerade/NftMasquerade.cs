using FlannelCni.Linux;
using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Netlink;
using FlannelCni.Linux.Nftables;
using FlannelCni.Plugin.Attachments;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.Plugin.Masquerade;

/// <summary>Masquerade rules of one attachment in the host's nftables, without any program.</summary>
/// <param name="network">The CNI network's name.</param>
internal sealed class NftMasquerade(string network, Attachment attachment) : IMasquerade
{
    private readonly MasqueradeRules _rules = new(network, attachment);

    /// <inheritdoc/>
    public void Add(IReadOnlyList<IpPrefix> addresses) => Add(addresses, isOptional: false);

    /// <summary>As <see cref="Add(IReadOnlyList{IpPrefix})"/>.</summary>
    /// <returns>False: this kernel has no nftables, and nothing was added.</returns>
    internal bool TryAdd(IReadOnlyList<IpPrefix> addresses) => Add(addresses, isOptional: true);

    private bool Add(IReadOnlyList<IpPrefix> addresses, bool isOptional)
    {
        try
        {
            using NftSocket socket = NftSocket.Open();
            Add(socket, addresses);
            return true;
        }
        catch (LinuxException e) when (isOptional && MeansNoNftables(e.Errno))
        {
            return false;
        }
        catch (LinuxException e)
        {
            throw new CniException(CniErrorCode.Internal, $"failed to set up IP masquerade: {e.Message}");
        }
    }

    /// <summary>
    /// Upstream fills the base chain anew each time. Rules that are taken away are waited for when the socket is
    /// closed, until no processor can still be at them: 10 to 20 ms.
    /// </summary>
    private void Add(NftSocket socket, IReadOnlyList<IpPrefix> addresses)
    {
        List<NftRule> found = socket.ListRules(
            MasqueradeRules.Family, MasqueradeRules.Table, MasqueradeRules.PostRouting);
        if (!MasqueradeRules.IsInPlace(found))
        {
            socket.Execute(_rules.ComposeAll(addresses));
            return;
        }

        try
        {
            socket.Execute(_rules.Compose(addresses));
        }
        catch (NetlinkException e) when (e.Errno is Errno.ENOENT)
        {
            // Somebody took it away just now.
            socket.Execute(_rules.ComposeAll(addresses));
        }
    }

    /// <inheritdoc/>
    public void Remove()
    {
        try
        {
            RemoveIf(comment => comment.StartsWith(_rules.Key, StringComparison.Ordinal));
        }
        catch (LinuxException e) when (MeansNoNftables(e.Errno))
        {
            // Then there are no such rules.
        }
        catch (LinuxException e)
        {
            throw new CniException(CniErrorCode.Internal, $"failed to remove IP masquerade: {e.Message}");
        }
    }

    /// <summary>Where the rules are not those of <see cref="Add(IReadOnlyList{IpPrefix})"/>; null: nowhere.</summary>
    /// <exception cref="CniException">Internal: they cannot be listed.</exception>
    internal static string? FindFault(IReadOnlyList<IpPrefix> addresses)
    {
        try
        {
            using NftSocket socket = NftSocket.Open();
            List<NftRule> all = socket.ListRules(MasqueradeRules.Family, MasqueradeRules.Table);
            List<NftRule> way = all.FindAll(static rule => rule.Chain == MasqueradeRules.PostRouting);
            List<NftRule> checks = all.FindAll(static rule => rule.Chain == MasqueradeRules.Checks);
            return MasqueradeRules.FindMissing(addresses, checks) is IpPrefix address
                ? $"no rule masquerades what {address.Address} sends out of {address.Masked}"
                : MasqueradeRules.IsInPlace(way) ? null
                : $"chain {MasqueradeRules.PostRouting} of table {MasqueradeRules.Table} does not lead to the rules";
        }
        catch (LinuxException e) when (MeansNoNftables(e.Errno))
        {
            return "there are no masquerade rules, for this kernel has no nftables";
        }
        catch (LinuxException e)
        {
            throw new CniException(CniErrorCode.Internal, $"failed to list IP masquerade: {e.Message}");
        }
    }

    /// <summary>Is this what a kernel without nftables answers?</summary>
    internal static bool MeansNoNftables(Errno errno) =>
        errno is Errno.EINVAL or Errno.EOPNOTSUPP or Errno.EPROTONOSUPPORT;

    /// <summary>Takes away the network's rules of all attachments but these.</summary>
    internal static void RemoveAllBut(IEnumerable<Attachment> attachments, string network)
    {
        // The owners' names in a comment may be cut off; the hashes before them are not.
        HashSet<string> keys = [];
        foreach (Attachment attachment in attachments)
        {
            _ = keys.Add(new MasqueradeRules(network, attachment).Key);
        }

        string networks = MasqueradeRules.KeyOf(network);
        try
        {
            RemoveIf(comment => comment.StartsWith(networks, StringComparison.Ordinal)
                && !keys.Contains(comment.Split(',')[0]));
        }
        catch (LinuxException e) when (MeansNoNftables(e.Errno))
        {
            // As in Remove.
        }
    }

    private static void RemoveIf(Predicate<string> isWanted)
    {
        using NftSocket socket = NftSocket.Open();
        NftTransaction transaction = new();
        foreach (NftRule rule in socket.ListRules(
            MasqueradeRules.Family, MasqueradeRules.Table, MasqueradeRules.Checks))
        {
            if (rule.Comment is { } comment && isWanted(comment))
            {
                transaction.DeleteRule(rule);
            }
        }

        socket.Execute(transaction);
    }
}
