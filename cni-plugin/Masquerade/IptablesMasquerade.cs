// iptables keeps its rules in nftables or, its older variant, where Linux always had them. Both are looked for when a
// pod goes, since neither its configuration nor the host's tells which one was used when it came. To look costs next to
// nothing where there is nothing: a question over netlink, a file that lists the tables in use.

using FlannelCni.Linux;
using FlannelCni.Linux.Files;
using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Netlink;
using FlannelCni.Linux.Nftables;
using FlannelCni.Plugin.Attachments;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.Plugin.Masquerade;

/// <summary>Masquerade rules of one container in the host's iptables, those that upstream would make.</summary>
/// <param name="network">The CNI network's name.</param>
internal sealed class IptablesMasquerade(string network, Attachment attachment) : IMasquerade
{
    private const int MaxTries = 5;

    private readonly IptablesRules _rules = new(network, attachment);

    /// <inheritdoc/>
    public void Add(IReadOnlyList<IpPrefix> addresses)
    {
        Add(OfFamily(addresses, is6: false), "iptables-restore");
        Add(OfFamily(addresses, is6: true), "ip6tables-restore");
    }

    /// <inheritdoc/>
    public void Remove()
    {
        RemoveFromNftables();
        foreach (bool is6 in (bool[])[false, true])
        {
            if (FindUsedLegacy(is6) is { } program
                && IptablesPrograms.List(program, IptablesRules.Table, _rules.Chain) is not null)
            {
                string hook = IptablesPrograms.List(program, IptablesRules.Table, IptablesRules.PostRouting) ?? "";
                IptablesPrograms.Restore($"{program}-restore", _rules.ComposeRemoval(hook));
            }
        }
    }

    /// <summary>Takes away the network's rules of all containers but those of these attachments.</summary>
    /// <exception cref="CniException">Internal: a program failed.</exception>
    internal static void RemoveAllBut(IEnumerable<Attachment> attachments, string network)
    {
        HashSet<string> containerIds = [];
        foreach (Attachment attachment in attachments)
        {
            _ = containerIds.Add(attachment.ContainerId);
        }

        foreach (bool is6 in (bool[])[false, true])
        {
            foreach (string? program in (string?[])[FindUsedLegacy(is6), FindUsedNft(is6)])
            {
                if (program is not null
                    && IptablesPrograms.List(program, IptablesRules.Table, IptablesRules.PostRouting) is { } hook
                    && IptablesRules.ComposeCollection(hook, network, containerIds) is { } script)
                {
                    IptablesPrograms.Restore($"{program}-restore", script);
                }
            }
        }
    }

    /// <summary>Where the rules are not those of <see cref="Add(IReadOnlyList{IpPrefix})"/>; null: nowhere.</summary>
    /// <exception cref="CniException">Internal: a program failed.</exception>
    internal string? FindFault(IReadOnlyList<IpPrefix> addresses) =>
        FindFault(OfFamily(addresses, is6: false), is6: false) ?? FindFault(OfFamily(addresses, is6: true), is6: true);

    private string? FindFault(List<IpPrefix> addresses, bool is6)
    {
        if (addresses.Count == 0)
        {
            return null;
        }

        string fault = $"there is no chain {_rules.Chain} that masquerades what {addresses[0].Address} sends";
        foreach (string? program in (string?[])[FindUsedLegacy(is6), FindUsedNft(is6)])
        {
            if (program is null || IptablesPrograms.List(program, IptablesRules.Table, _rules.Chain) is not { } chain)
            {
                continue;
            }

            string hook = IptablesPrograms.List(program, IptablesRules.Table, IptablesRules.PostRouting) ?? "";
            if (_rules.FindMissing(addresses, chain + hook) is not { } missing)
            {
                return null;
            }

            fault = $"table {IptablesRules.Table} of iptables has lost its rule {missing}";
        }

        return fault;
    }

    private void Add(List<IpPrefix> addresses, string name)
    {
        if (addresses.Count == 0)
        {
            return;
        }

        string program = IptablesPrograms.Find(name) ?? throw new CniException(
            CniErrorCode.Internal,
            $"failed to locate iptables: {name} is not in PATH; install iptables, or set ipMasqBackend to nftables");
        IptablesPrograms.Restore(program, _rules.ComposeAddition(addresses));
    }

    private void RemoveFromNftables()
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                using NftSocket socket = NftSocket.Open();
                NftTransaction transaction = new();
                AddRemoval(transaction, socket, NftFamily.NFPROTO_IPV4);
                AddRemoval(transaction, socket, NftFamily.NFPROTO_IPV6);
                socket.Execute(transaction);
                return;
            }
            catch (LinuxException e) when (NftMasquerade.MeansNoNftables(e.Errno))
            {
                return;
            }
            catch (NetlinkException e) when (attempt < MaxTries && e.Errno is Errno.ENOENT or Errno.EBUSY)
            {
                // Changed since it was read.
            }
            catch (LinuxException e)
            {
                throw new CniException(CniErrorCode.Internal, $"failed to remove IP masquerade: {e.Message}");
            }
        }
    }

    private void AddRemoval(NftTransaction transaction, NftSocket socket, NftFamily family)
    {
        if (socket.FindChain(family, IptablesRules.Table, _rules.Chain) is null)
        {
            return;
        }

        foreach (NftRule rule in socket.ListRules(family, IptablesRules.Table, IptablesRules.PostRouting))
        {
            if (rule.LeadsTo(_rules.Chain))
            {
                transaction.DeleteRule(rule);
            }
        }

        transaction.FlushChain(family, IptablesRules.Table, _rules.Chain);
        transaction.DeleteChain(family, IptablesRules.Table, _rules.Chain);
    }

    /// <summary>Null: not installed, or never used in this network namespace.</summary>
    private static string? FindUsedLegacy(bool is6)
    {
        byte[]? tables = RawFile.ReadAllBytesIfPresent(
            is6 ? "/proc/thread-self/net/ip6_tables_names" : "/proc/thread-self/net/ip_tables_names");

        // Where the second is of the other variant, it finds nothing.
        return tables is null || tables.AsSpan().IndexOf("nat\n"u8) < 0 ? null
            : is6 ? IptablesPrograms.Find("ip6tables-legacy", "ip6tables")
            : IptablesPrograms.Find("iptables-legacy", "iptables");
    }

    /// <inheritdoc cref="FindUsedLegacy"/>
    private static string? FindUsedNft(bool is6)
    {
        try
        {
            using NftSocket socket = NftSocket.Open();
            NftFamily family = is6 ? NftFamily.NFPROTO_IPV6 : NftFamily.NFPROTO_IPV4;
            return socket.FindChain(family, IptablesRules.Table, IptablesRules.PostRouting) is null ? null
                : is6 ? IptablesPrograms.Find("ip6tables-nft", "ip6tables")
                : IptablesPrograms.Find("iptables-nft", "iptables");
        }
        catch (LinuxException e) when (NftMasquerade.MeansNoNftables(e.Errno))
        {
            return null;
        }
    }

    private static List<IpPrefix> OfFamily(IReadOnlyList<IpPrefix> addresses, bool is6)
    {
        List<IpPrefix> family = [];
        foreach (IpPrefix address in addresses)
        {
            if (address.Is6 == is6)
            {
                family.Add(address);
            }
        }

        return family;
    }
}
