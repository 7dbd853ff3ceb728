using FlannelCni.Agent.Leases.Etcd.Grpc;
using FlannelCni.Agent.Supervision;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent.Leases.Etcd;

/// <summary>
/// Tries again what etcd refuses or is not there for, with growing pauses and few lines. Ended by the token.
/// </summary>
/// <param name="onReached">Told after each attempt whether etcd answered.</param>
internal sealed partial class EtcdRetry(TimeProvider time, ILogger logger, Action<bool> onReached)
{
    private static readonly TimeSpan s_firstPause = TimeSpan.FromMilliseconds(100);

    // With a connection's time to come about it is below the 5 s in which all is to be well after a fault.
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(2.5);

    /// <summary>The pauses between two tries.</summary>
    internal Backoff NewBackoff() => new(s_firstPause, s_longestPause, time);

    /// <param name="what">Begins the line that is logged: <c>Network config</c>.</param>
    /// <param name="pause">What else to wait for after a fault; null, or of null: the usual pause.</param>
    /// <exception cref="AgentFatalException">The attempt's own; all of etcd's are waited out.</exception>
    internal async Task<T> UntilDoneAsync<T>(
        string what,
        Func<CancellationToken, Task<T>> attempt,
        Func<EtcdException, CancellationToken, Task?>? pause,
        CancellationToken cancellationToken)
    {
        Backoff backoff = NewBackoff();
        FaultLog faults = new(time);
        while (true)
        {
            try
            {
                T result = await attempt(cancellationToken);
                SayOver(what, faults, faults.Duration);
                return result;
            }
            catch (EtcdException e)
            {
                Say(what, faults, e);
                if (await IsPausedAsync(pause?.Invoke(e, cancellationToken), what, faults))
                {
                    continue;
                }
            }

            await backoff.WaitAsync(cancellationToken);
        }
    }

    /// <summary>Logs a fault if it is worth a line.</summary>
    internal void Say(string what, FaultLog faults, EtcdException e)
    {
        onReached(!e.IsUnavailable);
        if (faults.Occurred(e.Message))
        {
            Log.Waits(logger, what, e.Message);
        }
    }

    /// <summary>etcd answers.</summary>
    internal void SayReached() => onReached(true);

    /// <summary>Logs the end of a fault that was logged, and lasted so long.</summary>
    internal void SayOver(string what, FaultLog faults, TimeSpan lasted)
    {
        onReached(true);
        if (faults.IsFaulty)
        {
            Log.GoesOn(logger, what, lasted.TotalSeconds);
            faults.Over();
        }
    }

    /// <summary>What etcd answered, and we cannot go on with.</summary>
    internal static EtcdException NotYet(string message) => new(GrpcStatus.FailedPrecondition, message);

    private async Task<bool> IsPausedAsync(Task? pause, string what, FaultLog faults)
    {
        if (pause is null)
        {
            return false;
        }

        try
        {
            await pause;
            return true;
        }
        catch (EtcdException e)
        {
            Say(what, faults, e);
            return false;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Warning, "{What} waits for etcd, trying again: {Cause}")]
        internal static partial void Waits(ILogger logger, string what, string cause);

        [LoggerMessage(LogLevel.Information, "{What} no longer waits for etcd, after {Seconds:0.0} s")]
        internal static partial void GoesOn(ILogger logger, string what, double seconds);
    }
}
