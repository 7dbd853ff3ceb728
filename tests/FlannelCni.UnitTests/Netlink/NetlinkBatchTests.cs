using System.Runtime.InteropServices;
using FlannelCni.Linux.Netlink;

namespace FlannelCni.UnitTests.Netlink;

/// <summary>How a batch is cut into sends.</summary>
public sealed class NetlinkBatchTests
{
    [Fact]
    public void A_send_takes_what_fits_and_asks_for_one_acknowledgement()
    {
        NetlinkBatch batch = BatchOf(5, length: 20);

        List<(uint Sequence, bool HasAck)> first = Headers(batch.Take(0, 64, 100, sequence: 7, out int count));

        Assert.Equal(3, count);
        Assert.Equal([(7u, false), (8u, false), (9u, true)], first);
    }

    [Fact]
    public void The_rest_comes_with_the_next_send()
    {
        NetlinkBatch batch = BatchOf(5, length: 20);
        batch.Take(0, 64, 100, sequence: 7, out int first);

        List<(uint Sequence, bool HasAck)> rest = Headers(batch.Take(first, 64, 100, sequence: 10, out int count));

        Assert.Equal(2, count);
        Assert.Equal([(10u, false), (11u, true)], rest);
    }

    [Fact]
    public void A_send_takes_no_more_messages_than_answers_have_room()
    {
        NetlinkBatch batch = BatchOf(5, length: 20);

        batch.Take(0, 1000, maxCount: 2, sequence: 1, out int count);

        Assert.Equal(2, count);
    }

    [Fact]
    public void A_message_longer_than_a_send_goes_alone()
    {
        NetlinkBatch batch = BatchOf(2, length: 200);

        ReadOnlySpan<byte> sent = batch.Take(0, 64, 100, sequence: 1, out int count);

        Assert.Equal(1, count);
        Assert.Equal(200, sent.Length);
    }

    [Fact]
    public void A_cleared_batch_can_be_filled_again()
    {
        NetlinkBatch batch = BatchOf(300, length: 40);

        batch.Clear();
        batch.Add(Message(24));

        Assert.Equal(1, batch.Count);
        Assert.Equal(24, batch.Take(0, 1000, 100, 1, out _).Length);
    }

    private static NetlinkBatch BatchOf(int count, int length)
    {
        NetlinkBatch batch = new();
        for (int i = 0; i < count; i++)
        {
            batch.Add(Message(length));
        }

        return batch;
    }

    private static byte[] Message(int length)
    {
        byte[] message = new byte[length];
        MemoryMarshal.Write(message, new NlMsgHdr { Length = (uint)length, Flags = NlMsgFlags.NLM_F_ACK });
        return message;
    }

    private static List<(uint Sequence, bool HasAck)> Headers(ReadOnlySpan<byte> sent)
    {
        List<(uint Sequence, bool HasAck)> headers = [];
        foreach (NetlinkMessage message in new NetlinkReply(sent))
        {
            headers.Add((message.Header.Sequence, (message.Header.Flags & NlMsgFlags.NLM_F_ACK) != 0));
        }

        return headers;
    }
}
