using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FlannelCni.Linux.Netlink;
using FlannelCni.Linux.Nftables;
using FlannelCni.TestKit;

namespace FlannelCni.UnitTests.Nftables;

/// <summary>Messages as nft 1.0.6 sends them: strace -xx of the command above each.</summary>
public sealed class NftTransactionTests
{
    private const NftFamily Ip = NftFamily.NFPROTO_IPV4;

    // nft add rule ip flannel-ipv4 postrtg ip saddr 10.42.0.0/16 ip daddr != 224.0.0.0/4 masquerade fully-random
    private const string MasqueradeRule =
        "58010000 060A 050C 02000000 00000000" +    // nlmsghdr: NFT_MSG_NEWRULE, REQUEST|ACK|CREATE|APPEND, number 2
        "02 00 0000" +                              // nfgenmsg: NFPROTO_IPV4
        "1100 0100 666C616E6E656C2D6970763400 000000" +
        "0C00 0200 706F737472746700" +
        "2401 0480" +                               // NFTA_RULE_EXPRESSIONS
        "3400 0180 0C00 0100 7061796C6F616400" +    //   payload load 2b @ network header + 12 => reg 1
        "2400 0280 08000100 00000001 08000200 00000001 08000300 0000000C 08000400 00000002" +
        "2C00 0180 0800 0100 636D7000" +            //   cmp eq reg 1 0x0a2a
        "2000 0280 08000100 00000001 08000200 00000000 0C000380 06000100 0A2A0000" +
        "3400 0180 0C00 0100 7061796C6F616400" +    //   payload load 4b @ network header + 16 => reg 1
        "2400 0280 08000100 00000001 08000200 00000001 08000300 00000010 08000400 00000004" +
        "4400 0180 0C00 0100 6269747769736500" +    //   bitwise reg 1 = ( reg 1 & 0xf0000000 ) ^ 0
        "3400 0280 08000100 00000001 08000200 00000001 08000300 00000004" +
        "0C000480 08000100 F0000000 0C000580 08000100 00000000" +
        "2C00 0180 0800 0100 636D7000" +            //   cmp neq reg 1 0xe0000000
        "2000 0280 08000100 00000001 08000200 00000001 0C000380 08000100 E0000000" +
        "1C00 0180 0900 0100 6D61737100 000000" +   //   masq flags 0x10
        "0C00 0280 08000100 00000010";

    // nft add chain ip flannel-ipv4 postrtg { type nat hook postrouting priority srcnat; policy accept; comment "...";
    // }, its attributes in our order.
    private const string Chain =
        "90000000 030A 0504 02000000 00000000" +
        "02 00 0000" +
        "1100 0100 666C616E6E656C2D6970763400 000000" +
        "0C00 0300 706F737472746700" +
        "1400 0480 08000100 00000004 08000200 00000064" +
        "0800 0500 00000001" +
        "0800 0700 6E617400" +
        "3600 0C00 0030" +                          // userdata: comment, 48 bytes
        "636861696E20746F206D616E6167652074726166666963206D6173717565726164696E6720627920666C616E6E656C00 0000";

    [Fact]
    public void A_rule_is_what_nft_makes_of_it()
    {
        NftTransaction transaction = new();

        transaction.AddRule(
            Ip,
            "flannel-ipv4",
            "postrtg",
            [
                NftExpression.LoadPayload(NftPayloadBase.NFT_PAYLOAD_NETWORK_HEADER, 12, 2),
                NftExpression.Cmp(NftCmpOp.NFT_CMP_EQ, [10, 42]),
                NftExpression.LoadPayload(NftPayloadBase.NFT_PAYLOAD_NETWORK_HEADER, 16, 4),
                NftExpression.Mask([0xF0, 0, 0, 0]),
                NftExpression.Cmp(NftCmpOp.NFT_CMP_NEQ, [224, 0, 0, 0]),
                NftExpression.Masquerade(NftNatFlags.NF_NAT_RANGE_PROTO_RANDOM_FULLY),
            ]);

        Assert.Equal(Hex.Text(Hex.Bytes(MasqueradeRule)), Message(transaction, 1));
    }

    [Fact]
    public void A_chain_is_what_nft_makes_of_it()
    {
        NftTransaction transaction = new();

        transaction.AddChain(new NftChain(Ip, "flannel-ipv4", "postrtg")
        {
            Base = new("nat", NftHook.NF_INET_POST_ROUTING, 100, NftVerdict.NF_ACCEPT),
            Comment = "chain to manage traffic masquerading by flannel",
        });

        Assert.Equal(Hex.Text(Hex.Bytes(Chain)), Message(transaction, 1));
    }

