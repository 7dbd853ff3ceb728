using FlannelCni.Agent.Leases;
using FlannelCni.Linux.Net;
using FlannelCni.TestKit;
using static FlannelCni.TestKit.DataPlaneHarness;

namespace FlannelCni.IntegrationTests.DataPlane;

/// <summary>The pods' bridge when the node has another subnet than before.</summary>
public sealed class BridgeAddressTests : IDisposable
{
    private readonly TestCluster _cluster = TestCluster.Create(1);
    private readonly TestFolder _state = new();

    private TestNode Node => _cluster.Nodes[0];

    public void Dispose()
    {
        _cluster.Dispose();
        _state.Dispose();
    }

    [Fact]
    public async Task Without_pods_it_gets_the_new_address_of_each_family()
    {
        AddBridge("10.244.7.1/24", "fd00:10:244:7::1/64");
        await using DataPlaneHarness agent = await StartAsync(Node, 1, _state, isDualStack: true);

        await agent.SyncAsync();

        Assert.Equal(["10.244.1.1/24", "172.31.0.1/24", "fd00:10:244:1::1/64"], Addresses());
        Assert.Contains(
            agent.Log.Lines,
            static line => line == "Information: cni0 without pods had the address 10.244.7.1/24 of another subnet and "
                + "has 10.244.1.1/24 now");
    }

    [Fact]
    public async Task With_pods_it_keeps_the_old_one_until_the_last_is_gone_and_says_so_once()
    {
        await using DataPlaneHarness agent = await StartAsync(Node, 1, _state);
        await agent.SyncAsync();
        AddBridge("10.244.1.1/24");
        Node.Shell("ip link add pod1 master cni0 up type veth peer name far1");
        Lease moved = agent.OwnLease() with { Subnet = IpPrefix.Parse("10.244.100.0/24") };

        agent.Inbox.Post(new LeaseSnapshot(moved, LeaseTable.Empty, []));
        await Wait.Until(
            () => agent.Log.Lines.Any(static l => l.Contains("cni0", StringComparison.Ordinal)), Soon, "said");
        agent.Inbox.PostFull();
        await agent.SettleAsync();
        agent.Inbox.Post(new LeaseSnapshot(moved, LeaseTable.Empty, []));    // a run that does not look
        await agent.SettleAsync();
        agent.Inbox.PostFull();
        await agent.SettleAsync();

        Assert.Equal(["10.244.1.1/24", "172.31.0.1/24"], Addresses());
        Assert.Equal(
            "Warning: cni0 keeps the address 10.244.1.1/24 of another subnet while pods are on it (1): restart them "
                + "to move them to 10.244.100.0/24",
            Assert.Single(agent.Log.Lines, static line => line.Contains("cni0", StringComparison.Ordinal)));

        Node.Shell("ip link del pod1");
        agent.Inbox.PostFull();
        await Wait.Until(() => Addresses().SequenceEqual(["10.244.100.1/24", "172.31.0.1/24"]), Soon, "re-addressed");
    }

    [Fact]
    public async Task A_right_one_is_left_alone_and_none_is_made()
    {
        await using DataPlaneHarness agent = await StartAsync(Node, 1, _state);
        AddBridge("10.244.1.1/24");
        await agent.SyncAsync();
        Assert.Equal(["10.244.1.1/24", "172.31.0.1/24"], Addresses());

        Node.Shell("ip address flush dev cni0");
        agent.Inbox.PostFull();
        await agent.SettleAsync();

        Assert.Empty(Addresses());
        Assert.DoesNotContain(agent.Log.Lines, static line => line.Contains("cni0", StringComparison.Ordinal));
    }

    // With an address of somebody else's beside.
    private void AddBridge(params string[] addresses)
    {
        Node.Shell("ip link add cni0 up type bridge");
        foreach (string address in (string[])[.. addresses, "172.31.0.1/24"])
        {
            Node.Shell($"ip address add {address} dev cni0");
        }
    }

    private string[] Addresses() => [.. Node.ShellJson("ip -json address show dev cni0")[0]
        .GetProperty("addr_info").EnumerateArray()
        .Where(static a => a.GetProperty("scope").GetString() == "global")
        .Select(static a => $"{a.GetProperty("local")}/{a.GetProperty("prefixlen")}")
        .Order(StringComparer.Ordinal)];
}
