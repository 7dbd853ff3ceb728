using System.Net;
using System.Net.Sockets;
using FlannelCni.Linux.Net;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.TrafficRules;

/// <summary>
/// New connections from a pod to a host, one datagram each from a port of its own, as fast as they go. Counts the
/// source addresses that the host sees.
/// </summary>
internal sealed class ConnectionStream : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Socket _receiver;
    private readonly Task _sending;
    private readonly Task _receiving;
    private readonly IpAddr _expected;
    private int _masqueraded;
    private int _bare;

    internal ConnectionStream(TestNode from, TestNode to, IpAddr address, IpAddr expected)
    {
        _expected = expected;
        _receiver = PodCluster.Open(to, IpAddr.Any4);
        IPEndPoint target = new(PodCluster.Convert(address), ((IPEndPoint)_receiver.LocalEndPoint!).Port);
        _receiving = ReceiveAsync();
        _sending = SendAsync(from, target);
    }

    /// <summary>Connections seen to come from the address that was expected.</summary>
    internal int Masqueraded => Volatile.Read(ref _masqueraded);

    /// <summary>Those seen to come from another.</summary>
    internal int Bare => Volatile.Read(ref _bare);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_sending, _receiving);
        _receiver.Dispose();
        _stop.Dispose();
    }

    private async Task SendAsync(TestNode from, IPEndPoint target)
    {
        byte[] data = new byte[1];
        while (!_stop.IsCancellationRequested)
        {
            // A burst, opened in the namespace on one thread; each socket is a connection of its own to conntrack.
            Socket[] sockets = from.Namespace.Run(() => Enumerable.Range(0, 20)
                .Select(_ => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp)).ToArray());
            foreach (Socket socket in sockets)
            {
                using (socket)
                {
                    await socket.SendToAsync(data, SocketFlags.None, target, CancellationToken.None);
                }
            }

            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, CancellationToken.None);
        }
    }

    private async Task ReceiveAsync()
    {
        byte[] expected = new byte[_expected.ByteLength];
        _expected.WriteTo(expected);
        byte[] data = new byte[1];
        try
        {
            while (true)
            {
                SocketReceiveFromResult result = await _receiver.ReceiveFromAsync(
                    data, SocketFlags.None, new IPEndPoint(IPAddress.Any, 0), _stop.Token);
                byte[] source = ((IPEndPoint)result.RemoteEndPoint).Address.GetAddressBytes();
                Interlocked.Increment(ref source.AsSpan().SequenceEqual(expected) ? ref _masqueraded : ref _bare);
            }
        }
        catch (OperationCanceledException)
        {
        }
    }
}
