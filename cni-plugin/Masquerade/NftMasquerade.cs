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
            using NftSocket socket = NftSocket.Open();
            NftTransaction transaction = new();
            foreach (NftRule rule in socket.ListRules(
                MasqueradeRules.Family, MasqueradeRules.Table, MasqueradeRules.Checks))
            {
                if (rule.Comment is { } comment && comment.StartsWith(_rules.Key, StringComparison.Ordinal))
                {
                    transaction.DeleteRule(rule);
                }
            }

            socket.Execute(transaction);
        }
        catch (LinuxException e)
        {
            throw new CniException(CniErrorCode.Internal, $"failed to remove IP masquerade: {e.Message}");
        }
    }
}
