using System.Net.Sockets;
using FlannelCni.TestKit;
using FlannelCni.TestKit.Cri;

namespace FlannelCni.EndToEndTests.Cri;

/// <summary>Pods of a real container runtime: containerd and runc, the published plugin, Debian's portmap.</summary>
public sealed class PodNetworkTests
{
    [Fact]
    public async Task Pods_on_two_nodes_talk_while_agents_restart_and_nodes_come_and_go()
    {
        await using CriCluster cluster = await CriCluster.StartAsync();
        CriPod one = await cluster.RunPodAsync(1, "one");
        CriPod two = await cluster.RunPodAsync(2, "two", hostPort: 8007);
        Assert.StartsWith("10.244.1.", one.Address, StringComparison.Ordinal);
        Assert.StartsWith("10.244.2.", two.Address, StringComparison.Ordinal);

        Talk tcp = await cluster.TalkAsync(one, two, ProtocolType.Tcp);
        Talk udp = await cluster.TalkAsync(two, one, ProtocolType.Udp);
        await tcp.GoesOnAsync();
        await udp.GoesOnAsync();

        foreach (ProtocolType protocol in (ProtocolType[])[ProtocolType.Tcp, ProtocolType.Udp])
        {
            foreach (Socket socket in (Socket[])[cluster.NewSocket(1, protocol), one.NewSocket(protocol)])
            {
                Talk throughHost = await cluster.TalkAsync(socket, cluster.Nodes[1].Address, 8007);
                await throughHost.GoesOnAsync();
            }
        }

        foreach (AgentNode node in cluster.Nodes.Take(2))
        {
            node.Agent.Kill();
            await tcp.GoesOnAsync();
            _ = await node.StartReadyAsync("--ip-masq");
        }

        cluster.Kube.AddNode(3, KubeCluster.CidrsOf(3));
        await cluster.StartNodeAsync(3);
        CriPod three = await cluster.RunPodAsync(3, "three");
        await Task.WhenAll(cluster.Nodes.Select(static node => node.KnowsAsync(2)));
        Talk toNew = await cluster.TalkAsync(one, three, ProtocolType.Tcp);
        await toNew.GoesOnAsync();

        cluster.Nodes[2].Agent.Terminate();
        _ = await cluster.Nodes[2].Agent.EndAsync();
        cluster.Kube.Api.Nodes.Delete(KubeCluster.NameOf(3));
        await Task.WhenAll(cluster.Nodes.Take(2).Select(static node => node.KnowsAsync(1)));

        await tcp.GoesOnAsync();
        await udp.GoesOnAsync();
        Assert.Equal((0, 0), (tcp.Lost, udp.Lost));

        await cluster.RemovePodAsync(1, one);
        await cluster.RemovePodAsync(2, two);
        Assert.DoesNotContain("8007", cluster.Nodes[1].Net.Shell("iptables-save -t nat"), StringComparison.Ordinal);
        Assert.DoesNotContain("veth", cluster.Nodes[0].Net.Shell("ip -brief link"), StringComparison.Ordinal);
    }
}
