using FlannelCni.Agent.Supervision;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent.Leases.Kubernetes;

/// <summary>
/// Tries again what the Kubernetes API refuses or is not there for, with growing pauses and few lines: a server that is
/// away, a right that is missing, a token that has run out are all mended without this node. Ended by the token.
/// </summary>
/// <param name="onReached">Told after each attempt whether the API answered.</param>
/// <param name="onWaiting">Told what is waited for, and why.</param>
internal sealed partial class KubeRetry(
    TimeProvider time, ILogger logger, Action<bool> onReached, Action<string> onWaiting)
{
    private static readonly TimeSpan s_longestObedience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_first = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_longestAway = TimeSpan.FromSeconds(1.5);

    /// <param name="what">Begins the line that is logged: <c>Own Node</c>.</param>
    internal async Task<T> UntilDoneAsync<T>(
        string what, Func<CancellationToken, Task<T>> attempt, CancellationToken cancellationToken)
    {
        Backoff whileRefused = Backoff.ForRequests(time);
        Backoff whileAway = new(s_first, s_longestAway, time);    // the server, or what is asked for
        FaultLog faults = new(time);
        while (true)
        {
            TimeSpan pause;
            try
            {
                T result = await attempt(cancellationToken);
                SayOver(what, faults);
                return result;
            }
            catch (KubeApiException e)
            {
                Say(what, faults, e);
                Backoff backoff = e.IsUnreachable || e.IsNotFound ? whileAway : whileRefused;
                pause = Longer(backoff.Next(), e.RetryAfter ?? TimeSpan.Zero);
            }

            await Task.Delay(pause, time, cancellationToken);
        }
    }

    private static TimeSpan Longer(TimeSpan ours, TimeSpan asked) =>
        asked < ours ? ours : asked < s_longestObedience ? asked : s_longestObedience;

    private void Say(string what, FaultLog faults, KubeApiException e)
    {
        onReached(!e.IsUnreachable);
        onWaiting($"{what} waits for the Kubernetes API: {e.Message}");
        if (faults.Occurred(e.Message))
        {
            Log.Waits(logger, what, e.Message);
        }
    }

    private void SayOver(string what, FaultLog faults)
    {
        onReached(true);
        if (faults.IsFaulty)
        {
            Log.GoesOn(logger, what, faults.Duration.TotalSeconds);
            faults.Over();
        }
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Warning, "{What} waits for the Kubernetes API, trying again: {Cause}")]
        internal static partial void Waits(ILogger logger, string what, string cause);

        [LoggerMessage(LogLevel.Information, "{What} no longer waits for the Kubernetes API, after {Seconds:0.0} s")]
        internal static partial void GoesOn(ILogger logger, string what, double seconds);
    }
}
