using System.Net.Sockets;
using System.Text;
using FlannelCni.Agent.Health;
using Microsoft.Extensions.Logging.Abstractions;

namespace FlannelCni.IntegrationTests.Health;

public sealed class SystemdNotifierTests : IDisposable
{
    private readonly string _name = $"flannel-test-{Guid.NewGuid():N}";
    private readonly Socket _systemd = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);

    public void Dispose() => _systemd.Dispose();

    [Fact]
    public void An_abstract_socket_is_told_one_datagram_a_state()
    {
        _systemd.Bind(new UnixDomainSocketEndPoint($"\0{_name}"));
        SystemdNotifier notifier = new($"@{_name}", NullLogger.Instance);

        notifier.Ready("10.244.1.0/24\nREADY=0");
        notifier.Status("3 peers");
        notifier.Watchdog();
        notifier.Stopping();

        Assert.Equal("READY=1\nSTATUS=10.244.1.0/24 READY=0", Receive());
        Assert.Equal("STATUS=3 peers", Receive());
        Assert.Equal("WATCHDOG=1", Receive());
        Assert.Equal("STOPPING=1", Receive());
    }

    [Fact]
    public void A_socket_in_the_file_system_is_told_too()
    {
        string path = Path.Combine(Path.GetTempPath(), _name);
        _systemd.Bind(new UnixDomainSocketEndPoint(path));

        new SystemdNotifier(path, NullLogger.Instance).Ready("up");

        Assert.Equal("READY=1\nSTATUS=up", Receive());
        File.Delete(path);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("@nobody-listens-here")]
    [InlineData("/nonexistent/notify")]
    [InlineData("vsock:2:1")]
    [InlineData("/longer/than/the/108/bytes/of/a/socket/aaaaaaaa/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    public void Without_a_listener_nothing_happens(string? path)
    {
        new SystemdNotifier(path, NullLogger.Instance).Ready("up");
    }

    private string Receive()
    {
        _systemd.ReceiveTimeout = 2000;
        byte[] buffer = new byte[512];
        return Encoding.UTF8.GetString(buffer, 0, _systemd.Receive(buffer));
    }
}
