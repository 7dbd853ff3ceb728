// A netlink socket stays in the network namespace of the thread that opened it, wherever it is used later.
// One request is under way at a time; the owner sees to that. Answers come in the order of the requests; the kernel
// works while send() runs, and makes the next part of a dump while recv() runs, so that a receive never really waits:
// the timeout is for an answer that was lost.
// A message without NLM_F_ACK is answered only when it fails.
// An answer that finds no memory or no room is lost, which recv() says once by ENOBUFS. From then on the kernel drops
// all that is for this socket until its queue is empty.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FlannelCni.Linux.Interop;

namespace FlannelCni.Linux.Netlink;

/// <summary>Reads one message of a dump or an answer.</summary>
/// <returns>False for one that is not wanted.</returns>
public delegate bool NetlinkParser<T>(in NetlinkMessage message, out T item);

/// <summary>Takes the items of a dump as they come, so that a large table is never in memory at once.</summary>
public interface IDumpReader<T>
{
    /// <summary>At the beginning, and again when the kernel was interrupted: what was read until now is void.</summary>
    void Restart();

    /// <summary>The next item.</summary>
    void Read(in T item);
}

/// <summary>
/// Requests to the kernel over one netlink family, each waited for. From any thread, but one at a time.
/// </summary>
public sealed partial class NetlinkSocket : IDisposable
{
    // The kernel fills dump datagrams up to what the receiver offers, 32 KiB at the most.
    private const int ReceiveBufferSize = 32 * 1024;
    private const int MaxInterruptedDumps = 20;
    private const int AnswerTimeoutSeconds = 10;

    private readonly SafeFd _fd;
    private readonly byte[] _receiveBuffer = new byte[ReceiveBufferSize];
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
        SafeFd fd = OpenDescriptor(family);
        try
        {
            // The whole request is not wanted back with an error; the kernel's sentence is.
            SetOption(fd, Libc.SOL_NETLINK, Libc.NETLINK_CAP_ACK, 1);
            SetOption(fd, Libc.SOL_NETLINK, Libc.NETLINK_EXT_ACK, 1);
            SetOption(fd, Libc.SOL_NETLINK, Libc.NETLINK_GET_STRICT_CHK, 1);
            SetReceiveTimeout(fd, AnswerTimeoutSeconds);
            return new NetlinkSocket(fd, Connect(fd));
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
        Answer answer = TryExecute(request);
        if (answer.Errno != Errno.None)
        {
            throw answer.ToException(operation, subject);
        }
    }

    /// <summary>As the one above, but <paramref name="tolerated"/> is an answer, not an exception.</summary>
    /// <returns>False when the kernel answered <paramref name="tolerated"/>.</returns>
    /// <exception cref="NetlinkException">The kernel refused for another reason.</exception>
    public bool Execute<TSubject>(Span<byte> request, string operation, TSubject subject, Errno tolerated)
    {
        Answer answer = TryExecute(request);
        return answer.Errno == Errno.None
            || (answer.Errno == tolerated ? false : throw answer.ToException(operation, subject));
    }

    /// <summary>
    /// An ioctl about a device of the socket's namespace, which every socket takes (one of netlink since Linux 4.13).
    /// </summary>
    internal Errno Control(nuint request, ref IfReq argument) =>
        Libc.ioctl(_fd, request, ref argument) < 0 ? Libc.LastError : Errno.None;

