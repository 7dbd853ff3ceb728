using System.Text;
using FlannelCni.Linux;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Nftables;
using FlannelCni.Linux.Rtnetlink;
using FlannelCni.Plugin.Attachments;
using FlannelCni.Plugin.Bridging;
using FlannelCni.Plugin.Masquerade;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.Plugin.SpoofCheck;

/// <summary>The rules of one attachment in the host's nftables, without any program.</summary>
internal sealed class NftSpoofCheck(Attachment attachment) : ISpoofCheck
{
    private const int MaxCommentBytes = 128;    // of nft, which would not list a longer one

    private readonly SpoofRules _rules = new(attachment);

    private bool IsSayable => Encoding.UTF8.GetByteCount(_rules.Comment) <= MaxCommentBytes;

    /// <inheritdoc/>
    public void Add(string port, MacAddress mac)
    {
        if (!IsSayable)
        {
            throw new CniException(
                CniErrorCode.Internal,
                "failed to setup spoof-check: the container's id is too long for the comment of a rule");
        }

        try
        {
            using NftSocket socket = NftSocket.Open();
            socket.Execute(_rules.Compose(port, mac, ListOwn(socket)));
        }
        catch (LinuxException e)
        {
            throw new CniException(CniErrorCode.Internal, $"failed to setup spoof-check: {e.Message}");
        }
    }

    /// <inheritdoc/>
    public void Remove()
    {
        if (!IsSayable)
        {
            return;
        }

        try
        {
            using NftSocket socket = NftSocket.Open();
            NftTransaction transaction = new();
            foreach (NftRule rule in ListOwn(socket))
            {
                transaction.DeleteRule(rule);
            }

            // The first leads to the second.
            foreach (string chain in (string[])[_rules.PortChain, _rules.MacChain])
            {
                if (socket.FindChain(SpoofRules.Family, SpoofRules.Table, chain) is not null)
                {
                    transaction.DeleteChain(SpoofRules.Family, SpoofRules.Table, chain);
                }
            }

            socket.Execute(transaction);
        }
        catch (LinuxException e)
        {
            throw new CniException(CniErrorCode.Internal, $"failed to teardown spoof-check: {e.Message}");
        }
    }

    /// <summary>Where the rules are not those of <see cref="Add"/>; null: nowhere.</summary>
    /// <exception cref="CniException">Internal: they cannot be listed.</exception>
    internal string? FindFault(in VethPair pair)
    {
        try
        {
            using NftSocket socket = NftSocket.Open();
            return _rules.FindFault(pair.Port, pair.PodMac, socket.ListRules(SpoofRules.Family, SpoofRules.Table));
        }
        catch (LinuxException e)
        {
            throw new CniException(CniErrorCode.Internal, $"failed to list the spoof-check: {e.Message}");
        }
    }

    /// <summary>
    /// Takes away what is about ports that are no more, and what no packet comes to. Such rules do not say of which
    /// network they are, and are of no use to any.
    /// </summary>
    /// <param name="kept">Attachments whose rules stay all the same.</param>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    internal static void RemoveStale(IEnumerable<Attachment> kept)
    {
        try
        {
            using NftSocket socket = NftSocket.Open();
            List<NftRule> found = socket.ListRules(SpoofRules.Family, SpoofRules.Table);
            if (found.Count > 0)
            {
                using RtnlSocket links = RtnlSocket.Open();
                socket.Execute(SpoofRules.ComposeCollection(
                    found, kept, name => links.FindLink(name) is not null));
            }
        }
        catch (LinuxException e) when (NftMasquerade.MeansNoNftables(e.Errno))
        {
            // Then there are no such rules.
        }
    }

    private List<NftRule> ListOwn(NftSocket socket)
    {
        List<NftRule> own = [];
        foreach (NftRule rule in socket.ListRules(SpoofRules.Family, SpoofRules.Table, SpoofRules.PreRouting))
        {
            if (rule.Comment == _rules.Comment)
            {
                own.Add(rule);
            }
        }

        return own;
    }
}
