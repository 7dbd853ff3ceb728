using System.Text;

namespace FlannelCni.Agent.TrafficRules.Iptables;

/// <summary>
/// The rules of an agent that used legacy iptables. Programs are started only where the kernel says that somebody used
/// it here; where it is not installed, whoever did has it.
/// </summary>
/// <param name="families">Is it IPv6?</param>
internal sealed class LeftLegacyIptables(TrafficNames names, IReadOnlyList<bool> families, IptablesHost host)
    : ILeftRules
{
    public string Name => "iptables (legacy)";

    public async Task<bool> RemoveAsync(CancellationToken cancellationToken)
    {
        bool isAny = false;
        foreach (bool is6 in families)
        {
            if (await host.FindUsedLegacyAsync(is6, cancellationToken) is { } programs)
            {
                isAny |= await RemoveAsync(programs, IptablesPlace.All(names), cancellationToken);
            }
        }

        return isAny;
    }

    public void Dispose()
    {
    }

    private static async Task<bool> RemoveAsync(
        IptablesPrograms programs, IptablesPlace[] places, CancellationToken cancellationToken)
    {
        IptablesListing[] found = IptablesListing.Read(await programs.SaveAsync(cancellationToken), places);
        StringBuilder script = new();
        bool isAny = false;
        for (int i = 0; i < places.Length; i++)
        {
            isAny |= IptablesScript.Append(script, places[i], wanted: null, found[i]);
        }

        if (isAny)
        {
            await programs.RestoreAsync(script.ToString(), cancellationToken);
        }

        return isAny;
    }
}
