using FlannelCni.Agent.DataPlane;
using FlannelCni.Agent.Leases;
using FlannelCni.Agent.Metrics;
using FlannelCni.Agent.Supervision;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent.TrafficRules;

/// <summary>What the keeper of rules tells: log lines, and the metric of repairs.</summary>
internal sealed partial class RulesReport(string writer, AgentMetrics metrics, TimeProvider time, ILogger logger)
{
    private readonly FaultLog _faults = new(time);
    private readonly FaultLog _leftFaults = new(time);
    private readonly LogThrottle _throttle = new(time, burst: 5, interval: TimeSpan.FromMinutes(1));

    /// <summary>The last try to set the rules failed.</summary>
    public bool IsFaulty => _faults.IsFaulty;

    /// <param name="isDrift">Nothing was to be changed, but somebody had.</param>
    /// <param name="isFirst">At the start.</param>
    public void Ensured(RulesChange change, SubnetPair subnet, bool isDrift, bool isFirst)
    {
        _faults.Over();
        if (isDrift)
        {
            Count(change);
            if (_throttle.TryPass(out int heldBack))
            {
                string more = heldBack == 0 ? "" : $" ({heldBack} times more since this was last said)";
                Log.PutBack(logger, change, writer, more);
            }
        }
        else if (change.IsAny)
        {
            Log.Set(logger, change, writer, subnet);
        }
        else if (isFirst)
        {
            Log.Found(logger, writer, subnet);
        }
    }

    public void NotSet(string reason)
    {
        if (_faults.Occurred(reason))
        {
            Log.NotSet(logger, writer, reason);
        }
    }

    public void Waiting(TimeSpan since) => Log.Waiting(logger, writer, since.TotalSeconds);

    public void Removed(string left) => Log.Removed(logger, left, writer);

    public void NotRemoved(string left, string reason)
    {
        if (_leftFaults.Occurred(reason))
        {
            Log.NotRemoved(logger, left, reason);
        }
    }

    private void Count(RulesChange change)
    {
        if (change.IsMasqueradeWritten)
        {
            metrics.DriftRepaired("masquerade");
        }

        if (change.IsForwardWritten)
        {
            metrics.DriftRepaired("forward");
        }
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Information, "Firewall rules set by {Writer} for {Subnet}: {Kinds}")]
        internal static partial void Set(ILogger logger, RulesChange kinds, string writer, SubnetPair subnet);

        [LoggerMessage(LogLevel.Information, "Firewall rules of {Writer} for {Subnet} are as they must be")]
        internal static partial void Found(ILogger logger, string writer, SubnetPair subnet);

        [LoggerMessage(
            LogLevel.Warning,
            "Firewall rules put back by {Writer}, somebody had changed them: {Kinds}{More}")]
        internal static partial void PutBack(ILogger logger, RulesChange kinds, string writer, string more);

        [LoggerMessage(LogLevel.Warning, "Firewall rules not set by {Writer}, trying again: {Reason}")]
        internal static partial void NotSet(ILogger logger, string writer, string reason);

        [LoggerMessage(
            LogLevel.Warning,
            "Firewall rules: {Writer} is at it for more than {Seconds} s; somebody else may hold its lock")]
        internal static partial void Waiting(ILogger logger, string writer, double seconds);

        [LoggerMessage(
            LogLevel.Information, "Firewall rules that an earlier agent left in {Left} removed; {Writer} has them now")]
        internal static partial void Removed(ILogger logger, string left, string writer);

        [LoggerMessage(LogLevel.Warning, "Firewall rules that an earlier agent left in {Left} not removed: {Reason}")]
        internal static partial void NotRemoved(ILogger logger, string left, string reason);
    }
}