    [Fact]
    public void A_transaction_has_borders_and_asks_for_one_acknowledgement()
    {
        NftTransaction transaction = new();
        transaction.DeleteTable(Ip, "a");
        transaction.DeleteTable(Ip, "b");
        transaction.Complete();

        List<(ushort Type, NlMsgFlags Flags, uint Sequence)> sent = [];
        foreach (NetlinkMessage message in new NetlinkReply(transaction.Messages.TakeTransaction(sequence: 7)))
        {
            sent.Add((message.Header.Type, message.Header.Flags, message.Header.Sequence));
        }

        Assert.Equal(
            [
                (NftMsgType.NFNL_MSG_BATCH_BEGIN, NlMsgFlags.NLM_F_REQUEST, 7u),
                (NftMsgType.NFT_MSG_DELTABLE, NlMsgFlags.NLM_F_REQUEST, 8u),
                (NftMsgType.NFT_MSG_DELTABLE, NlMsgFlags.NLM_F_REQUEST | NlMsgFlags.NLM_F_ACK, 9u),
                (NftMsgType.NFNL_MSG_BATCH_END, NlMsgFlags.NLM_F_REQUEST, 10u),
            ],
            sent);
    }

    [Fact]
    public void A_rule_that_was_written_is_read_back()
    {
        NftTransaction transaction = new();
        NftExpression[] expressions =
        [
            NftExpression.LoadMeta(NftMetaKey.NFT_META_MARK),
            NftExpression.Mask(0x4000),
            NftExpression.Cmp(NftCmpOp.NFT_CMP_EQ, 0x4000),
            NftExpression.LoadPayload(NftPayloadBase.NFT_PAYLOAD_NETWORK_HEADER, 8, 16),
            NftExpression.Cmp(NftCmpOp.NFT_CMP_NEQ, Enumerable.Range(1, 16).Select(i => (byte)i).ToArray()),
            NftExpression.Masquerade(NftNatFlags.None),
            NftExpression.Decide(NftVerdict.NFT_JUMP, "elsewhere"),
            NftExpression.Decide(NftVerdict.NFT_RETURN),
        ];

        transaction.AddRule(Ip, "table", "chain", expressions);

        NetlinkMessage message = MessageAt(transaction, 1);
        Assert.True(NftMessages.TryReadRule(message, out NftRule rule));
        Assert.Equal(("table", "chain"), (rule.Table, rule.Chain));
        Assert.Equal(expressions, rule.Expressions);
        Assert.True(rule.LeadsTo("elsewhere"));
    }

    [Fact]
    public void A_comment_is_read_from_among_other_user_data()
    {
        Assert.Equal("hello", NftUserData.ReadComment(Hex.Bytes("0501FF 0006 68656C6C6F00 0201 00")));
        Assert.Null(NftUserData.ReadComment(Hex.Bytes("0501FF")));
        Assert.Null(NftUserData.ReadComment(Hex.Bytes("00FF 61")));
        Assert.Null(NftUserData.ReadComment([]));
        Assert.Equal("hello", NftUserData.ReadComment(NftUserData.OfComment("hello")));
    }

    [Theory]
    [InlineData("0C00 0100 6D61737100", "length past the end")]
    [InlineData("0900 0100 6D61737100 000000 1000 0280 0A000100 00000010 0000", "flags of six bytes")]
    public void A_malformed_expression_is_refused(string hex, string because)
    {
        Assert.NotEmpty(because);

        Assert.Throws<InvalidDataException>(() =>
            NftExpressionReader.Read(new AttributeReader<NftExprAttr>(Hex.Bytes(hex))));
    }

    [Theory]
    [InlineData("0A00 0100 636F756E74 0000", "[ coun ]")]
    [InlineData("0900 0100 6D65746100 000000 1400 0280 08000200 00000003 08000300 00000001", "[ meta ]")]
    [InlineData("0900 0100 6D61737100 000000 0C00 0280 08000200 00000001", "[ masq ]")]
    public void What_is_not_known_equals_nothing(string hex, string shown)
    {
        NftExpression read = NftExpressionReader.Read(new AttributeReader<NftExprAttr>(Hex.Bytes(hex)));

        Assert.Equal(NftExpressionKind.Other, read.Kind);
        Assert.StartsWith(shown[..6], read.ToString());
    }

    [Fact]
    public void Nfgenmsg_is_as_in_the_header()
    {
        Assert.Equal(4, Unsafe.SizeOf<NfGenMsg>());
        Assert.Equal(0, Marshal.OffsetOf<NfGenMsg>(nameof(NfGenMsg.Family)));
        Assert.Equal(1, Marshal.OffsetOf<NfGenMsg>(nameof(NfGenMsg.Version)));
        Assert.Equal(2, Marshal.OffsetOf<NfGenMsg>(nameof(NfGenMsg.ResourceId)));
        Assert.Equal(NftMsgType.NFNL_SUBSYS_NFTABLES << 8, NfGenMsg.Batch.ResourceId);
    }

    /// <summary>A message of the completed transaction; the border is number 0.</summary>
    private static string Message(NftTransaction transaction, int number)
    {
        transaction.Complete();
        ReadOnlySpan<byte> sent = transaction.Messages.TakeTransaction(sequence: 1);
        for (int i = 0; i < number; i++)
        {
            sent = sent[(int)MemoryMarshal.Read<uint>(sent)..];
        }

        return Hex.Text(sent[..(int)MemoryMarshal.Read<uint>(sent)]);
    }

    private static NetlinkMessage MessageAt(NftTransaction transaction, int number)
    {
        transaction.Complete();
        NetlinkReply sent = new(transaction.Messages.TakeTransaction(sequence: 1));
        for (int i = 0; i <= number; i++)
        {
            Assert.True(sent.MoveNext());
        }

        return sent.Current;
    }
}
