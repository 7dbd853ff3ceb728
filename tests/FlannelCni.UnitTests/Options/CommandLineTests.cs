using System.Globalization;
using FlannelCni.Agent.Options;
using FlannelCni.Linux.Net;
using Microsoft.Extensions.Logging;

namespace FlannelCni.UnitTests.Options;

public sealed class CommandLineTests : IDisposable
{
    private readonly Dictionary<string, string> _environment = [];
    private readonly StringWriter _stderr = new(CultureInfo.InvariantCulture);
    private int _exitCode;

    public void Dispose() => _stderr.Dispose();

    [Fact]
    public void Without_flags_the_defaults_are_upstream_s()
    {
        AgentOptions options = Read();

        Assert.Equal(["http://127.0.0.1:4001", "http://127.0.0.1:2379"], options.EtcdEndpoints);
        Assert.Equal("/coreos.com/network", options.EtcdPrefix);
        Assert.Null(options.EtcdCAFile);
        Assert.Empty(options.Ifaces);
        Assert.Equal("/run/flannel/subnet.env", options.SubnetFile);
        Assert.True(options.PublicIP.IsNone);
        Assert.Equal(TimeSpan.FromMinutes(60), options.SubnetLeaseRenewMargin);
        Assert.False(options.IPMasq);
        Assert.False(options.KubeSubnetMgr);
        Assert.Equal("flannel.alpha.coreos.com", options.KubeAnnotationPrefix);
        Assert.Equal("/etc/kube-flannel/net-conf.json", options.NetConfigPath);
        Assert.True(options.SetNodeNetworkUnavailable);
        Assert.Equal(IpAddr.Any4, options.HealthzIP);
        Assert.Equal(0, options.HealthzPort);
        Assert.Equal(TimeSpan.FromSeconds(5), options.IptablesResync);
        Assert.True(options.IptablesForwardRules);
        Assert.False(options.IPBlackholeRoute);
        Assert.Equal(LogLevel.Information, options.LogLevel);
        Assert.Equal("all defaults", options.ToString());
    }

    [Theory]
    [InlineData("-iface", "eth1")]
    [InlineData("--iface", "eth1")]
    [InlineData("-iface=eth1")]
    [InlineData("--iface=eth1")]
    public void A_flag_has_one_dash_or_two_and_its_value_after_a_blank_or_an_equals_sign(params string[] arguments)
    {
        Assert.Equal(["eth1"], Read(arguments).Ifaces);
    }

    [Theory]
    [InlineData("-v")]
    [InlineData("--iface")]
    [InlineData("@secrets")]
    [InlineData("[env:A=B]")]
    [InlineData("a:b=c")]
    [InlineData("fd00::1")]
    [InlineData("with blank")]
    [InlineData("\"quoted\"")]
    [InlineData("--")]
    [InlineData("-")]
    [InlineData("=")]
    [InlineData("'")]
    [InlineData(" ")]
    [InlineData("#")]
    [InlineData("/p:x")]
    public void A_value_may_look_like_anything(string value)
    {
        Assert.Equal(value, Read("--etcd-password", value).EtcdPassword);
        Assert.Equal(value, Read($"-etcd-password={value}").EtcdPassword);
    }

    [Theory]
    [InlineData("-ip-masq", true)]
    [InlineData("--ip-masq=true", true)]
    [InlineData("--ip-masq=1", true)]
    [InlineData("--ip-masq=t", true)]
    [InlineData("--ip-masq=T", true)]
    [InlineData("--ip-masq=TRUE", true)]
    [InlineData("--ip-masq=True", true)]
    [InlineData("--ip-masq=false", false)]
    [InlineData("--ip-masq=0", false)]
    [InlineData("--ip-masq=f", false)]
    [InlineData("--ip-masq=F", false)]
    [InlineData("--ip-masq=FALSE", false)]
    [InlineData("--ip-masq=False", false)]
    public void A_switch_takes_Go_s_words(string argument, bool expected)
    {
        Assert.Equal(expected, Read(argument).IPMasq);
    }

