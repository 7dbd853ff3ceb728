using System.Runtime.CompilerServices;
using FlannelCni.Agent.Leases.Etcd.Protocol;
using FlannelCni.Agent.Supervision;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent.Leases.Etcd;

/// <summary>The leases in etcd, in keys and values that upstream's agents read and write too.</summary>
internal sealed class EtcdSubnetManager : ISubnetManager
{
    private readonly EtcdOptions _options;
    private readonly EtcdClient _client;
    private readonly LeaseKeys _keys;
    private readonly OwnLeaseKeeper _keeper;
    private readonly EtcdRetry _retry;
    private readonly SubnetPair _previous;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;

    /// <summary>Connects to nothing yet.</summary>
    /// <param name="previous">What this node had before its restart, to be taken again if it is still free.</param>
    /// <param name="onReached">Told whether etcd answers.</param>
    /// <param name="onLost">Told what became of a lost lease: <c>taken_back</c>, <c>replaced</c>.</param>
    /// <exception cref="AgentFatalException">An endpoint is no URL, or a certificate's file cannot be used.</exception>
    internal EtcdSubnetManager(
        EtcdOptions options,
        SubnetPair previous,
        TimeProvider time,
        ILogger logger,
        Action<bool>? onReached = null,
        Action<string>? onLost = null)
    {
        _options = options;
        _client = new EtcdClient(options, time);
        _keys = new LeaseKeys(options.Prefix);
        _retry = new EtcdRetry(time, logger, onReached ?? (static _ => { }));
        OwnLeaseWriter writer = new(_client, _keys, options, time);
        SubnetTaker taker = new(_client, _keys, writer, options, time, logger);
        _keeper = new OwnLeaseKeeper(taker, _keys, _retry, onLost ?? (static _ => { }), time, logger);
        _previous = previous;
        _time = time;
        _logger = logger;
    }

    /// <inheritdoc/>
    public Task<NetworkConfig> ReadNetworkConfigAsync(CancellationToken cancellationToken) =>
        _retry.UntilDoneAsync("Network config", ReadOnceAsync, pause: null, cancellationToken);

    /// <summary>Nothing: etcd knows subnets, not nodes.</summary>
    public NodeFacts Node => NodeFacts.Unknown;

    /// <inheritdoc/>
    public Task<Lease> AcquireAsync(
        NetworkConfig network, LeaseAttributes attributes, CancellationToken cancellationToken) =>
        _keeper.AcquireAsync(
            SubnetPools.Derive(network),
            attributes,
            _previous,
            token => ReadPoolsAgainAsync(network, token),
            cancellationToken);

    /// <inheritdoc/>
    public Task PublishAsync(LeaseAttributes attributes, CancellationToken cancellationToken)
    {
        // A connection from an address that is gone is silent, which its pings would notice in a quarter of a minute.
        _client.Reconnect();
        return _keeper.PublishAsync(attributes, cancellationToken);
    }

    /// <summary>Nobody waits for it.</summary>
    public void SetUp()
    {
    }

    /// <inheritdoc/>
    public Task KeepAsync(CancellationToken cancellationToken) => _keeper.KeepAsync(cancellationToken);

