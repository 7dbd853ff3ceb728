using FlannelCni.TestKit;

namespace FlannelCni.EndToEndTests.Agent;

/// <summary>How the agent reads its options, and what it says when it cannot start.</summary>
public sealed class StartTests(SharedEtcd etcd) : IDisposable
{
    private readonly AgentCluster _cluster = AgentCluster.Create(etcd.Server, 1);

    private AgentNode Node => _cluster.Nodes[0];

    public void Dispose() => _cluster.Dispose();

    [Fact]
    public async Task The_version_is_one_line_on_standard_error()
    {
        int status = await Node.StartBare("--version 2>&1 >/dev/null").EndAsync();

        Assert.Equal(0, status);
        Assert.Single(Node.Log.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Theory]
    [InlineData("--ifcae=eth0", "--ifcae is no flag of flanneld")]
    [InlineData("--iface", "--iface needs a value")]
    [InlineData(
        "--subnet-lease-renew-margin=1440",
        "--subnet-lease-renew-margin: \"1440\" is not a number of minutes from 1 to 1439")]
    [InlineData("--public-ip=10.0.0", "--public-ip: \"10.0.0\" is not an IPv4 address")]
    [InlineData(
        "--ip-masq false",
        "\"false\" after --ip-masq is no flag: a value is given to a switch by --name=value")]
    [InlineData("--ip-masq=yes", "--ip-masq: \"yes\" is not true or false")]
    [InlineData("--listen=1", "--listen is a flag of older versions")]
    [InlineData("--etcd-endpoints=ftp://192.0.2.254", "--etcd-endpoints: \"ftp://192.0.2.254\" is no URL")]
    [InlineData("--etcd-certfile=/a", "--etcd-certfile and --etcd-keyfile need each other")]
    [InlineData("--kube-subnet-mgr", "give --kubeconfig-file or --kube-api-url")]
    [InlineData(
        "--kube-subnet-mgr --kube-api-url=http://192.0.2.254 --kube-annotation-prefix=flannel",
        "--kube-annotation-prefix flannel: it has to be a domain in lower case")]
    [InlineData("--kube-subnet-mgr --kube-api-url=http://192.0.2.254", "failed to read net conf: ")]
    [InlineData(
        "--kube-subnet-mgr --kube-api-url=http://192.0.2.254 --net-config-path=/dev/null",
        "error parsing subnet config: /dev/null: ")]
    [InlineData("--subnet-file=/proc/none/subnet.env", "mkdir /proc/none")]
    public async Task A_flag_that_cannot_be_served_is_named_and_the_agent_ends_with_1(string option, string text)
    {
        int status = await Node.Start(option).EndAsync();

        Assert.Equal(1, status);
        Assert.Contains(text, Node.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", Node.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Variables_serve_where_no_flag_is_given()
    {
        Node.StartBare(
            "-healthz-port 8082",
            $"FLANNELD_ETCD_ENDPOINTS={AgentCluster.Endpoint} FLANNELD_ETCD_PREFIX={_cluster.Prefix} "
            + "FLANNELD_SUBNET_FILE=/run/flannel/other.env FLANNELD_HEALTHZ_PORT=9 FLANNELD_TYPO=1");

        await Node.ReadyAsync(8082);
        await Wait.Until(
            () => File.Exists(Node.PathOf("/run/flannel/other.env")), AgentNode.Soon, "the subnet file is written");
        Assert.Equal(1, Node.LogCount("the environment variable FLANNELD_TYPO belongs to no flag and has no effect"));
    }

    [Fact]
    public async Task A_second_agent_with_the_same_subnet_file_is_refused()
    {
        await Node.StartReadyAsync();

        int status = await Node.Start("--healthz-port=8082").EndAsync();

        Assert.Equal(1, status);
        Assert.Equal(1, Node.LogCount(
            "another flanneld keeps /run/flannel/subnet.env (it holds /run/flannel/subnet.env.lock): "
            + "stop it, or give this one another --subnet-file"));
        Assert.Equal(200, (await Node.GetAsync("/readyz")).Status);
    }

    [Theory]
    [InlineData(""","Backend":{"Type":"VXLAM"}""", "Backend.Type \"vxlam\" is not supported; supported: vxlan")]
    [InlineData("", "it has no Backend, which means \"udp\", and that is not supported; supported: vxlan")]
    public async Task An_unknown_backend_is_refused_with_the_names_of_those_there_are(string backend, string text)
    {
        _cluster.PutConfig($$"""{"Network":"10.244.0.0/16"{{backend}}}""");

        int status = await Node.Start().EndAsync();

        Assert.Equal(1, status);
        Assert.Equal(1, Node.LogCount(text));
    }

    [Fact]
    public async Task A_node_without_any_way_out_says_what_interfaces_it_has()
    {
        Node.Net.Shell("ip route delete default");

        int status = await Node.Start().EndAsync();

        Assert.Equal(1, status);
        Assert.Equal(1, Node.LogCount("no external interface: "));
        Assert.Equal(1, Node.LogCount("eth0 (192.0.2.1 2001:db8::1"));
        Assert.Equal(1, Node.LogCount("Name one with --iface=NAME or --iface=ADDRESS"));
    }

    [Theory]
    [InlineData("--iface=eth9 --iface=eth0")]
    [InlineData("-iface eth0")]
    [InlineData("--iface=192.0.2.1")]
    [InlineData("--iface-regex=^192\\.0\\.2\\.")]
    [InlineData("--iface-can-reach=192.0.2.254")]
    public async Task The_interface_can_be_named_by_name_address_expression_or_target(string options)
    {
        Node.Net.Shell("ip route delete default");
        Node.Net.Shell("ip link add other up type bridge && ip address add 203.0.113.1/24 dev other");

        await Node.StartReadyAsync(options.Replace("\\", "\\\\", StringComparison.Ordinal));

        Assert.Equal("eth0", Node.TunnelData("link"));
        Assert.Contains("\"PublicIP\":\"192.0.2.1\"", _cluster.LeaseValue(Node), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_public_address_of_a_nat_is_published_and_the_tunnel_leaves_from_the_interfaces_own()
    {
        await Node.StartReadyAsync("--public-ip=203.0.113.77");

        Assert.Contains("\"PublicIP\":\"203.0.113.77\"", _cluster.LeaseValue(Node), StringComparison.Ordinal);
        Assert.Equal("192.0.2.1", Node.TunnelData("local"));
    }
}