    [Fact]
    public void Repeatable_flags_add_up_and_of_the_others_the_last_wins()
    {
        AgentOptions options = Read("--iface=eth1", "-iface", "10.0.0.1", "--etcd-prefix=/a", "--etcd-prefix=/b");

        Assert.Equal(["eth1", "10.0.0.1"], options.Ifaces);
        Assert.Equal("/b", options.EtcdPrefix);
    }

    [Fact]
    public void An_empty_value_is_none()
    {
        AgentOptions options = Read("--etcd-username=", "--public-ip", "", "--iface=eth0");

        Assert.Null(options.EtcdUsername);
        Assert.True(options.PublicIP.IsNone);
        Assert.Equal(["eth0"], options.Ifaces);
    }

    [Fact]
    public void The_command_line_wins_over_the_environment_and_an_empty_variable_is_unset()
    {
        _environment["FLANNELD_ETCD_PREFIX"] = "/environment";
        _environment["FLANNELD_SUBNET_FILE"] = "/run/other.env";
        _environment["FLANNELD_HEALTHZ_PORT"] = "";
        _environment["FLANNELD_IFACE"] = "eth0,eth1";

        AgentOptions options = Read("--etcd-prefix=/line");

        Assert.Equal("/line", options.EtcdPrefix);
        Assert.Equal("/run/other.env", options.SubnetFile);
        Assert.Equal(0, options.HealthzPort);
        Assert.Equal(["eth0,eth1"], options.Ifaces);
    }

