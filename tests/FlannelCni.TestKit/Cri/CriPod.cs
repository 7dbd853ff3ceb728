using System.Net;
using System.Net.Sockets;
using FlannelCni.Linux.Namespaces;
using FlannelCni.Linux.Net;

namespace FlannelCni.TestKit.Cri;

/// <summary>A pod that a container runtime runs. Sockets made here are in its network namespace.</summary>
public sealed class CriPod : IDisposable
{
    private readonly NetNamespace _network;

    internal CriPod(string id, string address, NetNamespace network) =>
        (Id, Address, _network) = (id, address, network);

    public string Id { get; }

    /// <summary>As the runtime reports it: <c>10.244.1.2</c>.</summary>
    public string Address { get; }

    /// <summary>A socket in the pod.</summary>
    public Socket NewSocket(ProtocolType protocol) => _network.Run(() => new Socket(
        AddressFamily.InterNetwork,
        protocol == ProtocolType.Tcp ? SocketType.Stream : SocketType.Dgram,
        protocol));

    /// <summary>Where it can be reached.</summary>
    public IPEndPoint At(int port) => EndPoint(Address, port);

    /// <param name="address">IPv4.</param>
    public static IPEndPoint EndPoint(string address, int port)
    {
        byte[] bytes = new byte[4];
        IpAddr.Parse(address).WriteTo(bytes);
        return new IPEndPoint(new IPAddress(bytes), port);
    }

    public void Dispose() => _network.Dispose();
}
