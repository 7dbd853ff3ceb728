// A netlink socket stays in the network namespace of the thread that opened it, wherever it is used later.
// One request is under way at a time; the owner sees to that. Answers come in the order of the requests; the kernel
// works while send() runs, so that a receive after it does not wait, except for a dump's later parts.
// A message without NLM_F_ACK is answered only when it fails.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FlannelCni.Linux.Interop;

namespace FlannelCni.Linux.Netlink;

/// <summary>Reads one message of a dump or an answer.</summary>
/// <returns>False for one that is not wanted.</returns>
public delegate bool NetlinkParser<T>(in NetlinkMessage message, out T item);

/// <summary>Requests to the kernel over one netlink family, each waited for.</summary>
public sealed partial class NetlinkSocket : IDisposable
{
    // The kernel fills dump datagrams up to what the receiver offers, 32 KiB at the most.
    private const int ReceiveBufferSize = 32 * 1024;
    private const int SendBufferSize = 512 * 1024;
    private const int MaxBatchBytes = 128 * 1024;    // below the send buffer, whose accounting counts overhead too
    private const int MaxInterruptedDumps = 20;

    private readonly SafeFd _fd;
    private readonly byte[] _receiveBuffer = new byte[ReceiveBufferSize];
    private bool _hasBatchBuffers;
    private uint _sequence;

    private NetlinkSocket(SafeFd fd, uint portId)
    {
        _fd = fd;
        PortId = portId;
    }

    /// <summary>The kernel's name for this socket: nlmsg_pid of the notifications that its requests cause.</summary>
    public uint PortId { get; }

    /// <summary>Opens a socket in the calling thread's network namespace.</summary>
    /// <exception cref="LinuxException">EPROTONOSUPPORT: no such family in this kernel.</exception>
    public static NetlinkSocket Open(NetlinkFamily family)
    {
        SafeFd fd = Libc.socket(Libc.AF_NETLINK, Libc.SOCK_RAW | Libc.SOCK_CLOEXEC, (int)family);
        Errno errno = Libc.LastError;
        if (fd.IsInvalid)
        {
            throw new LinuxException($"socket({family})", errno);
        }

        try
        {
            // The whole request is not wanted back with an error; the kernel's sentence is.
            SetOption(fd, Libc.SOL_NETLINK, Libc.NETLINK_CAP_ACK, 1);
            SetOption(fd, Libc.SOL_NETLINK, Libc.NETLINK_EXT_ACK, 1);
            SetOption(fd, Libc.SOL_NETLINK, Libc.NETLINK_GET_STRICT_CHK, 1);
            return new NetlinkSocket(fd, Bind(fd));
        }
        catch
        {
            fd.Dispose();
            throw;
        }
    }

    /// <summary>Sends a change and waits for its acknowledgement.</summary>
    /// <param name="request">A message with NLM_F_ACK.</param>
    /// <param name="operation">For the error: <c>add vxlan link</c>.</param>
    /// <param name="subject">For the error: <c>flannel.1</c>.</param>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public void Execute<TSubject>(Span<byte> request, string operation, TSubject subject)
    {
        (Errno errno, string? kernelMessage) = TryExecute(request);
        if (errno != Errno.None)
        {
            throw new NetlinkException($"{operation} {subject}", errno, kernelMessage);
        }
    }

    /// <summary>As the one above, but <paramref name="tolerated"/> is an answer, not an exception.</summary>
    /// <returns>False when the kernel answered <paramref name="tolerated"/>.</returns>
    /// <exception cref="NetlinkException">The kernel refused for another reason.</exception>
    public bool Execute<TSubject>(Span<byte> request, string operation, TSubject subject, Errno tolerated)
    {
        (Errno errno, string? kernelMessage) = TryExecute(request);
        return errno == Errno.None || (errno == tolerated
            ? false
            : throw new NetlinkException($"{operation} {subject}", errno, kernelMessage));
    }

    /// <summary>Sends a request with a single answer, such as RTM_GETLINK of one link.</summary>
    /// <param name="request">A message without NLM_F_ACK: the answer or the error is all that comes.</param>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public T Get<T, TSubject>(Span<byte> request, string operation, TSubject subject, NetlinkParser<T> parser) =>
        TryGet(request, parser, out T item, out Errno errno, out string? kernelMessage)
            ? item
            : throw new NetlinkException($"{operation} {subject}", errno, kernelMessage);

