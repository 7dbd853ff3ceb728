namespace FlannelCni.Agent.Options;

/// <summary>
/// Flags that flanneld once had. They are refused: each asked for a way of working that is no more, and a node that
/// silently works another way is worse than one that says why it does not start.
/// </summary>
internal static class RemovedFlags
{
    /// <summary>What to do instead; null: there never was such a flag.</summary>
    internal static string? Advice(string name) => name switch
    {
        "etcd-endpoint" => "use --etcd-endpoints",
        "listen" or "remote" or "remote-cafile" or "remote-certfile" or "remote-keyfile" =>
            "the client/server mode is gone: give every node access to etcd or use --kube-subnet-mgr",
        "networks" or "subnet-dir" =>
            "run one flanneld per network, each with its own --etcd-prefix and --subnet-file",
        "use-multi-cluster-cidr" => "ClusterCIDR objects are gone: each Node's podCIDRs are used",
        _ => null,
    };
}