    [Theory]
    [InlineData("--iface-can-reach=here", "--iface-can-reach: \"here\" is not an IP address")]
    [InlineData("--public-ip=fd00::1", "--public-ip: \"fd00::1\" is not an IPv4 address")]
    [InlineData("--public-ipv6=10.0.0.1", "--public-ipv6: \"10.0.0.1\" is not an IPv6 address")]
    [InlineData("--ip-masq=yes", "--ip-masq: \"yes\" is not true or false")]
    [InlineData("--ip-masq=", "--ip-masq: \"\" is not true or false")]
    [InlineData("--healthz-port=65536", "--healthz-port: \"65536\" is not a port, at most 65535")]
    [InlineData("--healthz-port=http", "--healthz-port: \"http\" is not a port, at most 65535")]
    [InlineData(
        "--subnet-lease-renew-margin=0",
        "--subnet-lease-renew-margin: \"0\" is not a number of minutes from 1 to 1439")]
    [InlineData(
        "--subnet-lease-renew-margin=1440",
        "--subnet-lease-renew-margin: \"1440\" is not a number of minutes from 1 to 1439")]
    [InlineData("--iptables-resync=0", "--iptables-resync: \"0\" is not a number of seconds, at least 1")]
    [InlineData(
        "--ip-masq-exclude=10.0.0.0/8,10.1",
        "--ip-masq-exclude: \"10.1\" is not a network such as 172.16.0.0/12")]
    [InlineData("-v=high", "--v: \"high\" is not a number")]
    [InlineData("--iface", "--iface needs a value")]
    [InlineData("--ifaces=eth0", "--ifaces is no flag of flanneld")]
    [InlineData("--etcd-endpoint=http://a", "--etcd-endpoint is a flag of older versions: use --etcd-endpoints")]
    [InlineData("--use-multi-cluster-cidr", "--use-multi-cluster-cidr is a flag of older versions: ClusterCIDR")]
    [InlineData("eth0", "\"eth0\" is no flag")]
    [InlineData("--etcd-certfile=a", "--etcd-certfile and --etcd-keyfile need each other")]
    [InlineData("--etcd-endpoints=,", "--etcd-endpoints is empty")]
    public void A_mistake_is_said_and_ends_with_1(string argument, string message)
    {
        ReadNothing(argument);

        Assert.Equal(1, _exitCode);
        Assert.StartsWith($"flanneld: {message}", _stderr.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Networks_come_one_by_one_or_with_commas_and_lose_their_host_bits()
    {
        AgentOptions options = Read("--ip-masq-exclude=172.16.5.5/12, fd00::1/8", "--ip-masq-exclude=192.0.2.7/32");

        Assert.Equal(["172.16.0.0/12", "fd00::/8", "192.0.2.7/32"], options.IPMasqExclude.Select(p => p.ToString()));
    }

    [Fact]
    public void A_switch_with_its_value_as_the_next_word_is_a_mistake_not_a_surprise()
    {
        ReadNothing("--ip-masq", "false");

        Assert.Equal(1, _exitCode);
        Assert.Contains("a value is given to a switch by --name=value", _stderr.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_bad_variable_is_said_by_its_name()
    {
        _environment["FLANNELD_HEALTHZ_PORT"] = "http";

        ReadNothing();

        Assert.Equal(1, _exitCode);
        Assert.StartsWith(
            "flanneld: FLANNELD_HEALTHZ_PORT: \"http\" is not", _stderr.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("-version")]
    [InlineData("--version")]
    [InlineData("--version=true")]
    public void Version_is_one_line_whatever_the_environment_says(string argument)
    {
        _environment["FLANNELD_HEALTHZ_PORT"] = "http";

        ReadNothing(argument);

        Assert.Equal(0, _exitCode);
        Assert.Equal("v1.2.3\n", _stderr.ToString());
    }

    [Theory]
    [InlineData("-h")]
    [InlineData("--h")]
    [InlineData("-help")]
    [InlineData("--help")]
    public void Help_lists_the_flags_and_ends_with_0(string argument)
    {
        ReadNothing("--iface=eth0", argument, "--ifaces");

        Assert.Equal(0, _exitCode);
        Assert.Contains("--subnet-lease-renew-margin=number", _stderr.ToString(), StringComparison.Ordinal);
        Assert.Contains("[default: /run/flannel/subnet.env]", _stderr.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-1, LogLevel.Information)]
    [InlineData(0, LogLevel.Information)]
    [InlineData(1, LogLevel.Information)]
    [InlineData(2, LogLevel.Debug)]
    [InlineData(5, LogLevel.Debug)]
    [InlineData(6, LogLevel.Trace)]
    [InlineData(10, LogLevel.Trace)]
    public void Verbosity_is_klog_s(int verbosity, LogLevel expected)
    {
        Assert.Equal(expected, Read($"-v={verbosity.ToString(CultureInfo.InvariantCulture)}").LogLevel);
    }

    [Fact]
    public void Nothing_secret_is_printed()
    {
        _environment["FLANNELD_ETCD_PASSWORD"] = "hunter2";

        AgentOptions options = Read("--etcd-endpoints=http://user:pw@a:2379,https://b:2379", "--iface=eth0");

        Assert.Equal("hunter2", options.EtcdPassword);
        Assert.Equal(
            "--etcd-endpoints=http://<secret>@a:2379,https://b:2379 --etcd-password=<secret> --iface=eth0",
            options.ToString());
    }

    [Fact]
    public void What_has_no_effect_is_taken_and_said()
    {
        _environment["FLANNELD_SUBNET_DIR"] = "/run";

        AgentOptions options = Read("--vmodule=a=1", "-log_backtrace_at", "main.go:1");

        Assert.Equal(
            [
                "--vmodule has no effect",
                "--log_backtrace_at has no effect",
                "the environment variable FLANNELD_SUBNET_DIR belongs to no flag and has no effect",
            ],
            options.Warnings);
    }

    [Fact]
    public void The_node_s_name_and_systemd_s_socket_come_from_the_environment()
    {
        _environment["NODE_NAME"] = "worker";
        _environment["POD_NAME"] = "flannel-x";
        _environment["POD_NAMESPACE"] = "kube-flannel";
        _environment["NOTIFY_SOCKET"] = "@systemd";

        AgentOptions options = Read();

        Assert.Equal(("worker", "flannel-x"), (options.NodeName, options.PodName));
        Assert.Equal(("kube-flannel", "@systemd"), (options.PodNamespace, options.NotifySocket));
    }

    private AgentOptions Read(params string[] arguments)
    {
        bool isRead = CommandLine.TryRead(arguments, _environment, "v1.2.3", _stderr, out AgentOptions? options, out _);
        Assert.True(isRead, _stderr.ToString());
        return options!;
    }

    private void ReadNothing(params string[] arguments) => Assert.False(
        CommandLine.TryRead(arguments, _environment, "v1.2.3", _stderr, out _, out _exitCode));
}
