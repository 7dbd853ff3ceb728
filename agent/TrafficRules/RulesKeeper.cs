// One task runs this. Like the reconciler it never asks what happened, only whether the rules are as they must be: at
// the start, when the own subnet changes, when the kernel announces a change, and every so often. What another mode
// left behind is removed only when the own rules stand, so that there is no moment without.

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
internal sealed class RulesKeeper : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private readonly TrafficSettings _settings;
    private readonly IRulesWriter _writer;
    private readonly List<ILeftRules> _left;
    private readonly TimeProvider _time;
    private readonly RulesReport _report;
    private readonly Pacer _pacer;
    private readonly Channel<bool> _bell =
        Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    private Wanted _wanted = new(default, []);    // replaced by whoever has news
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
        _time = time;
        _report = new RulesReport(writer.Name, metrics, time, logger);
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
            _report.NotSet(e.Message);
        }

        await RemoveLeftAsync(cancellationToken);
    }

    /// <summary>This node's subnets, whenever they change. Returns at once.</summary>
    public void Post(SubnetPair own)
    {
        ImmutableInterlocked.Update(ref _wanted, static (wanted, own) => wanted with { Own = own }, own);
        Ring();
    }

    /// <summary>The other nodes, whenever they change. Returns at once.</summary>
    public void Post(LeaseTable peers)
    {
        if (!_settings.ExcludesNodes)
        {
            return;
        }

        ImmutableArray<IpPrefix> nodes =
        [
            .. peers.ByKey.Values
                .SelectMany(static lease => (IpAddr[])[lease.Attributes.PublicIP, lease.Attributes.PublicIPv6])
                .Where(static address => !address.IsNone)
                .Distinct()
                .Order()
                .Select(IpPrefix.Host),
        ];
        if (!nodes.SequenceEqual(Volatile.Read(ref _wanted).Nodes))
        {
            ImmutableInterlocked.Update(ref _wanted, static (wanted, nodes) => wanted with { Nodes = nodes }, nodes);
            Ring();
        }
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
                _report.NotSet(e.Message);
            }

            await _pacer.PauseAsync(hadTrouble, _time.GetElapsedTime(start), cancellationToken);
        }
    }

    /// <returns>True: somebody had changed the rules.</returns>
    private async Task<bool> EnsureAsync(CancellationToken cancellationToken)
    {
        Wanted wanted = Volatile.Read(ref _wanted);
        RulesChange change = await WaitAsync(_writer.EnsureAsync(
            wanted.Own, [.. _settings.NotMasqueraded, .. wanted.Nodes], cancellationToken), cancellationToken);
        bool isDrift = _written == wanted && change.IsAny && !_report.IsFaulty;
        _report.Ensured(change, wanted.Own, isDrift, isFirst: _written is null);
        _written = wanted;
        return isDrift;
    }

    /// <summary>iptables may wait for a lock, without end and without a word.</summary>
    private async Task<RulesChange> WaitAsync(Task<RulesChange> ensure, CancellationToken cancellationToken)
    {
        using CancellationTokenSource done = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task patience = Task.Delay(s_patience, _time, done.Token);
        if (await Task.WhenAny(ensure, patience) == patience && !cancellationToken.IsCancellationRequested)
        {
            _report.Waiting(s_patience);
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
                    _report.Removed(left.Name);
                }

                left.Dispose();
                _left.Remove(left);
            }
            catch (Exception e) when (e is LinuxException or RulesException)
            {
                _report.NotRemoved(left.Name, e.Message);
            }
        }
    }

    private void Ring() => _bell.Writer.TryWrite(true);

    /// <summary>What the rules follow from, besides the settings. Replaced whole.</summary>
    private sealed record Wanted(SubnetPair Own, ImmutableArray<IpPrefix> Nodes);
}
