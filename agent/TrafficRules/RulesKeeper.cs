// One task runs this. Like the reconciler it never asks what happened, only whether the rules are as they must be: at the
// start, when the own subnet changes, when the kernel announces a change, and every so often.
// What another mode left behind is removed only when the own rules stand, so that there is no moment without.

using System.Collections.Immutable;
using System.Threading.Channels;
using FlannelCni.Agent.DataPlane;
using FlannelCni.Agent.Leases;
using FlannelCni.Agent.Metrics;
using FlannelCni.Agent.Supervision;
using FlannelCni.Linux;
using FlannelCni.Linux.Net;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent.TrafficRules;

/// <summary>Keeps the rules for masquerading and forwarding as they must be.</summary>
internal sealed partial class RulesKeeper : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private readonly TrafficSettings _settings;
    private readonly IRulesWriter _writer;
    private readonly List<ILeftRules> _left;
    private readonly AgentMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly FaultLog _faults;
    private readonly FaultLog _leftFaults;
    private readonly LogThrottle _throttle;
    private readonly Pacer _pacer;
    private readonly Channel<bool> _bell =
        Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    private volatile Wanted _wanted = new(default, []);
    private Wanted? _written;    // null: not yet

    /// <param name="left">Removed, and disposed of, as soon as the own rules stand.</param>
    public RulesKeeper(
        TrafficSettings settings,
        IRulesWriter writer,
        IEnumerable<ILeftRules> left,
        AgentMetrics metrics,
        TimeProvider time,
        ILogger logger)
    {
        _settings = settings;
        _writer = writer;
        _left = [.. left];
        _metrics = metrics;
        _time = time;
        _logger = logger;
        _faults = new FaultLog(time);
        _leftFaults = new FaultLog(time);
        _throttle = new LogThrottle(time, burst: 5, interval: TimeSpan.FromMinutes(1));
        _pacer = new Pacer(time);
    }

    /// <summary>Sets the rules for the first time; after it pods may be started.</summary>
    /// <exception cref="AgentFatalException">They cannot be set, and masquerading was asked for.</exception>
    public async Task StartAsync(SubnetPair own, CancellationToken cancellationToken)
    {
        Post(own);
        try
        {
            await EnsureAsync(cancellationToken);
        }
        catch (Exception e) when (_settings.Masquerades && e is LinuxException or RulesException)
        {
            throw new AgentFatalException($"firewall rules ({_writer.Name}): {e.Message}", e);
        }
        catch (Exception e) when (e is LinuxException or RulesException)
        {
            Fail(e);
        }

        await RemoveLeftAsync(cancellationToken);
    }

    /// <summary>This node's subnets, whenever they change. Returns at once.</summary>
    public void Post(SubnetPair own)
    {
        _wanted = _wanted with { Own = own };
        Ring();
    }

    /// <summary>More destinations that see the pods' own addresses: those of nodes. Returns at once.</summary>
    public void PostNotMasqueraded(ImmutableArray<IpPrefix> destinations)
    {
        _wanted = _wanted with { NotMasqueraded = destinations };
        Ring();
    }

    /// <summary>Ends only with the token.</summary>
    public Task RunAsync(CancellationToken cancellationToken) => Supervised.RunAllAsync(
        [
            ("firewall monitor", token => _writer.WatchAsync(Ring, token)),
            ("firewall rules", KeepAsync),
        ],
        cancellationToken);

    public void Dispose()
    {
        _writer.Dispose();
        _left.ForEach(static left => left.Dispose());
    }

    private async Task KeepAsync(CancellationToken cancellationToken)
    {
        using ITimer resync = _time.CreateTimer(_ => Ring(), null, _settings.Resync, _settings.Resync);
        while (true)
        {
            await _bell.Reader.ReadAsync(cancellationToken);
            bool hadTrouble = true;
            long start = _time.GetTimestamp();
            try
            {
                hadTrouble = await EnsureAsync(cancellationToken);
                await RemoveLeftAsync(cancellationToken);
            }
            catch (Exception e) when (e is LinuxException or RulesException)
            {
                Fail(e);
            }

            await _pacer.PauseAsync(hadTrouble, _time.GetElapsedTime(start), cancellationToken);
        }
    }

    /// <returns>True: somebody had changed the rules.</returns>
    private async Task<bool> EnsureAsync(CancellationToken cancellationToken)
    {
        Wanted wanted = _wanted;
        RulesChange change = await WaitAsync(_writer.EnsureAsync(
            wanted.Own, [.. _settings.NotMasqueraded, .. wanted.NotMasqueraded], cancellationToken), cancellationToken);
        bool isDrift = ReferenceEquals(wanted, _written) && change.IsAny && !_faults.IsFaulty;
        if (isDrift)
        {
            Count(change);
            if (_throttle.TryPass(out int heldBack))
            {
                Log.PutBack(_logger, change, _writer.Name, heldBack);
            }
        }
        else if (change.IsAny)
        {
            Log.Set(_logger, change, _writer.Name, wanted.Own);
        }
        else if (_written is null)
        {
            Log.Found(_logger, _writer.Name, wanted.Own);
        }

        _written = wanted;
        _faults.Over();
        return isDrift;
    }

    /// <summary>iptables may wait for a lock, without end and without a word.</summary>
    private async Task<RulesChange> WaitAsync(Task<RulesChange> ensure, CancellationToken cancellationToken)
    {
        using CancellationTokenSource done = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task patience = Task.Delay(s_patience, _time, done.Token);
        if (await Task.WhenAny(ensure, patience) == patience && !cancellationToken.IsCancellationRequested)
        {
            Log.Waiting(_logger, _writer.Name, s_patience.TotalSeconds);
        }

        await done.CancelAsync();
        return await ensure;
    }

    private async Task RemoveLeftAsync(CancellationToken cancellationToken)
    {
        foreach (ILeftRules left in _left.ToArray())
        {
            try
            {
                if (await left.RemoveAsync(cancellationToken))
                {
                    Log.Removed(_logger, left.Name, _writer.Name);
                }

                left.Dispose();
                _left.Remove(left);
            }
            catch (Exception e) when (e is LinuxException or RulesException)
            {
                if (_leftFaults.Occurred(e.Message))
                {
                    Log.NotRemoved(_logger, left.Name, e.Message);
                }
            }
        }
    }

    private void Count(RulesChange change)
    {
        if (change.IsMasqueradeWritten)
        {
            _metrics.DriftRepaired("masquerade");
        }

        if (change.IsForwardWritten)
        {
            _metrics.DriftRepaired("forward");
        }
    }

    private void Fail(Exception e)
    {
        if (_faults.Occurred(e.Message))
        {
            Log.NotSet(_logger, _writer.Name, e.Message);
        }
    }

    private void Ring() => _bell.Writer.TryWrite(true);

    /// <summary>What the rules follow from, besides the settings. Replaced whole.</summary>
    private sealed record Wanted(SubnetPair Own, ImmutableArray<IpPrefix> NotMasqueraded);

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Information, "Firewall rules set by {Writer} for {Subnet}: {Kinds}")]
        internal static partial void Set(ILogger logger, RulesChange kinds, string writer, SubnetPair subnet);

        [LoggerMessage(LogLevel.Information, "Firewall rules of {Writer} for {Subnet} are as they must be")]
        internal static partial void Found(ILogger logger, string writer, SubnetPair subnet);

        [LoggerMessage(
            LogLevel.Warning,
            "Firewall rules put back by {Writer}, somebody had changed them: {Kinds} ({HeldBack} lines like this left out)")]
        internal static partial void PutBack(ILogger logger, RulesChange kinds, string writer, int heldBack);

        [LoggerMessage(LogLevel.Warning, "Firewall rules not set by {Writer}, trying again: {Reason}")]
        internal static partial void NotSet(ILogger logger, string writer, string reason);

        [LoggerMessage(
            LogLevel.Warning,
            "Firewall rules: {Writer} is at it for more than {Seconds} s; somebody else may hold its lock")]
        internal static partial void Waiting(ILogger logger, string writer, double seconds);

        [LoggerMessage(LogLevel.Information, "Firewall rules that an earlier agent left in {Left} removed; {Writer} has them now")]
        internal static partial void Removed(ILogger logger, string left, string writer);

        [LoggerMessage(LogLevel.Warning, "Firewall rules that an earlier agent left in {Left} not removed: {Reason}")]
        internal static partial void NotRemoved(ILogger logger, string left, string reason);
    }
}
