using FlannelCni.Linux;
using FlannelCni.Linux.Net;
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
    public void Add(IReadOnlyList<IpPrefix> addresses)
    {
        try
        {
            using NftSocket socket = NftSocket.Open();
            socket.Execute(_rules.Compose(addresses));
        }
        catch (LinuxException e)
        {
            throw new CniException(CniErrorCode.Internal, $"failed to set up IP masquerade: {e.Message}");
        }
    }

    /// <inheritdoc/>
    public void Remove()
    {
        try
        {
            RemoveIf(comment => comment.StartsWith(_rules.Key, StringComparison.Ordinal));
        }
        catch (LinuxException e)
        {
            throw new CniException(CniErrorCode.Internal, $"failed to remove IP masquerade: {e.Message}");
        }
    }

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
        RemoveIf(comment => comment.StartsWith(networks, StringComparison.Ordinal)
            && !keys.Contains(comment.Split(',')[0]));
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
