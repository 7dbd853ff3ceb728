using System.Net.Security;
using FlannelCni.Agent.Leases.Etcd.Grpc;
using FlannelCni.Agent.Leases.Etcd.Protocol;
using FlannelCni.Agent.Supervision;

namespace FlannelCni.Agent.Leases.Etcd;

/// <summary>
/// The calls we need of etcd's v3 API. A call that finds its endpoint wanting goes on to the next, each once; the one
/// that answered is kept for the calls to come.
/// </summary>
internal sealed class EtcdClient : IDisposable
{
    // etcd takes no value longer than 1.5 MiB, so that these fit into one answer.
    private const int PageLength = 16;

    private readonly List<GrpcConnection> _connections = [];
    private readonly EtcdToken _token;
    private int _current;

    /// <exception cref="AgentFatalException">An endpoint is no URL, or a certificate's file cannot be used.</exception>
    internal EtcdClient(EtcdOptions options, TimeProvider time)
    {
        _token = new EtcdToken(options.Username, options.Password);
        SslClientAuthenticationOptions tls = EtcdTls.Compose(options);
        foreach (Uri endpoint in EtcdEndpoints.Parse(options.Endpoints))
        {
            _connections.Add(new GrpcConnection(endpoint, tls, options, time));
        }

        // Thousands of agents are given the same endpoints in the same order.
        _current = Random.Shared.Next(_connections.Count);
    }

    internal Task<RangeResponse> RangeAsync(RangeRequest request, CancellationToken cancellationToken) =>
        CallAsync("/etcdserverpb.KV/Range", request.Write(), RangeResponse.Read, cancellationToken);

    /// <summary>
    /// All keys of a range as of one revision: in one answer, or in several where one would be too long for anybody.
    /// </summary>
    internal async Task<RangeResponse> ListAsync(KeyRange range, CancellationToken cancellationToken)
    {
        try
        {
            return await RangeAsync(new RangeRequest(range), cancellationToken);
        }
        catch (EtcdException e) when (e.Status == GrpcStatus.ResourceExhausted)
        {
            return await ListInPagesAsync(range, cancellationToken);
        }
    }

    internal Task<TxnResponse> TxnAsync(TxnRequest request, CancellationToken cancellationToken) =>
        CallAsync("/etcdserverpb.KV/Txn", request.Write(), TxnResponse.Read, cancellationToken);

    /// <summary>A time limit to hang keys on, under an id of our choice.</summary>
    /// <remarks>Repeated after a lost answer it finds what it made: no grant is left behind to run out.</remarks>
    internal async Task<Grant> GrantAsync(long id, TimeSpan ttl, CancellationToken cancellationToken)
    {
        try
        {
            return await CallAsync(
                "/etcdserverpb.Lease/LeaseGrant",
                Grant.WriteGrantRequest(id, (long)ttl.TotalSeconds),
                Grant.Read,
                cancellationToken);
        }
        catch (EtcdException e) when (e.IsGranted)
        {
            return await KeepAliveAsync(id, cancellationToken);
        }
    }

    /// <summary>Starts a grant's time anew. Its answer tells the time; 0: it is over already.</summary>
    /// <remarks>A stream by its API, of which we need one message: the next is a day away.</remarks>
    internal Task<Grant> KeepAliveAsync(long id, CancellationToken cancellationToken) =>
        CallAsync("/etcdserverpb.Lease/LeaseKeepAlive", Grant.WriteKeepAliveRequest(id), Grant.Read, cancellationToken);

    /// <summary>Opens a watch and reads etcd's word that it stands.</summary>
    internal Task<EtcdWatch> WatchAsync(WatchCreateRequest request, CancellationToken cancellationToken) =>
        TryEachAsync(
            async (connection, token) => await EtcdWatch.OpenAsync(
                await connection.OpenAsync(
                    "/etcdserverpb.Watch/Watch", request.Write(), token, staysOpen: true, cancellationToken),
                cancellationToken),
            cancellationToken);

    /// <summary>The next call begins with another endpoint.</summary>
    internal void MoveOn() => MoveOnFrom(Volatile.Read(ref _current));

    /// <summary>Forgets the token: a watch is refused without saying that it is the token's fault.</summary>
    internal void ForgetToken() => _token.Forget();

    /// <summary>Makes new connections: those there are may be of an address that this node has no more.</summary>
    internal void Reconnect() => _connections.ForEach(static connection => connection.Reconnect());

    public void Dispose()
    {
        foreach (GrpcConnection connection in _connections)
        {
            connection.Dispose();
        }

        _token.Dispose();
    }

    private async Task<T> CallAsync<T>(
        string method, byte[] message, Func<ProtoReader, T> read, CancellationToken cancellationToken)
    {
        byte[] answer = await TryEachAsync(
            (connection, token) => connection.CallAsync(method, message, token, cancellationToken), cancellationToken);
        return ProtoReader.Parse(answer, read);
    }

    private async Task<T> TryEachAsync<T>(
        Func<GrpcConnection, string?, Task<T>> call, CancellationToken cancellationToken)
    {
        int first = Volatile.Read(ref _current);
        for (int attempt = 0; ; attempt++)
        {
            int index = (first + attempt) % _connections.Count;
            try
            {
                T result = await _token.WithTokenAsync(_connections[index], call, cancellationToken);
                Volatile.Write(ref _current, index);
                return result;
            }
            catch (EtcdException e) when (e.IsUnavailable)
            {
                MoveOnFrom(index);
                if (attempt + 1 >= _connections.Count)
                {
                    throw;
                }
            }
        }
    }

    // Unless another call has done so already.
    private void MoveOnFrom(int index) =>
        Interlocked.CompareExchange(ref _current, (index + 1) % _connections.Count, index);

    private async Task<RangeResponse> ListInPagesAsync(KeyRange range, CancellationToken cancellationToken)
    {
        List<KeyValue> kvs = [];
        ResponseHeader header = default;
        while (true)
        {
            RangeResponse page = await RangeAsync(
                new RangeRequest(range, Limit: PageLength, Revision: header.Revision), cancellationToken);
            header = kvs.Count == 0 ? page.Header : header;
            kvs.AddRange(page.Kvs.Select(LeaseValue.Cut));
            if (!page.More || page.Kvs.Count == 0)
            {
                return page with { Header = header, Kvs = kvs };
            }

            string next = page.Kvs[^1].Key + '\0';
            range = next != range.Key
                ? range with { Key = next }
                : throw new EtcdException(GrpcStatus.OutOfRange, $"the key {page.Kvs[^1].Key} is no UTF-8: delete it");
        }
    }
}
