using FlannelCni.Linux;
using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Netlink;
using FlannelCni.Linux.Rtnetlink;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.Netlink;

/// <summary>The socket itself: what happens when an answer is not the expected one.</summary>
public sealed class NetlinkSocketTests : IDisposable
{
    private readonly TestNode _node = TestNode.Create();

    public void Dispose() => _node.Dispose();

    [Fact]
    public void A_family_this_kernel_lacks_is_EPROTONOSUPPORT()
    {
        LinuxException e = Assert.Throws<LinuxException>(() => NetlinkSocket.Open((NetlinkFamily)31));

        Assert.Equal(Errno.EPROTONOSUPPORT, e.Errno);
    }

    [Fact]
    public void A_dump_whose_parser_throws_leaves_the_socket_usable()
    {
        _node.Shell(
            "ip -batch -",
            string.Concat(Enumerable.Range(0, 100).Select(static i => $"link add br{i} type bridge\n")));
        using NetlinkSocket socket = _node.Namespace.Run(static () => NetlinkSocket.Open(NetlinkFamily.NETLINK_ROUTE));

        Assert.Throws<InvalidDataException>(() => Dump(socket, static (in _, out item) =>
        {
            item = 0;
            throw new InvalidDataException("a message to its dislike");
        }));

        Assert.Equal(101, Dump(socket, One).Count);
    }

    [Fact]
    public void An_answer_that_is_not_the_expected_one_is_an_error_and_not_waited_out()
    {
        using NetlinkSocket socket = _node.Namespace.Run(static () => NetlinkSocket.Open(NetlinkFamily.NETLINK_ROUTE));

        Assert.Throws<InvalidDataException>(() =>
        {
            byte[] buffer = new byte[64];
            NetlinkWriter<IfInfoMsg, LinkAttr> request = new(
                buffer, RtnlMsgType.RTM_GETLINK, NlMsgFlags.NLM_F_REQUEST, new IfInfoMsg { Index = 1 });
            socket.Get<int, string>(request.Written, "get link", "lo", static (in _, out item) =>
            {
                item = 0;
                return false;
            });
        });
        Assert.Single(Dump(socket, One));
    }

    [Fact]
    public void Every_socket_has_a_port_id_of_its_own()
    {
        using RtnlSocket other = _node.Namespace.Run(RtnlSocket.Open);

        Assert.NotEqual(0u, _node.Rtnl.PortId);
        Assert.NotEqual(_node.Rtnl.PortId, other.PortId);
    }

    private static bool One(in NetlinkMessage message, out int item)
    {
        item = 1;
        return true;
    }

    private static List<int> Dump(NetlinkSocket socket, NetlinkParser<int> parser)
    {
        Span<byte> buffer = stackalloc byte[64];
        NetlinkWriter<IfInfoMsg, LinkAttr> request = new(
            buffer, RtnlMsgType.RTM_GETLINK, NlMsgFlags.NLM_F_REQUEST | NlMsgFlags.NLM_F_DUMP, default);
        return socket.Dump(request.Written, "list links", parser);
    }
}
