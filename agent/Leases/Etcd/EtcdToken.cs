using FlannelCni.Agent.Leases.Etcd.Grpc;
using FlannelCni.Agent.Leases.Etcd.Protocol;

namespace FlannelCni.Agent.Leases.Etcd;

/// <summary>
/// What etcd gives for user and password, and forgets whenever it restarts or we are quiet for minutes.
/// </summary>
internal sealed class EtcdToken(string? username, string? password) : IDisposable
{
    // One login at a time; a token that came meanwhile is used by all who waited.
    private readonly SemaphoreSlim _login = new(1, 1);
    private string? _token;

    private bool IsWanted => !string.IsNullOrEmpty(username) && !string.IsNullOrEmpty(password);

    /// <summary>
    /// Makes a call with a token where one is wanted, and once more with a new one if etcd refuses it.
    /// </summary>
    internal async Task<T> WithTokenAsync<T>(
        GrpcConnection connection, Func<GrpcConnection, string?, Task<T>> call, CancellationToken cancellationToken)
    {
        if (!IsWanted)
        {
            return await call(connection, null);
        }

        string token = await GetAsync(connection, stale: null, cancellationToken);
        try
        {
            return await call(connection, token.Length > 0 ? token : null);
        }
        catch (EtcdException e) when (e.WantsAuthentication)
        {
            token = await GetAsync(connection, stale: token, cancellationToken);
        }

        return await call(connection, token.Length > 0 ? token : null);
    }

    internal void Forget() => Volatile.Write(ref _token, null);

    public void Dispose() => _login.Dispose();

    /// <returns>Empty: etcd wants none, authentication is off.</returns>
    private async Task<string> GetAsync(GrpcConnection connection, string? stale, CancellationToken cancellationToken)
    {
        if (Volatile.Read(ref _token) is string known && known != stale)
        {
            return known;
        }

        await _login.WaitAsync(cancellationToken);
        try
        {
            if (Volatile.Read(ref _token) is not string current || current == stale)
            {
                current = await LoginAsync(connection, cancellationToken);
                Volatile.Write(ref _token, current);
            }

            return current;
        }
        finally
        {
            _login.Release();
        }
    }

    private async Task<string> LoginAsync(GrpcConnection connection, CancellationToken cancellationToken)
    {
        try
        {
            byte[] answer = await connection.CallAsync(
                "/etcdserverpb.Auth/Authenticate",
                Authenticate.WriteRequest(username ?? "", password ?? ""),
                token: null,
                cancellationToken);
            return ProtoReader.Parse(answer, Authenticate.Read);
        }
        catch (EtcdException e) when (e.IsAuthenticationOff)
        {
            return "";
        }
    }
}
