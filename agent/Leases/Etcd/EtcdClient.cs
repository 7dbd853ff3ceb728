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
    }

    internal Task<RangeResponse> RangeAsync(RangeRequest request, CancellationToken cancellationToken) =>
        CallAsync("/etcdserverpb.KV/Range", request.Write(), RangeResponse.Read, cancellationToken);

    internal Task<TxnResponse> TxnAsync(TxnRequest request, CancellationToken cancellationToken) =>
        CallAsync("/etcdserverpb.KV/Txn", request.Write(), TxnResponse.Read, cancellationToken);

    /// <summary>A new time limit to hang keys on.</summary>
    internal Task<Grant> GrantAsync(TimeSpan ttl, CancellationToken cancellationToken) =>
        CallAsync(
            "/etcdserverpb.Lease/LeaseGrant",
            Grant.WriteGrantRequest((long)ttl.TotalSeconds),
            Grant.Read,
            cancellationToken);

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
            catch (EtcdException e) when (e.IsUnavailable && attempt + 1 < _connections.Count)
            {
                continue;
            }
        }
    }
}
