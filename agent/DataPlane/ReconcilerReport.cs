using FlannelCni.Agent.Backends;
using FlannelCni.Agent.Metrics;
using FlannelCni.Agent.Supervision;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent.DataPlane;

/// <summary>
/// Says what a run did: a line a change of state, none for a run that changed nothing; and the metrics.
/// </summary>
internal sealed partial class ReconcilerReport(AgentMetrics metrics, TimeProvider time, ILogger logger)
{
    // Beyond these a line says how many.
    private const int MaxPeerLines = 20;
    private const int MaxNamedEntries = 3;

    private readonly LogThrottle _repairs = new(time, burst: 10, TimeSpan.FromSeconds(10));
    private readonly FaultLog _faults = new(time);

    internal void Say(RunResult run, TimeSpan duration)
    {
        if (run.IsFull || run.Changed > 0 || run.Failures.Count > 0)
        {
            metrics.Reconciled(run.Failures.Count == 0, duration);
        }

        metrics.LeaseEvents(run.PeerChanges.Count);
        if (run.OnLink is { } onLink)
        {
            Log.OnLinkChanged(logger, onLink);
        }

        SayPeers(run, duration);
        SayRepairs(run);
        run.Notes.ForEach(note => Log.Noted(logger, note));
        run.Warnings.ForEach(warning => Log.Warned(logger, warning));
        SayFailures(run);
    }

    /// <summary>How many peers there are, and that the leases were known to be complete just now.</summary>
    internal void Count(DataPlaneStatus status)
    {
        metrics.Peers("admitted", status.Peers);
        metrics.Peers("refused", status.Refused);
        metrics.LeasesComplete(time.GetUtcNow());
    }

    private void SayPeers(RunResult run, TimeSpan duration)
    {
        if (run.IsFirst || run.PeerChanges.Count > MaxPeerLines)
        {
            int milliseconds = (int)duration.TotalMilliseconds;
            Log.PeersSynced(logger, run.PeerChanges.Count, run.Changed, milliseconds);
        }
        else
        {
            foreach (PeerChange change in run.PeerChanges)
            {
                SayPeer(change);
            }
        }

        foreach ((_, Refusal refusal) in run.Refusals)
        {
            metrics.LeaseRefused(refusal.Label);
        }

        foreach ((PeerKey key, Refusal refusal) in run.Refusals.Take(MaxPeerLines))
        {
            Log.LeaseRefused(logger, key.Lease, refusal.Text);
        }

        if (run.Refusals.Count > MaxPeerLines)
        {
            Log.MoreRefused(logger, run.Refusals.Count - MaxPeerLines);
        }
    }

    private void SayPeer(PeerChange change)
    {
        switch (change)
        {
            case { Old: null, New: { } added }:
                Log.PeerAdded(logger, added.Subnet.ToString(), added.PublicIP.ToString(), added.Key.Lease);
                break;
            case { Old: { } removed, New: null }:
                Log.PeerRemoved(logger, removed.Subnet.ToString(), removed.PublicIP.ToString(), removed.Key.Lease);
                break;
            case { New: { } changed }:
                Log.PeerChanged(logger, changed.Subnet.ToString(), changed.PublicIP.ToString(), changed.Key.Lease);
                break;
        }
    }

    private void SayRepairs(RunResult run)
    {
        foreach (string _ in run.DeviceRepairs)
        {
            metrics.DriftRepaired("device", 1);
        }

        List<string> parts = [.. run.DeviceRepairs];
        foreach (IGrouping<string, string> kind in run.Drifted.GroupBy(static d => d.Kind, static d => d.Key))
        {
            metrics.DriftRepaired(kind.Key, kind.Count());
            parts.Add(kind.Count() <= MaxNamedEntries
                ? $"{kind.Key} {string.Join(", ", kind)}"
                : $"{kind.Count()} {kind.Key} entries");
        }

        if (run.DeviceRepairs.Count > 0 && run.Changed > run.Drifted.Count)
        {
            parts.Add($"{run.Changed - run.Drifted.Count} entries that went with it");
        }

        if (parts.Count > 0 && _repairs.TryPass(out int heldBack))
        {
            string unsaid = heldBack > 0 ? $" ({heldBack} earlier repairs not logged)" : "";
            Log.Repaired(logger, string.Join("; ", parts), unsaid);
        }
    }

    private void SayFailures(RunResult run)
    {
        if (run.Failures.Count > 0)
        {
            // What a full run still cannot do is worth a line.
            if (run.IsFull && _faults.Occurred(run.Failures[0]))
            {
                string others = run.Failures.Count > 1 ? $" (and {run.Failures.Count - 1} more)" : "";
                Log.Failed(logger, run.Failures[0], others);
            }
        }
        else if (run.IsFull && _faults.IsFaulty)
        {
            Log.Recovered(logger, (int)_faults.Duration.TotalSeconds);
            _faults.Over();
        }
    }

    private static partial class Log
    {
        [LoggerMessage(
            LogLevel.Information,
            "Peers in sync: {Peers} new or changed, {Entries} entries written in {Milliseconds} ms")]
        internal static partial void PeersSynced(ILogger logger, int peers, int entries, int milliseconds);

        [LoggerMessage(LogLevel.Information, "Peer added: {Subnet} via {PublicIP} (lease {Lease})")]
        internal static partial void PeerAdded(ILogger logger, string subnet, string publicIP, string lease);

        [LoggerMessage(LogLevel.Information, "Peer changed: {Subnet} via {PublicIP} (lease {Lease})")]
        internal static partial void PeerChanged(ILogger logger, string subnet, string publicIP, string lease);

        [LoggerMessage(LogLevel.Information, "Peer removed: {Subnet} via {PublicIP} (lease {Lease})")]
        internal static partial void PeerRemoved(ILogger logger, string subnet, string publicIP, string lease);

        [LoggerMessage(LogLevel.Warning, "Lease {Lease} refused: {Reason}")]
        internal static partial void LeaseRefused(ILogger logger, string lease, string reason);

        [LoggerMessage(LogLevel.Warning, "{Count} more leases refused")]
        internal static partial void MoreRefused(ILogger logger, int count);

        [LoggerMessage(LogLevel.Information, "Reached without a router now: {Networks}")]
        internal static partial void OnLinkChanged(ILogger logger, string networks);

        [LoggerMessage(LogLevel.Information, "{Note}")]
        internal static partial void Noted(ILogger logger, string note);

        [LoggerMessage(LogLevel.Warning, "{Warning}")]
        internal static partial void Warned(ILogger logger, string warning);

        [LoggerMessage(LogLevel.Warning, "Repaired what others had changed: {What}{Unsaid}")]
        internal static partial void Repaired(ILogger logger, string what, string unsaid);

        [LoggerMessage(LogLevel.Warning, "The kernel is not as it must be, trying again: {Failure}{Others}")]
        internal static partial void Failed(ILogger logger, string failure, string others);

        [LoggerMessage(LogLevel.Information, "The kernel is as it must be again, after {Seconds} s")]
        internal static partial void Recovered(ILogger logger, int seconds);
    }
}
