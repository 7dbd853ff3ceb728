using System.Net.Sockets;
using FlannelCni.TestKit;
using FlannelCni.TestKit.Cri;

namespace FlannelCni.EndToEndTests.Cri;

/// <summary>
/// Nodes with agents on the test API server and a containerd each, and what runs on them; node 3 is not there at first.
/// </summary>
internal sealed class CriCluster : IAsyncDisposable
{
    private readonly KubeCluster _cluster;
    private readonly Dictionary<int, CriNode> _runtimes = [];
    private readonly List<IAsyncDisposable> _talks = [];
    private readonly List<IDisposable> _rest = [];

    private CriCluster(KubeCluster cluster) => _cluster = cluster;

    internal KubeCluster Kube => _cluster;

    internal IReadOnlyList<AgentNode> Nodes => _cluster.Nodes;

    internal static async Task<CriCluster> StartAsync()
    {
        CriCluster cluster = new(await KubeCluster.CreateAsync(3));
        try
        {
            cluster.Kube.Api.Nodes.Delete(KubeCluster.NameOf(3));
            await Task.WhenAll(cluster.StartNodeAsync(1), cluster.StartNodeAsync(2));
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts agent and runtime of a node that the API knows.</summary>
    internal async Task StartNodeAsync(int number)
    {
        Task<AgentProcess> agent = Nodes[number - 1].StartReadyAsync("--ip-masq");
        _runtimes[number] = await CriNode.StartAsync(Nodes[number - 1]);
        _ = await agent;
    }

    /// <summary>Runs a pod that answers at port 7.</summary>
    /// <param name="hostPort">Of the node, that leads there; 0: none.</param>
    internal async Task<CriPod> RunPodAsync(int node, string name, int hostPort = 0)
    {
        CriPod pod = await _runtimes[node].RunPodAsync(name, hostPort, 7);
        _rest.Add(pod);
        _rest.Add(new EchoServer(pod, 7));
        return pod;
    }

    internal Task RemovePodAsync(int node, CriPod pod) => _runtimes[node].RemovePodAsync(pod);

    /// <summary>A socket of a node itself.</summary>
    internal Socket NewSocket(int node, ProtocolType protocol) => Nodes[node - 1].Net.Namespace.Run(() => new Socket(
        AddressFamily.InterNetwork,
        protocol == ProtocolType.Tcp ? SocketType.Stream : SocketType.Dgram,
        protocol));

    /// <summary>A talk between two pods.</summary>
    internal Task<Talk> TalkAsync(CriPod from, CriPod to, ProtocolType protocol) =>
        TalkAsync(from.NewSocket(protocol), to.Address, 7);

    /// <summary>A talk of what a socket belongs to.</summary>
    internal async Task<Talk> TalkAsync(Socket socket, string address, int port)
    {
        Talk talk = await Talk.StartAsync(socket, CriPod.EndPoint(address, port));
        _talks.Add(talk);
        return talk;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (IAsyncDisposable talk in _talks)
        {
            await talk.DisposeAsync();
        }

        _rest.ForEach(static one => one.Dispose());
        foreach (CriNode runtime in _runtimes.Values)
        {
            await runtime.DisposeAsync();
        }

        await _cluster.DisposeAsync();
    }
}
