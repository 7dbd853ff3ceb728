// nfnetlink takes a batch as one transaction: between NFNL_MSG_BATCH_BEGIN and _END all is carried out, or nothing.
// Everything must come in one send. The errors of all messages come when the batch is over; an error that concerns the
// batch as a whole (EPERM, a failed commit) is reported as one of its first message. Before Linux 6.10 the first and the
// last message are not acknowledged even if they ask for it, so the last but one is made to ask.

using FlannelCni.Linux.Interop;

namespace FlannelCni.Linux.Netlink;

/// <content>Transactions of nfnetlink.</content>
public sealed partial class NetlinkSocket
{
    /// <summary>Carries out a batch of nfnetlink: all of it, or nothing.</summary>
    /// <param name="batch">Its borders included.</param>
    /// <returns>Null: it is done; else the first message that was refused.</returns>
    public BatchFailure? ExecuteTransaction(NetlinkBatch batch)
    {
        uint first = _sequence + 1;
        ReadOnlySpan<byte> messages = batch.TakeTransaction(first);
        _sequence += (uint)batch.Count;
        ForceBuffer(_fd, Libc.SO_SNDBUFFORCE, Libc.SO_SNDBUF, Math.Max(SendBufferSize, 2 * messages.Length));
        Send(messages);
        return ReceiveTransaction(first, batch.Count);
    }

    private BatchFailure? ReceiveTransaction(uint sequence, int count)
    {
        BatchFailure? failure = null;
        while (true)
        {
            foreach (NetlinkMessage message in Receive())
            {
                uint index = message.Header.Sequence - sequence;
                if (index >= count || message.Header.Type != NlMsgType.NLMSG_ERROR)
                {
                    continue;
                }

                Errno errno = message.ReadError();
                if (errno != Errno.None)
                {
                    failure ??= new BatchFailure((int)index, errno, message.ReadKernelMessage());
                }

                if (index == 0 || index == count - 2)
                {
                    return failure;
                }
            }
        }
    }
}
