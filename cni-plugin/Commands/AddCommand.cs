using FlannelCni.Linux.Net;
using FlannelCni.Plugin.Attachments;
using FlannelCni.Plugin.Bridging;
using FlannelCni.Plugin.Ipam;
using FlannelCni.Plugin.Masquerade;
using FlannelCni.Plugin.Spec;
using FlannelCni.Plugin.SpoofCheck;

namespace FlannelCni.Plugin.Commands;

/// <summary>ADD: addresses from IPAM, a veth pair between pod and bridge, routes in the pod.</summary>
/// <param name="ipam">Null: none, a pure layer 2.</param>
/// <param name="masquerade">Null: not wanted.</param>
/// <param name="spoofCheck">Null: not wanted.</param>
/// <param name="warn">Takes a sentence for standard error.</param>
internal sealed class AddCommand(
    IScratch scratch,
    IIpam? ipam,
    IPodNetwork network,
    IMasquerade? masquerade,
    ISpoofCheck? spoofCheck,
    Action<string> warn)
{
    /// <param name="config">Rendered; what DEL will find.</param>
    /// <param name="version">Of the result.</param>
    /// <returns>The result to print.</returns>
    /// <exception cref="CniException">
    /// Whatever is thrown, nothing of the attachment is left; the scratch file stays only if an undo failed, for DEL to
    /// find.
    /// </exception>
    internal byte[] Run(BridgeConf conf, byte[] config, string version)
    {
        network.RequireFreeName();
        using Rollback rollback = new(warn);

        // Before any side effect: a DEL must find it even when this process dies half way.
        scratch.Save(config, rollback);

        // The IPAM program works while the links are made, if it does not look at them.
        bool isEarly = ipam is { NeedsNoLink: true };
        using IIpamCall? early = isEarly ? StartIpam(ipam, rollback) : null;
        network.Connect();
        rollback.Add("delete the veth pair", () => network.Disconnect());
        VethPair pair = network.Prepare();
        if (spoofCheck is not null)
        {
            rollback.Add("remove the spoof check", spoofCheck.Remove);
            spoofCheck.Add(pair.Port, pair.PodMac);
        }

        using IIpamCall? late = isEarly ? null : StartIpam(ipam, rollback);
        IIpamCall? call = early ?? late;
        CniResult? addresses = call?.Result();
        BridgePlan? plan = addresses is null ? null : BridgePlan.Derive(conf, addresses);
        IReadOnlyList<CniInterface> interfaces = network.Configure(plan);
        if (masquerade is not null && plan is not null)
        {
            rollback.Add("remove the masquerade rules", masquerade.Remove);
            masquerade.Add(AddressesOf(plan));
        }

        byte[] printed = ResultPrinter.Print(Compose(conf, plan, addresses, interfaces), version);
        call?.Complete();
        rollback.Commit();
        return printed;
    }

    private static IpPrefix[] AddressesOf(BridgePlan plan)
    {
        IpPrefix[] addresses = new IpPrefix[plan.Ips.Count];
        for (int i = 0; i < addresses.Length; i++)
        {
            addresses[i] = plan.Ips[i].Address;
        }

        return addresses;
    }

    private static CniResult Compose(
        BridgeConf conf, BridgePlan? plan, CniResult? addresses, IReadOnlyList<CniInterface> interfaces) => new()
        {
            Interfaces = interfaces,
            Ips = plan?.Ips ?? [],
            Routes = plan?.Routes ?? [],
            Dns = conf.Dns.IsEmpty ? addresses?.Dns ?? new CniDns() : conf.Dns,
        };

    private static IIpamCall? StartIpam(IIpam? plugin, Rollback rollback)
    {
        if (plugin is null)
        {
            return null;
        }

        IIpamCall call = plugin.StartAdd();

        // Even if it fails: what it had reserved by then is its own to know.
        rollback.Add("release the addresses", () =>
        {
            using IIpamCall release = plugin.PrepareDelete();
            release.Complete();
        });
        return call;
    }
}
