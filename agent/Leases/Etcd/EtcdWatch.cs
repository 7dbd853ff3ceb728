using FlannelCni.Agent.Leases.Etcd.Grpc;
using FlannelCni.Agent.Leases.Etcd.Protocol;

namespace FlannelCni.Agent.Leases.Etcd;

/// <summary>One open watch. One reader.</summary>
internal sealed class EtcdWatch : IAsyncDisposable
{
    private readonly GrpcStream _stream;

    private EtcdWatch(GrpcStream stream, ResponseHeader created)
    {
        _stream = stream;
        Created = created;
    }

    /// <summary>The store as the watch began.</summary>
    internal ResponseHeader Created { get; }

    /// <summary>Takes over the stream.</summary>
    /// <exception cref="EtcdException">etcd refuses the watch, or does not confirm it in time.</exception>
    internal static async Task<EtcdWatch> OpenAsync(GrpcStream stream, CancellationToken cancellationToken)
    {
        try
        {
            WatchResponse first = await ReadAsync(stream, isTimed: true, cancellationToken);
            return first is { Created: true, Canceled: false }
                ? new EtcdWatch(stream, first.Header)
                : throw Refused(first);
        }
        catch
        {
            await stream.DisposeAsync();
            throw;
        }
    }

    /// <summary>What happens next, however long that takes.</summary>
    /// <exception cref="EtcdException">
    /// The watch is over. OutOfRange: what it was to tell is compacted away.
    /// </exception>
    internal async Task<WatchResponse> ReadAsync(CancellationToken cancellationToken)
    {
        WatchResponse response = await ReadAsync(_stream, isTimed: false, cancellationToken);
        return response.Canceled || response.CompactRevision != 0 ? throw Refused(response) : response;
    }

    public ValueTask DisposeAsync() => _stream.DisposeAsync();

    private static async Task<WatchResponse> ReadAsync(
        GrpcStream stream, bool isTimed, CancellationToken cancellationToken)
    {
        byte[] message = await stream.ReadAsync(isTimed, cancellationToken)
            ?? throw new EtcdException(GrpcStatus.Unavailable, "etcd ended the watch");
        return ProtoReader.Parse(message, WatchResponse.Read);
    }

    private static EtcdException Refused(WatchResponse response) =>
        response.CompactRevision != 0
            ? new EtcdException(
                GrpcStatus.OutOfRange,
                $"etcd has compacted what the watch missed, up to revision {response.CompactRevision}")
            : new EtcdException(GrpcStatus.Cancelled, $"etcd cancelled the watch: {response.CancelReason}");
}
