using FlannelCni.Agent.Leases.Etcd;
using FlannelCni.Linux.Net;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.Leases.Etcd;

/// <summary>One etcd for the tests of a class that do it no harm; each has a prefix of its own.</summary>
public sealed class SharedEtcd : IAsyncLifetime
{
    private int _prefixes;

    public EtcdServer Server { get; } = EtcdServer.Create();

    public async ValueTask InitializeAsync() => await Server.StartAsync();

    public ValueTask DisposeAsync()
    {
        Server.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>Options for a network of its own, whose config is this.</summary>
    internal EtcdOptions NewNetwork(string config = """{"Network": "10.5.0.0/16", "Backend": {"Type": "vxlan"}}""")
    {
        EtcdOptions options = EtcdNode.Options(Server, $"/test{Interlocked.Increment(ref _prefixes)}/network");
        Server.Control($"put {options.Prefix}/config '{config}'");
        return options;
    }

    internal string Get(EtcdOptions options, IpPrefix subnet) =>
        Server.Control($"get --print-value-only {options.Prefix}/subnets/{subnet.Address}-{subnet.Length}");
}