    /// <summary>Sends a request with a single answer, such as RTM_GETLINK of one link.</summary>
    /// <param name="request">A message without NLM_F_ACK: the answer or the error is all that comes.</param>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public T Get<T, TSubject>(Span<byte> request, string operation, TSubject subject, NetlinkParser<T> parser)
    {
        Answer answer = TryGet(request, parser, out T item);
        return answer.Errno == Errno.None ? item : throw answer.ToException(operation, subject);
    }

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
        out T item)
    {
        Answer answer = TryGet(request, parser, out item);
        return answer.Errno == Errno.None
            || (meansNone(answer.Errno) ? false : throw answer.ToException(operation, subject));
    }

    /// <summary>
    /// Reads a whole table. A dump that the kernel says was interrupted is taken again from the start. Of neighbours,
    /// FDB and IPv6 routes it does not say so: while others come and go, an entry may come twice, or not at all.
    /// </summary>
    /// <param name="request">A message with NLM_F_DUMP.</param>
    /// <param name="operation">For the error: <c>list routes</c>.</param>
    /// <param name="parser">Reads a message, or passes it by.</param>
    /// <exception cref="NetlinkException">The kernel refused; EINTR: interrupted each of many times.</exception>
    public List<T> Dump<T>(Span<byte> request, string operation, NetlinkParser<T> parser)
    {
        ListReader<T> list = new();
        Dump(request, operation, parser, list);
        return list.Items;
    }

    /// <inheritdoc cref="Dump{T}(Span{byte}, string, NetlinkParser{T})"/>
    /// <param name="reader">Gets each item.</param>
    public void Dump<T>(Span<byte> request, string operation, NetlinkParser<T> parser, IDumpReader<T> reader)
    {
        for (int attempt = 0; attempt < MaxInterruptedDumps; attempt++)
        {
            reader.Restart();
            if (DumpOnce(request, operation, parser, reader))
            {
                return;
            }
        }

        throw new NetlinkException(operation, Errno.EINTR, $"changed under each of {MaxInterruptedDumps} dumps");
    }

    public void Dispose() => _fd.Dispose();

    private Answer TryExecute(Span<byte> request)
    {
        Errno errno = SendNumbered(request, out uint sequence);
        if (errno != Errno.None)
        {
            return Answer.NotSent(errno);
        }

        while ((errno = Receive(out NetlinkReply reply)) == Errno.None)
        {
            foreach (NetlinkMessage message in reply)
            {
                if (message.Header.Sequence == sequence && message.Header.Type == NlMsgType.NLMSG_ERROR)
                {
                    return Answer.Of(message);
                }
            }
        }

        return Answer.NotReceived(errno);
    }

    private Answer TryGet<T>(Span<byte> request, NetlinkParser<T> parser, out T item)
    {
        item = default!;    // not read by those who are told of an error
        Errno errno = SendNumbered(request, out uint sequence);
        if (errno != Errno.None)
        {
            return Answer.NotSent(errno);
        }

        while ((errno = Receive(out NetlinkReply reply)) == Errno.None)
        {
            foreach (NetlinkMessage message in reply)
            {
                if (message.Header.Sequence != sequence)
                {
                    continue;
                }

                if (message.Header.Type == NlMsgType.NLMSG_ERROR)
                {
                    return Answer.Of(message);
                }

                return parser(message, out item)
                    ? default
                    : throw new InvalidDataException($"netlink answer of type {message.Header.Type}: unexpected");
            }
        }

        return Answer.NotReceived(errno);
    }

    /// <summary>False: interrupted, or parts of it lost.</summary>
    private bool DumpOnce<T>(
        Span<byte> request, string operation, NetlinkParser<T> parser, IDumpReader<T> reader)
    {
        Errno errno = SendNumbered(request, out uint sequence);
        if (errno != Errno.None)
        {
            throw Answer.NotSent(errno).ToException(operation, "");
        }

        bool isConsistent = true;
        while ((errno = Receive(out NetlinkReply reply)) == Errno.None)
        {
            try
            {
                foreach (NetlinkMessage message in reply)
                {
                    if (message.Header.Sequence != sequence)
                    {
                        continue;
                    }

                    isConsistent &= (message.Header.Flags & NlMsgFlags.NLM_F_DUMP_INTR) == 0;
                    if (message.Header.Type is NlMsgType.NLMSG_DONE or NlMsgType.NLMSG_ERROR)
                    {
                        Answer answer = Answer.Of(message);
                        return answer.Errno == Errno.None ? isConsistent : throw answer.ToException(operation, "");
                    }

                    if (parser(message, out T item))
                    {
                        reader.Read(item);
                    }
                }
            }
            catch (Exception e) when (e is InvalidDataException or FormatException)
            {
                // The next dump would be EBUSY while this one is under way.
                Drain();
                throw;
            }
        }

        return errno == Errno.ENOBUFS ? false : throw Answer.NotReceived(errno).ToException(operation, "");
    }

    private Errno SendNumbered(Span<byte> request, out uint sequence)
    {
        sequence = ++_sequence;
        MemoryMarshal.AsRef<NlMsgHdr>(request).Sequence = sequence;
        return Send(request);
    }

    private Errno Send(ReadOnlySpan<byte> messages)
    {
        while (Libc.send(_fd, messages, messages.Length, 0) < 0)
        {
            Errno errno = Libc.LastError;
            if (errno != Errno.EINTR)
            {
                return errno;
            }
        }

        return Errno.None;
    }

    /// <summary>The next datagram. After an error the queue is empty, and the socket as good as new.</summary>
    private Errno Receive(out NetlinkReply reply)
    {
        while (true)
        {
            nint length = Libc.recv(_fd, _receiveBuffer, _receiveBuffer.Length, Libc.MSG_TRUNC);
            Errno errno = Libc.LastError;
            if (length > _receiveBuffer.Length)
            {
                Drain();
                throw new InvalidDataException(
                    $"netlink datagram of {length} bytes, {_receiveBuffer.Length} at the most expected");
            }

            if (length >= 0)
            {
                reply = new NetlinkReply(_receiveBuffer.AsSpan(0, (int)length));
                return Errno.None;
            }

            if (errno != Errno.EINTR)
            {
                Drain();
                reply = default;
                return errno == Errno.EAGAIN ? Errno.ETIMEDOUT : errno;
            }
        }
    }

    /// <summary>Throws away what is queued, and the rest of a dump under way.</summary>
    private void Drain()
    {
        while (Libc.recv(_fd, _receiveBuffer, _receiveBuffer.Length, Libc.MSG_DONTWAIT) >= 0
            || Libc.LastError is Errno.EINTR or Errno.ENOBUFS)
        {
        }
    }

    /// <summary>
    /// Takes a port id of the kernel's choice and returns it. A socket connected to the kernel gets nothing that
    /// another process sent.
    /// </summary>
    private static uint Connect(SafeFd fd)
    {
        SockAddrNl address = new() { Family = Libc.AF_NETLINK };
        int length = Unsafe.SizeOf<SockAddrNl>();
        if (Libc.connect(fd, address, length) < 0)
        {
            throw new LinuxException("connect(netlink)", Libc.LastError);
        }

        return Libc.getsockname(fd, ref address, ref length) < 0
            ? throw new LinuxException("getsockname(netlink)", Libc.LastError)
            : address.PortId;
    }

    private sealed class ListReader<T> : IDumpReader<T>
    {
        internal List<T> Items { get; } = [];

        public void Restart() => Items.Clear();

        public void Read(in T item) => Items.Add(item);
    }

    /// <summary>What came of a request. <c>default</c>: it was carried out.</summary>
    private readonly record struct Answer(Errno Errno, string? KernelMessage)
    {
        internal static Answer Of(in NetlinkMessage message)
        {
            Errno errno = message.ReadError();
            return errno == Errno.None ? default : new Answer(errno, message.ReadKernelMessage());
        }

        internal static Answer NotSent(Errno errno) => new(errno, "not sent");

        internal static Answer NotReceived(Errno errno) => new(errno, "the answer was lost");

        internal NetlinkException ToException<TSubject>(string operation, TSubject subject) =>
            new($"{operation} {subject}".TrimEnd(), Errno, KernelMessage);
    }
}
