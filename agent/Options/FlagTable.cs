namespace FlannelCni.Agent.Options;

/// <summary>Every flag there is, with upstream's names and defaults.</summary>
internal sealed class FlagTable
{
    private readonly Dictionary<string, Flag> _byName = new(StringComparer.Ordinal);

    internal FlagTable()
    {
        EtcdEndpoints = Text(
            "etcd-endpoints", "http://127.0.0.1:4001,http://127.0.0.1:2379", "etcd's URLs, with a comma between them");
        EtcdPrefix = Text("etcd-prefix", "/coreos.com/network", "prefix of all keys in etcd");
        EtcdKeyFile = Text("etcd-keyfile", "", "PEM file: the key of the client certificate for etcd");
        EtcdCertFile = Text("etcd-certfile", "", "PEM file: the client certificate for etcd");
        EtcdCAFile = Text("etcd-cafile", "", "PEM file: who may sign etcd's certificates");
        EtcdUsername = Text("etcd-username", "", "user of etcd");
        EtcdPassword = Add(new Flag("etcd-password", FlagKind.Text, "", "password of that user") { IsSecret = true });
        Iface = Repeatable("iface", "external interface, by name or address; the first that is there is used");
        IfaceRegex = Repeatable(
            "iface-regex", "external interface, by an expression that finds its address or name; after all --iface");
        IfaceCanReach = Text(
            "iface-can-reach", "", "external interface: the one that packets to this address leave by; tried last");
        SubnetFile = Text("subnet-file", "/run/flannel/subnet.env", "file that tells the plugin this node's subnet");
        PublicIP = Text("public-ip", "", "IPv4 address at which other nodes reach this one");
        PublicIPv6 = Text("public-ipv6", "", "IPv6 address at which other nodes reach this one");
        SubnetLeaseRenewMargin = Number(
            "subnet-lease-renew-margin", "60", "minutes before its end at which a lease is renewed, 1 to 1439");
        IPMasq = Switch("ip-masq", "false", "masquerade what leaves the pod network");
        IPMasqFullyRandomDisable = Switch(
            "ip-masq-fully-random-disable", "false", "masquerade without fully random source ports");
        IPMasqExclude = Repeatable(
            "ip-masq-exclude", "network to which pods' packets go with the pods' own addresses; not upstream's");
        IPMasqExcludeNodes = Switch(
            "ip-masq-exclude-nodes", "false", "as --ip-masq-exclude with every other node's address; not upstream's");
        KubeSubnetMgr = Switch("kube-subnet-mgr", "false", "keep leases in the Kubernetes API instead of etcd");
        KubeApiUrl = Text("kube-api-url", "", "URL of the Kubernetes API");
        KubeAnnotationPrefix = Text(
            "kube-annotation-prefix", "flannel.alpha.coreos.com", "prefix of the Nodes' annotations");
        KubeconfigFile = Text("kubeconfig-file", "", "kubeconfig for the Kubernetes API");
        NetConfigPath = Text(
            "net-config-path", "/etc/kube-flannel/net-conf.json", "network config, with --kube-subnet-mgr");
        SetNodeNetworkUnavailable = Switch(
            "set-node-network-unavailable", "true", "clear the Node's condition NetworkUnavailable once it is up");
        HealthzIP = Text("healthz-ip", "0.0.0.0", "address of the health server");
        HealthzPort = Number("healthz-port", "0", "port of the health server; 0: none");
        IptablesResync = Number("iptables-resync", "5", "seconds between two looks at the firewall rules");
        IptablesForwardRules = Switch("iptables-forward-rules", "true", "accept forwarded packets of the pod network");
        IPBlackholeRoute = Switch(
            "ip-blackhole-route", "false", "keep a blackhole route for this node's subnet, below its pods' routes");
        CniBinDir = Text(
            "cni-bin-dir", "", "the container runtime's plugins: one that vanishes is put back; not upstream's");
        CniPlugins = Text("cni-plugins", "/usr/lib/cni", "folder of the plugins to put back; not upstream's");
        Verbosity = Number("v", "0", "how much is logged: 2 adds debug messages, 6 traces");
        _ = Add(new Flag("vmodule", FlagKind.Text, "", "no effect here") { HasNoEffect = true });
        _ = Add(new Flag("log_backtrace_at", FlagKind.Text, "", "no effect here") { HasNoEffect = true });
        Version = Switch("version", "false", "print the version and exit");
    }

    internal IReadOnlyCollection<Flag> All => _byName.Values;

    internal Flag EtcdEndpoints { get; }

    internal Flag EtcdPrefix { get; }

    internal Flag EtcdKeyFile { get; }

    internal Flag EtcdCertFile { get; }

    internal Flag EtcdCAFile { get; }

    internal Flag EtcdUsername { get; }

    internal Flag EtcdPassword { get; }

    internal Flag Iface { get; }

    internal Flag IfaceRegex { get; }

    internal Flag IfaceCanReach { get; }

    internal Flag SubnetFile { get; }

    internal Flag PublicIP { get; }

    internal Flag PublicIPv6 { get; }

    internal Flag SubnetLeaseRenewMargin { get; }

    internal Flag IPMasq { get; }

    internal Flag IPMasqFullyRandomDisable { get; }

    internal Flag IPMasqExclude { get; }

    internal Flag IPMasqExcludeNodes { get; }

    internal Flag KubeSubnetMgr { get; }

    internal Flag KubeApiUrl { get; }

    internal Flag KubeAnnotationPrefix { get; }

    internal Flag KubeconfigFile { get; }

    internal Flag NetConfigPath { get; }

    internal Flag SetNodeNetworkUnavailable { get; }

    internal Flag HealthzIP { get; }

    internal Flag HealthzPort { get; }

    internal Flag IptablesResync { get; }

    internal Flag IptablesForwardRules { get; }

    internal Flag IPBlackholeRoute { get; }

    internal Flag CniBinDir { get; }

    internal Flag CniPlugins { get; }

    internal Flag Verbosity { get; }

    internal Flag Version { get; }

    internal Flag? Find(string name) => _byName.GetValueOrDefault(name);

    private Flag Text(string name, string defaultText, string help) =>
        Add(new Flag(name, FlagKind.Text, defaultText, help));

    private Flag Switch(string name, string defaultText, string help) =>
        Add(new Flag(name, FlagKind.Switch, defaultText, help));

    private Flag Number(string name, string defaultText, string help) =>
        Add(new Flag(name, FlagKind.Number, defaultText, help));

    private Flag Repeatable(string name, string help) => Add(new Flag(name, FlagKind.Repeatable, "", help));

    private Flag Add(Flag flag)
    {
        _byName.Add(flag.Name, flag);
        return flag;
    }
}
