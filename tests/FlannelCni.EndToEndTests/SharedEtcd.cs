using FlannelCni.EndToEndTests;
using FlannelCni.TestKit;

[assembly: AssemblyFixture(typeof(SharedEtcd))]

namespace FlannelCni.EndToEndTests;

/// <summary>One etcd for all tests that do it no harm; each cluster has a prefix of its own.</summary>
public sealed class SharedEtcd : IAsyncLifetime
{
    public EtcdServer Server { get; } = EtcdServer.Create();

    public async ValueTask InitializeAsync() => await Server.StartAsync();

    public ValueTask DisposeAsync()
    {
        Server.Dispose();
        return ValueTask.CompletedTask;
    }
}
