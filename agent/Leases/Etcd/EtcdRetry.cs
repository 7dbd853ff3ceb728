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
    /// <param name="what">Begins the line that is logged: <c>Network config</c>.</param>
    /// <exception cref="AgentFatalException">The attempt's own; all of etcd's are waited out.</exception>
    internal async Task<T> UntilDoneAsync<T>(
        string what, Func<CancellationToken, Task<T>> attempt, CancellationToken cancellationToken)
    {
        Backoff backoff = Backoff.ForRequests(time);
        FaultLog faults = new(time);
        while (true)
        {
            try
            {
                T result = await attempt(cancellationToken);
                SayOver(what, faults);
                return result;
            }
            catch (EtcdException e)
            {
                Say(what, faults, e);
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

    /// <summary>Logs the end of a fault that was logged.</summary>
    internal void SayOver(string what, FaultLog faults)
    {
        onReached(true);
        if (faults.IsFaulty)
        {
            Log.GoesOn(logger, what, faults.Duration.TotalSeconds);
            faults.Over();
        }
    }

    /// <summary>What etcd answered, and we cannot go on with.</summary>
    internal static EtcdException NotYet(string message) => new(GrpcStatus.FailedPrecondition, message);

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Warning, "{What} waits for etcd, trying again: {Cause}")]
        internal static partial void Waits(ILogger logger, string what, string cause);

        [LoggerMessage(LogLevel.Information, "{What} no longer waits for etcd, after {Seconds:0.0} s")]
        internal static partial void GoesOn(ILogger logger, string what, double seconds);
    }
}
