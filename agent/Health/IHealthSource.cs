using System.Diagnostics.CodeAnalysis;

namespace FlannelCni.Agent.Health;

/// <summary>How the agent is. Asked from any thread, by anybody who can reach the port; answers at once.</summary>
internal interface IHealthSource
{
    /// <summary>Do its loops go on? If not, only a restart helps.</summary>
    /// <param name="reason">Which one does not, since when.</param>
    bool IsAlive([NotNullWhen(false)] out string? reason);

    /// <summary>Does the kernel have what the latest leases want?</summary>
    /// <param name="reason">What is waited for.</param>
    bool IsReady([NotNullWhen(false)] out string? reason);
}
