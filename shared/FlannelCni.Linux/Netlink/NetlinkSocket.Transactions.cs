// nfnetlink takes a batch as one transaction: between NFNL_MSG_BATCH_BEGIN and _END all is carried out, or nothing.
// Everything must come in one send. The errors of all messages come when the batch is over; an error that concerns the
// batch as a whole (EPERM, a failed commit) is reported as one of its first message. Before Linux 6.10 the first and
// the last message are not acknowledged even if they ask for it, so the last but one is made to ask.

using FlannelCni.Linux.Interop;

namespace FlannelCni.Linux.Netlink;

/// <content>Transactions of nfnetlink.</content>
public sealed partial class NetlinkSocket
{
    private const int UsualSendBuffer = 64 * 1024;    // of any socket, however small wmem_default is

    /// <summary>Carries out a batch of nfnetlink: all of it, or nothing.</summary>
    /// <param name="batch">Its borders included.</param>
    /// <returns>Null: it is done; else the first message that was refused.</returns>
    /// <exception cref="NetlinkException">
    /// ENOBUFS, ETIMEDOUT: the answer was lost; whether it is done is not known.
    /// </exception>
    public BatchFailure? ExecuteTransaction(NetlinkBatch batch)
    {
        FindBatchLimit();
        uint first = _sequence + 1;
        ReadOnlySpan<byte> messages = batch.TakeTransaction(first);
        _sequence += (uint)batch.Count;
        if (messages.Length > UsualSendBuffer)
        {
            ForceSendBuffer(2 * messages.Length);
        }

        Errno errno = Send(messages);
        BatchFailure? failure = null;
        Answer answer = errno == Errno.None
            ? ReceiveTransaction(first, batch.Count, out failure)
            : Answer.NotSent(errno);
        return answer.Errno == Errno.None
            ? failure
            : throw answer.ToException("execute transaction of", $"{batch.Count} messages");
    }

    private Answer ReceiveTransaction(uint sequence, int count, out BatchFailure? failure)
    {
        failure = null;
        Errno errno;
        while ((errno = Receive(out NetlinkReply reply)) == Errno.None)
        {
            foreach (NetlinkMessage message in reply)
            {
                uint index = message.Header.Sequence - sequence;
                if (index >= count || message.Header.Type != NlMsgType.NLMSG_ERROR)
                {
                    continue;
                }

                Answer answer = Answer.Of(message);
                if (answer.Errno != Errno.None)
                {
                    failure ??= new BatchFailure((int)index, answer.Errno, answer.KernelMessage);
                }

                if (index == 0 || index == count - 2)
                {
                    return default;
                }
            }
        }

        return Answer.NotReceived(errno);
    }

    /// <summary>Beyond net.core.wmem_max it needs CAP_NET_ADMIN of the first user namespace; else up to that.</summary>
    private void ForceSendBuffer(int size)
    {
        if (Libc.setsockopt(_fd, Libc.SOL_SOCKET, Libc.SO_SNDBUFFORCE, size, sizeof(int)) < 0)
        {
            SetOption(_fd, Libc.SOL_SOCKET, Libc.SO_SNDBUF, size);
        }
    }
}
