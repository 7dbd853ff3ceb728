using FlannelCni.Agent.Backends;
using FlannelCni.Agent.Metrics;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent.DataPlane;

/// <summary>Says what a run did: a line a change of state, none for a run that changed nothing; and the metrics.</summary>
internal sealed partial class ReconcilerReport(AgentMetrics metrics, TimeProvider time, ILogger logger)
{
    // Beyond these a line says how many.
    private const int MaxPeerLines = 20;
    private const int MaxNamedEntries = 3;

    private readonly LogThrottle _repairs = new(time, burst: 10, TimeSpan.FromSeconds(10));
    private readonly LogThrottle _failures = new(time, burst: 10, TimeSpan.FromSeconds(10));
    private string? _lastFailure;

    internal void Say(RunResult run, TimeSpan duration)
    {
        metrics.Reconciled(run.Failures.Count == 0, duration);
        SayPeers(run, duration);
        SayRepairs(run);
        SayFailures(run);
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

        foreach ((PeerKey key, string reason) in run.Refusals)
        {
            metrics.LeaseRefused("invalid");
            Log.LeaseRefused(logger, key.Lease, reason);
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
        string? failure = run.Failures.Count switch
        {
            0 => null,
            1 => run.Failures[0],
            int count => $"{run.Failures[0]} (and {count - 1} more)",
        };
        if (failure is not null && failure != _lastFailure && _failures.TryPass(out _))
        {
            Log.Failed(logger, failure);
        }
        else if (failure is null && _lastFailure is not null)
        {
            Log.Recovered(logger);
        }

        _lastFailure = failure;
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Information, "Peers in sync: {Peers} new or changed, {Entries} entries written in {Milliseconds} ms")]
        internal static partial void PeersSynced(ILogger logger, int peers, int entries, int milliseconds);

        [LoggerMessage(LogLevel.Information, "Peer added: {Subnet} via {PublicIP} (lease {Lease})")]
        internal static partial void PeerAdded(ILogger logger, string subnet, string publicIP, string lease);

        [LoggerMessage(LogLevel.Information, "Peer changed: {Subnet} via {PublicIP} (lease {Lease})")]
        internal static partial void PeerChanged(ILogger logger, string subnet, string publicIP, string lease);

        [LoggerMessage(LogLevel.Information, "Peer removed: {Subnet} via {PublicIP} (lease {Lease})")]
        internal static partial void PeerRemoved(ILogger logger, string subnet, string publicIP, string lease);

        [LoggerMessage(LogLevel.Warning, "Lease {Lease} refused: {Reason}")]
        internal static partial void LeaseRefused(ILogger logger, string lease, string reason);

        [LoggerMessage(LogLevel.Warning, "Repaired what others had changed: {What}{Unsaid}")]
        internal static partial void Repaired(ILogger logger, string what, string unsaid);

        [LoggerMessage(LogLevel.Warning, "The kernel is not as it must be, trying again: {Failure}")]
        internal static partial void Failed(ILogger logger, string failure);

        [LoggerMessage(LogLevel.Information, "The kernel is as it must be again")]
        internal static partial void Recovered(ILogger logger);
    }
}