    /// <summary>As <see cref="Get"/>, with ENODEV, ENOENT and ESRCH as null.</summary>
    /// <exception cref="NetlinkException">The kernel refused for another reason.</exception>
    public T? Find<T, TSubject>(Span<byte> request, string operation, TSubject subject, NetlinkParser<T> parser)
        where T : class =>
        TryGet(
            request,
            operation,
            subject,
            static errno => errno is Errno.ENODEV or Errno.ENOENT or Errno.ESRCH,
            parser,
            out T item)
            ? item
            : null;

    /// <summary>As <see cref="Get"/>, where some answers mean that there is none.</summary>
    /// <returns>False: the kernel answered one of those.</returns>
    /// <exception cref="NetlinkException">The kernel refused for another reason.</exception>
    public bool TryGet<T, TSubject>(
        Span<byte> request,
        string operation,
        TSubject subject,
        Func<Errno, bool> meansNone,
        NetlinkParser<T> parser,
        out T item) =>
        TryGet(request, parser, out item, out Errno errno, out string? kernelMessage) || (meansNone(errno)
            ? false
            : throw new NetlinkException($"{operation} {subject}", errno, kernelMessage));

    /// <summary>Reads a whole table. A dump that the kernel says was interrupted is taken again from the start.</summary>
    /// <param name="request">A message with NLM_F_DUMP.</param>
    /// <param name="operation">For the error: <c>list routes</c>.</param>
    /// <param name="parser">Reads a message, or passes it by.</param>
    /// <exception cref="NetlinkException">The kernel refused; EINTR: interrupted each of many times.</exception>
    public List<T> Dump<T>(Span<byte> request, string operation, NetlinkParser<T> parser)
    {
        List<T> items = [];
        for (int attempt = 0; attempt < MaxInterruptedDumps; attempt++)
        {
            items.Clear();
            if (DumpOnce(request, operation, parser, items))
            {
                return items;
            }
        }

        throw new NetlinkException(operation, Errno.EINTR, $"changed under each of {MaxInterruptedDumps} dumps");
    }

    /// <summary>Sends many changes in as few sends as possible.</summary>
    /// <returns>Those that the kernel refused; all others are done. Empty: all are.</returns>
    public IReadOnlyList<BatchFailure> Execute(NetlinkBatch batch)
    {
        EnsureBatchBuffers();
        List<BatchFailure>? failures = null;
        int first = 0;
        while (first < batch.Count)
        {
            uint sequence = _sequence + 1;
            ReadOnlySpan<byte> messages = batch.Take(first, MaxBatchBytes, sequence, out int count);
            _sequence += (uint)count;
            Send(messages);
            ReceiveBatch(first, sequence, count, ref failures);
            first += count;
        }

        return failures ?? (IReadOnlyList<BatchFailure>)[];
    }

    public void Dispose() => _fd.Dispose();

    private (Errno Errno, string? KernelMessage) TryExecute(Span<byte> request)
    {
        uint sequence = SendNumbered(request);
        while (true)
        {
            foreach (NetlinkMessage message in Receive())
            {
                if (message.Header.Sequence == sequence && message.Header.Type == NlMsgType.NLMSG_ERROR)
                {
                    Errno errno = message.ReadError();
                    return (errno, errno == Errno.None ? null : message.ReadKernelMessage());
                }
            }
        }
    }

    private bool TryGet<T>(
        Span<byte> request, NetlinkParser<T> parser, out T item, out Errno errno, out string? kernelMessage)
    {
        uint sequence = SendNumbered(request);
        while (true)
        {
            foreach (NetlinkMessage message in Receive())
            {
                if (message.Header.Sequence != sequence)
                {
                    continue;
                }

                if (message.Header.Type == NlMsgType.NLMSG_ERROR)
                {
                    (errno, kernelMessage) = (message.ReadError(), message.ReadKernelMessage());
                    item = default!;    // not read by those who are told false
                    return false;
                }

                if (parser(message, out item))
                {
                    (errno, kernelMessage) = (Errno.None, null);
                    return true;
                }
            }
        }
    }

