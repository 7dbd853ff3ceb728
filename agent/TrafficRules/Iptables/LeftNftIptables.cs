using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Netlink;
using FlannelCni.Linux.Nftables;

namespace FlannelCni.Agent.TrafficRules.Iptables;

/// <summary>
/// The rules of an agent that used the variant of iptables which keeps its rules in nftables. They are removed over
/// netlink, so that iptables need not be installed.
/// </summary>
/// <param name="families">Is it IPv6?</param>
internal sealed class LeftNftIptables(TrafficNames names, IReadOnlyList<bool> families, NftSocket nft) : ILeftRules
{
    private const int MaxTries = 5;

    public string Name => "iptables (nf_tables)";

    public Task<bool> RemoveAsync(CancellationToken cancellationToken)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                NftTransaction transaction = new();
                foreach (bool is6 in families)
                {
                    foreach (IptablesPlace place in IptablesPlace.All(names))
                    {
                        AddRemoval(transaction, is6 ? NftFamily.NFPROTO_IPV6 : NftFamily.NFPROTO_IPV4, place);
                    }
                }

                nft.Execute(transaction);
                return Task.FromResult(transaction.Count > 0);
            }
            catch (NetlinkException e) when (e.Errno is Errno.EINVAL or Errno.EOPNOTSUPP)
            {
                return Task.FromResult(false);    // this kernel has no nf_tables
            }
            catch (NetlinkException e) when (attempt < MaxTries && e.Errno is Errno.ENOENT or Errno.EBUSY)
            {
                // Changed since it was read.
            }
        }
    }

    public void Dispose() => nft.Dispose();

    private void AddRemoval(NftTransaction transaction, NftFamily family, IptablesPlace place)
    {
        List<NftRule> hook = nft.ListRules(family, place.Table, place.Hook);
        hook.Where(rule => rule.LeadsTo(place.Chain)).ToList().ForEach(transaction.DeleteRule);

        if (nft.FindChain(family, place.Table, place.Chain) is not null)
        {
            transaction.FlushChain(family, place.Table, place.Chain);
            transaction.DeleteChain(family, place.Table, place.Chain);
        }
    }
}
