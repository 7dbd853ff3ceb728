// A server for probes and for Prometheus, on the host's network, where everybody can reach it. One answer per
// connection; a connection has a few seconds and a few kilobytes; when there are too many, the oldest makes room, so
// that clients who only hold connections open do not keep a probe out.

using System.Net;
using System.Net.Sockets;
using FlannelCni.Linux.Net;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent.Health;

/// <summary>/healthz, /readyz and /metrics over HTTP/1.1.</summary>
internal sealed partial class HealthServer(IPEndPoint endpoint, HealthPages pages, TimeProvider time, ILogger logger)
{
    private const int MaxConnections = 64;

    private static readonly TimeSpan s_bindInterval = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_acceptPause = TimeSpan.FromMilliseconds(100);

    private readonly LinkedList<HealthConnection> _connections = [];    // oldest first; guarded by itself

    /// <summary>Where it listens now; null: not yet.</summary>
    internal IPEndPoint? Bound { get; private set; }

    internal static IPEndPoint EndPoint(IpAddr address, int port)
    {
        byte[] bytes = new byte[address.ByteLength];
        _ = address.WriteTo(bytes);
        return new IPEndPoint(new IPAddress(bytes), port);
    }

    /// <summary>
    /// Serves until the token ends it. A port that is taken is waited for: probes fail meanwhile, pods do not.
    /// </summary>
    internal async Task RunAsync(CancellationToken cancellationToken)
    {
        using Socket listener = await BindAsync(cancellationToken);
        Bound = (IPEndPoint?)listener.LocalEndPoint;
        Log.Serving(logger, Bound);
        try
        {
            while (true)
            {
                await AcceptAsync(listener, cancellationToken);
            }
        }
        finally
        {
            Bound = null;
            CloseAll();
        }
    }

    private async Task<Socket> BindAsync(CancellationToken cancellationToken)
    {
        bool wasSaid = false;
        while (true)
        {
            try
            {
                return Listen();
            }
            catch (SocketException e)
            {
                if (!wasSaid)
                {
                    wasSaid = true;
                    Log.NotBound(logger, endpoint, e.Message, s_bindInterval.TotalSeconds);
                }
            }

            await Task.Delay(s_bindInterval, time, cancellationToken);
        }
    }

    private Socket Listen()
    {
        Socket listener = new(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (endpoint.AddressFamily == AddressFamily.InterNetworkV6)
            {
                // [::] means every address, of both families.
                listener.DualMode = endpoint.Address.Equals(IPAddress.IPv6Any);
            }

            listener.Bind(endpoint);
            listener.Listen(MaxConnections);
            return listener;
        }
        catch
        {
            listener.Dispose();
            throw;
        }
    }

    private async Task AcceptAsync(Socket listener, CancellationToken cancellationToken)
    {
        Socket client;
        try
        {
            client = await listener.AcceptAsync(cancellationToken);
        }
        catch (SocketException e)
        {
            // A client that is gone already, or no descriptor left: neither is worth the agent's life.
            Log.NotAccepted(logger, e.Message);
            await Task.Delay(s_acceptPause, time, cancellationToken);
            return;
        }

        HealthConnection connection = new(client, pages, time);
        LinkedListNode<HealthConnection> node = Add(connection);
        _ = ServeAsync(node);
    }

    // Runs beside the loop and ends by its own time limit, or with CloseAll.
    private async Task ServeAsync(LinkedListNode<HealthConnection> node)
    {
        try
        {
            await node.Value.ServeAsync();
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            Log.ConnectionEnded(logger, e.Message);
        }
        catch (Exception e)
        {
            Log.NotAnswered(logger, e);
        }
        finally
        {
            lock (_connections)
            {
                if (node.List is not null)
                {
                    _connections.Remove(node);
                }
            }

            node.Value.Dispose();
        }
    }

    private LinkedListNode<HealthConnection> Add(HealthConnection connection)
    {
        lock (_connections)
        {
            if (_connections is { Count: >= MaxConnections, First: { } oldest })
            {
                _connections.Remove(oldest);
                oldest.Value.Dispose();
            }

            return _connections.AddLast(connection);
        }
    }

    private void CloseAll()
    {
        HealthConnection[] open;
        lock (_connections)
        {
            open = [.. _connections];
            _connections.Clear();
        }

        // Outside: who waits on one may go on in this very call, and takes it from the list.
        foreach (HealthConnection connection in open)
        {
            connection.Dispose();
        }
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Information, "Health server listens on {EndPoint}")]
        internal static partial void Serving(ILogger logger, IPEndPoint? endPoint);

        [LoggerMessage(
            LogLevel.Error, "Health server cannot listen on {EndPoint}: {Cause}; trying again every {Seconds} s")]
        internal static partial void NotBound(ILogger logger, IPEndPoint endPoint, string cause, double seconds);

        [LoggerMessage(LogLevel.Debug, "Health server: accept: {Cause}")]
        internal static partial void NotAccepted(ILogger logger, string cause);

        [LoggerMessage(LogLevel.Debug, "Health server: connection ended: {Cause}")]
        internal static partial void ConnectionEnded(ILogger logger, string cause);

        [LoggerMessage(LogLevel.Error, "Health server cannot answer")]
        internal static partial void NotAnswered(ILogger logger, Exception cause);
    }
}
