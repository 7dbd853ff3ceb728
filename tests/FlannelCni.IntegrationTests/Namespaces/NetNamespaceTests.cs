using FlannelCni.Linux;
using FlannelCni.Linux.Files;
using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Namespaces;
using FlannelCni.Linux.Rtnetlink;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.Namespaces;

/// <summary>Namespaces held by a descriptor, and work done inside.</summary>
public sealed class NetNamespaceTests : IDisposable
{
    private readonly TestNode _node = TestNode.Create();

    public void Dispose() => _node.Dispose();

    [Fact]
    public void Run_works_inside_and_its_caller_stays_outside()
    {
        using NetNamespace before = NetNamespace.OpenCurrent();

        bool isInside = _node.Namespace.Run(() =>
        {
            using NetNamespace current = NetNamespace.OpenCurrent();
            return current.IsSameAs(_node.Namespace);
        });

        using NetNamespace after = NetNamespace.OpenCurrent();
        Assert.True(isInside);
        Assert.True(after.IsSameAs(before));
        Assert.False(after.IsSameAs(_node.Namespace));
    }

    [Fact]
    public void Run_leaves_no_thread_inside()
    {
        int inside = 0;
        for (int i = 0; i < 50; i++)
        {
            _node.Namespace.Run(() => { inside++; });
        }

        Assert.Equal(50, inside);
        Assert.Equal("", Shell.Run(
            $"for t in /proc/{Environment.ProcessId}/task/*; do readlink $t/ns/net; done | grep -F " +
            $"\"$(readlink {_node.NamespacePath})\" || true"));
    }

    [Fact]
    public void What_is_thrown_inside_arrives_outside()
    {
        FormatException e = Assert.Throws<FormatException>(
            () => _node.Namespace.Run(static () => throw new FormatException("inside")));

        Assert.Contains(nameof(What_is_thrown_inside_arrives_outside), e.StackTrace, StringComparison.Ordinal);
    }

    [Fact]
    public void A_socket_stays_in_the_namespace_where_it_was_opened()
    {
        using RtnlSocket socket = _node.Namespace.Run(RtnlSocket.Open);
        _node.Shell("ip link add only-here type bridge");

        Assert.NotNull(socket.FindLink("only-here"));
        using RtnlSocket outside = RtnlSocket.Open();
        Assert.Null(outside.FindLink("only-here"));
    }

    [Fact]
    public void The_same_namespace_by_another_path_is_the_same()
    {
        using NetNamespace again = NetNamespace.Open(_node.NamespacePath);
        using TestNode other = TestNode.Create();

        Assert.True(again.IsSameAs(_node.Namespace));
        Assert.False(again.IsSameAs(other.Namespace));
    }

    [Theory]
    [InlineData("/etc/passwd")]
    [InlineData("/proc/cpuinfo")]
    [InlineData("/proc/self/ns/mnt")]
    [InlineData("/tmp")]
    [InlineData("/dev/null")]
    public void What_is_no_network_namespace_is_EINVAL(string path)
    {
        LinuxException e = Assert.Throws<LinuxException>(() => NetNamespace.Open(path));

        Assert.Equal(Errno.EINVAL, e.Errno);
        Assert.StartsWith($"open {path} as a network namespace", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_path_that_does_not_exist_is_ENOENT()
    {
        LinuxException e = Assert.Throws<LinuxException>(() => NetNamespace.Open("/run/netns/missing"));

        Assert.Equal("open /run/netns/missing: No such file or directory (ENOENT)", e.Message);
    }

    [Fact]
    public void A_sysctl_belongs_to_the_namespace_of_the_thread()
    {
        string outside = Sysctl.Read("net/ipv4/ip_forward");
        string other = outside == "1" ? "0" : "1";

        string inside = _node.Namespace.Run(() =>
        {
            Sysctl.Write("net/ipv4/ip_forward", other);
            return Sysctl.Read("net/ipv4/ip_forward");
        });

        Assert.Equal(other, inside);
        Assert.Equal(outside, Sysctl.Read("net/ipv4/ip_forward"));
        Assert.Equal($"{other}\n", _node.Shell("cat /proc/sys/net/ipv4/ip_forward"));
        Assert.Equal(
            Errno.ENOENT, Assert.Throws<LinuxException>(static () => Sysctl.Read("net/ipv4/no_such_thing")).Errno);
    }
}
