using System.Diagnostics.CodeAnalysis;
using System.Net;
using FlannelCni.Agent.DataPlane;
using FlannelCni.Agent.Health;
using FlannelCni.Agent.Metrics;
using FlannelCni.Agent.Options;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent;

/// <summary>
/// What the probes are told: alive while the reconciler comes by, ready while the kernel is as the leases say.
/// </summary>
internal sealed class AgentHealth(TimeProvider time) : IHealthSource
{
    /// <summary>Three times the longest between two runs of a large cluster's reconciler.</summary>
    private static readonly TimeSpan s_longestSilence = 3 * Reconciler.LongestResync;

    private volatile string _step = "starting";
    private volatile string? _trouble;
    private volatile Reconciler? _reconciler;
    private volatile bool _isServing;

    /// <summary>Answers probes and Prometheus where the options say, or nowhere. Ends only with the token.</summary>
    public Task ServeAsync(
        AgentOptions options, AgentMetrics metrics, ILogger logger, CancellationToken cancellationToken)
    {
        if (options.HealthzPort == 0)
        {
            return Task.Delay(Timeout.InfiniteTimeSpan, time, cancellationToken);
        }

        HealthPages pages = new(this, metrics.Render);
        IPEndPoint endpoint = HealthServer.EndPoint(options.HealthzIP, options.HealthzPort);
        return new HealthServer(endpoint, pages, time, logger).RunAsync(cancellationToken);
    }

    /// <summary>What the start is at; it may wait for a datastore as long as it takes.</summary>
    public void Starting(string step) => _step = step;

    /// <summary>From here on the reconciler's word counts.</summary>
    public void Running(Reconciler reconciler) => _reconciler = reconciler;

    /// <summary>subnet.env is there: the plugin can give pods their network.</summary>
    public void Serving() => _isServing = true;

    /// <summary>Why new pods are reached by nobody, whatever the kernel has; null: they are.</summary>
    public void Troubled(string? trouble) => _trouble = trouble;

    /// <inheritdoc/>
    public bool IsAlive([NotNullWhen(false)] out string? reason)
    {
        TimeSpan silence = _reconciler is { } running ? time.GetElapsedTime(running.Status.Beat) : TimeSpan.Zero;
        reason = silence < s_longestSilence ? null : $"the reconciler has not come by for {silence.TotalSeconds:F0} s";
        return reason is null;
    }

    /// <inheritdoc/>
    public bool IsReady([NotNullWhen(false)] out string? reason)
    {
        reason = _reconciler is { } running
            ? running.Status.Trouble ?? _trouble ?? (_isServing ? null : "writing the subnet file")
            : _step;
        return reason is null;
    }
}