    /// <inheritdoc/>
    public async IAsyncEnumerable<LeaseSnapshot> WatchAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using CancellationTokenSource ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await using LeaseFeed feed = new(_client, _keys.All, _keeper.TakeList(), _retry, _time, _logger);
        LeaseBook book = new(_keys, _logger);
        OwnState state = _keeper.State;
        Lease? said = null;    // null until the first list is in
        Task<FeedBatch> next = feed.NextAsync(ended.Token);
        Task<List<KeyValuePair<string, int>>> gone = NoneAsync();
        try
        {
            while (true)
            {
                await Task.WhenAny(next, said is null ? next : state.Replaced, book.Doubted.Count > 0 ? gone : next);
                state = _keeper.State;
                Lease own = state.Own.Lease;
                HashSet<string> changed = book.ChangeOwn(own);
                if (next.IsCompleted)
                {
                    changed.UnionWith(Enter(await next, book, own, isFirst: said is null));
                    next = feed.NextAsync(ended.Token);
                }

                if (gone.IsCompleted)
                {
                    changed.UnionWith(book.Believe(await gone, own));
                    gone = book.Doubted.Count > 0 ? FindGoneAsync([.. book.Doubted], ended.Token) : NoneAsync();
                }

                if (changed.Count > 0 || own != said)
                {
                    bool isFirst = said is null;
                    said = own;
                    yield return new LeaseSnapshot(own, book.Peers, isFirst ? null : changed);
                }
            }
        }
        finally
        {
            await ended.CancelAsync();
            await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await ((Task)gone).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public ValueTask DisposeAsync()
    {
        _keeper.Dispose();
        _client.Dispose();
        return ValueTask.CompletedTask;
    }

    // The first list may be of before our own key was written.
    private HashSet<string> Enter(FeedBatch batch, LeaseBook book, Lease own, bool isFirst)
    {
        HashSet<string> changed = book.Apply(batch, own);
        bool isAboutOwn = batch.Events.Any(happened => _keys.NameOf(happened.Kv.Key) == own.Key)
            || (batch.All is not null && (!isFirst || batch.Revision >= own.Seniority.Since));
        if (isAboutOwn && !book.Has(own))
        {
            _keeper.Doubt();
        }

        long grantId = _keeper.State.Own.GrantId;
        foreach (KeyValue stray in batch.Written.Where(
            kv => kv.Lease == grantId && grantId != 0 && _keys.NameOf(kv.Key) != own.Key))
        {
            _keeper.Doubt(stray);
        }

        return changed;
    }

    /// <summary>Waits, and then finds out which of these are not there.</summary>
    private async Task<List<KeyValuePair<string, int>>> FindGoneAsync(
        List<KeyValuePair<string, int>> doubted, CancellationToken cancellationToken)
    {
        await Task.Delay(_options.DoubtTime, _time, cancellationToken);
        RangeResponse list = await _retry.UntilDoneAsync(
            "Second look at the leases", token => _client.ListAsync(_keys.All, token), pause: null, cancellationToken);
        HashSet<string> listed = list.Kvs.Select(kv => _keys.NameOf(kv.Key)).ToHashSet(StringComparer.Ordinal);
        return [.. doubted.Where(doubt => !listed.Contains(doubt.Key))];
    }

    private static Task<List<KeyValuePair<string, int>>> NoneAsync() =>
        Task.FromResult<List<KeyValuePair<string, int>>>([]);

    private async Task<SubnetPools> ReadPoolsAgainAsync(NetworkConfig used, CancellationToken cancellationToken)
    {
        NetworkConfig now = await ReadOnceAsync(cancellationToken);
        return now.IsSameButForSubnets(used)
            ? SubnetPools.Derive(now)
            : throw new AgentFatalException(
                "the network config was changed while no subnet was free: start again with the new one");
    }

    private async Task<NetworkConfig> ReadOnceAsync(CancellationToken cancellationToken)
    {
        try
        {
            RangeResponse found =
                await _client.RangeAsync(new RangeRequest(KeyRange.Single(_keys.Config)), cancellationToken);
            if (found.Kvs is not [KeyValue kv])
            {
                throw EtcdRetry.NotYet(
                    $"the key {_keys.Config} is absent: "
                    + "put net-conf.json there, as "
                    + "{\"Network\": \"10.244.0.0/16\", \"Backend\": {\"Type\": \"vxlan\"}}");
            }

            NetworkConfig config = NetworkConfigReader.Parse(kv.Value);
            _ = SubnetPools.Derive(config);
            return config;
        }
        catch (FormatException e)
        {
            throw EtcdRetry.NotYet($"the key {_keys.Config}: {e.Message}");
        }
        catch (EtcdException e) when (e.IsWrongPassword)
        {
            throw new AgentFatalException(
                $"etcd refuses the user or the password: check --etcd-username and --etcd-password: {e.Message}", e);
        }
    }
}
