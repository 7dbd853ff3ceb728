using FlannelCni.Linux.Interop;

namespace FlannelCni.Linux.Netlink;

/// <content>Many changes in one send, with a result for each.</content>
public sealed partial class NetlinkSocket
{
    private const int BatchReceiveBuffer = 4 * 1024 * 1024;    // SO_RCVBUFFORCE; the kernel doubles it
    private const int MaxBatchBytes = 128 * 1024;
    private const int ErrorCost = 2 * 1024;                    // more than an error takes of the receive buffer

    private int _maxBatchMessages;    // 0: not found out yet

    /// <summary>Sends many changes in as few sends as possible.</summary>
    /// <returns>Those that the kernel refused, in order; all others are done. Empty: all are.</returns>
    /// <exception cref="NetlinkException">ENOBUFS, ETIMEDOUT: answers were lost; what is done is not known.</exception>
    public IReadOnlyList<BatchFailure> Execute(NetlinkBatch batch)
    {
        FindBatchLimit();
        List<BatchFailure>? failures = null;
        int first = 0;
        while (first < batch.Count)
        {
            uint sequence = _sequence + 1;
            ReadOnlySpan<byte> messages = batch.Take(first, MaxBatchBytes, _maxBatchMessages, sequence, out int count);
            _sequence += (uint)count;
            Errno errno = Send(messages);
            Answer answer = errno == Errno.None
                ? ReceiveBatch(first, sequence, count, ref failures)
                : Answer.NotSent(errno);
            if (answer.Errno != Errno.None)
            {
                throw answer.ToException("execute batch of", $"{batch.Count} requests, from {first} on");
            }

            first += count;
        }

        return failures ?? (IReadOnlyList<BatchFailure>)[];
    }

    private Answer ReceiveBatch(int first, uint sequence, int count, ref List<BatchFailure>? failures)
    {
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
                    (failures ??= []).Add(new BatchFailure(first + (int)index, answer.Errno, answer.KernelMessage));
                }

                if (index == count - 1)
                {
                    return default;
                }
            }
        }

        return Answer.NotReceived(errno);
    }

    /// <summary>Room for an error to each message of a send. Small programs never pay for it.</summary>
    private void FindBatchLimit()
    {
        if (_maxBatchMessages == 0)
        {
            ForceReceiveBuffer(_fd, BatchReceiveBuffer);
            int size = 0;
            int length = sizeof(int);
            if (Libc.getsockopt(_fd, Libc.SOL_SOCKET, Libc.SO_RCVBUF, ref size, ref length) < 0)
            {
                throw new LinuxException("getsockopt(netlink, SO_RCVBUF)", Libc.LastError);
            }

            _maxBatchMessages = Math.Max(1, size / ErrorCost);
        }
    }
}
