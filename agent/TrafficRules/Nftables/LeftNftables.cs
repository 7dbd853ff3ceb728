using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Netlink;
using FlannelCni.Linux.Nftables;

namespace FlannelCni.Agent.TrafficRules.Nftables;

/// <summary>The tables of an agent that used nftables.</summary>
internal sealed class LeftNftables(TrafficNames names, NftSocket nft) : ILeftRules
{
    public string Name => "nftables";

    public Task<bool> RemoveAsync(CancellationToken cancellationToken)
    {
        bool isAny = false;
        foreach (bool is6 in (bool[])[false, true])
        {
            try
            {
                NftFamily family = NftablesRules.Family(is6);
                if (nft.FindTable(family, names.Table(is6)) is { } table)
                {
                    NftTransaction transaction = new();
                    transaction.DeleteTable(family, table.Name);
                    nft.Execute(transaction);
                    isAny = true;
                }
            }
            catch (NetlinkException e) when (e.Errno is Errno.ENOENT or Errno.EINVAL or Errno.EOPNOTSUPP)
            {
                // Gone meanwhile, or this kernel has no nf_tables.
            }
        }

        return Task.FromResult(isAny);
    }

    public void Dispose() => nft.Dispose();
}