    /// <summary>False: interrupted.</summary>
    private bool DumpOnce<T>(Span<byte> request, string operation, NetlinkParser<T> parser, List<T> items)
    {
        uint sequence = SendNumbered(request);
        bool isConsistent = true;
        while (true)
        {
            foreach (NetlinkMessage message in Receive())
            {
                if (message.Header.Sequence != sequence)
                {
                    continue;
                }

                isConsistent &= (message.Header.Flags & NlMsgFlags.NLM_F_DUMP_INTR) == 0;
                if (message.Header.Type is NlMsgType.NLMSG_DONE or NlMsgType.NLMSG_ERROR)
                {
                    Errno errno = message.ReadError();
                    return errno is Errno.None
                        ? isConsistent
                        : throw new NetlinkException(operation, errno, message.ReadKernelMessage());
                }

                if (parser(message, out T item))
                {
                    items.Add(item);
                }
            }
        }
    }

    private void ReceiveBatch(int first, uint sequence, int count, ref List<BatchFailure>? failures)
    {
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
                    (failures ??= []).Add(new BatchFailure(first + (int)index, errno, message.ReadKernelMessage()));
                }

                if (index == count - 1)
                {
                    return;
                }
            }
        }
    }

    private uint SendNumbered(Span<byte> request)
    {
        uint sequence = ++_sequence;
        MemoryMarshal.AsRef<NlMsgHdr>(request).Sequence = sequence;
        Send(request);
        return sequence;
    }

    private void Send(ReadOnlySpan<byte> messages)
    {
        while (Libc.send(_fd, messages, messages.Length, 0) < 0)
        {
            Errno errno = Libc.LastError;
            if (errno != Errno.EINTR)
            {
                throw new LinuxException("send(netlink)", errno);
            }
        }
    }

    private NetlinkReply Receive()
    {
        while (true)
        {
            nint length = Libc.recv(_fd, _receiveBuffer, _receiveBuffer.Length, Libc.MSG_TRUNC);
            Errno errno = Libc.LastError;
            if (length > _receiveBuffer.Length)
            {
                throw new InvalidDataException($"netlink datagram of {length} bytes, {_receiveBuffer.Length} at the most expected");
            }

            if (length >= 0)
            {
                return new NetlinkReply(_receiveBuffer.AsSpan(0, (int)length));
            }

            if (errno != Errno.EINTR)
            {
                throw new LinuxException("recv(netlink)", errno);
            }
        }
    }

    /// <summary>Room for a full send and for an error to each of its messages. Small programs never pay for it.</summary>
    private void EnsureBatchBuffers()
    {
        if (!_hasBatchBuffers)
        {
            // Without CAP_NET_ADMIN in the first user namespace the FORCE variants are refused.
            ForceBuffer(_fd, Libc.SO_SNDBUFFORCE, Libc.SO_SNDBUF, SendBufferSize);
            ForceBuffer(_fd, Libc.SO_RCVBUFFORCE, Libc.SO_RCVBUF, 8 * SendBufferSize);
            _hasBatchBuffers = true;
        }
    }

    internal static void ForceBuffer(SafeFd fd, int forceOption, int option, int size)
    {
        if (Libc.setsockopt(fd, Libc.SOL_SOCKET, forceOption, size, sizeof(int)) < 0)
        {
            SetOption(fd, Libc.SOL_SOCKET, option, size);
        }
    }

    internal static void SetOption(SafeFd fd, int level, int option, int value)
    {
        if (Libc.setsockopt(fd, level, option, value, sizeof(int)) < 0)
        {
            throw new LinuxException($"setsockopt(netlink, {level}, {option})", Libc.LastError);
        }
    }

    /// <summary>Binds to a port id of the kernel's choice and returns it.</summary>
    private static uint Bind(SafeFd fd)
    {
        SockAddrNl address = new() { Family = Libc.AF_NETLINK };
        int length = Unsafe.SizeOf<SockAddrNl>();
        if (Libc.bind(fd, address, length) < 0)
        {
            throw new LinuxException("bind(netlink)", Libc.LastError);
        }

        return Libc.getsockname(fd, ref address, ref length) < 0
            ? throw new LinuxException("getsockname(netlink)", Libc.LastError)
            : address.PortId;
    }
}
