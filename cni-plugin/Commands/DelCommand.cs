using FlannelCni.Plugin.Bridging;
using FlannelCni.Plugin.Ipam;
using FlannelCni.Plugin.Masquerade;
using FlannelCni.Plugin.Spec;
using FlannelCni.Plugin.SpoofCheck;

namespace FlannelCni.Plugin.Commands;

/// <summary>DEL: the links, then IPAM, so that no address goes to another pod while it is in use.</summary>
/// <param name="ipam">Null: none, or none that could be known of.</param>
/// <param name="masquerade">Null: there were no rules.</param>
/// <param name="spoofCheck">Null: there was none.</param>
/// <param name="warn">Takes a sentence for standard error.</param>
internal sealed class DelCommand(
    IIpam? ipam, IPodNetwork network, IMasquerade? masquerade, ISpoofCheck? spoofCheck, Action<string> warn)
{
    /// <param name="isKnown">
    /// The attachment's own configuration was found. If not, most likely there is nothing left to release, and an IPAM
    /// plugin that is not installed is no reason to keep a pod from ending.
    /// </param>
    /// <exception cref="CniException">The runtime must call again.</exception>
    internal void Run(bool isKnown)
    {
        // It starts up while the links are deleted, and waits for its input.
        CniException? missing = null;
        IIpamCall? release = null;
        try
        {
            release = ipam?.PrepareDelete();
        }
        catch (CniException e)
        {
            missing = e;
        }

        using (release)
        {
            // Once nothing comes from the pod any more, and while the kernel waits for the link's last users: so it
            // waits for those of the rules at the same time.
            network.Disconnect(() =>
            {
                release?.Begin();
                RemoveRules(isKnown);
            });
            release?.Complete();
        }

        if (missing is not null && isKnown)
        {
            throw missing;
        }

        if (missing is not null)
        {
            warn($"release the addresses: {missing.Message}");
        }
    }

    private void RemoveRules(bool isKnown)
    {
        try
        {
            masquerade?.Remove();
            spoofCheck?.Remove();
        }
        catch (CniException e) when (!isKnown)
        {
            // A kernel without nftables has no such rules either.
            warn(e.Message);
        }
    }
}
