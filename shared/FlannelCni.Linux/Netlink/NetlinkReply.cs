using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FlannelCni.Linux.Interop;

namespace FlannelCni.Linux.Netlink;

/// <summary>Walks the messages of one received datagram.</summary>
public ref struct NetlinkReply(ReadOnlySpan<byte> datagram)
{
    private ReadOnlySpan<byte> _rest = datagram;

    public NetlinkMessage Current { get; private set; }

    public readonly NetlinkReply GetEnumerator() => this;

    /// <exception cref="InvalidDataException">A length below the header or past the end.</exception>
    public bool MoveNext()
    {
        if (_rest.IsEmpty)
        {
            return false;
        }

        if (_rest.Length < NlMsgHdr.Size)
        {
            throw new InvalidDataException($"netlink message: {_rest.Length} bytes where a header of 16 was expected");
        }

        NlMsgHdr header = MemoryMarshal.Read<NlMsgHdr>(_rest);
        if (header.Length < NlMsgHdr.Size || header.Length > _rest.Length)
        {
            throw new InvalidDataException(
                $"netlink message of type {header.Type}: length {header.Length} of {_rest.Length} bytes");
        }

        Current = new NetlinkMessage(header, _rest[NlMsgHdr.Size..(int)header.Length]);
        _rest = _rest[Math.Min(((int)header.Length + 3) & ~3, _rest.Length)..];
        return true;
    }
}

/// <summary>One message: its header, and what follows it.</summary>
public readonly ref struct NetlinkMessage(NlMsgHdr header, ReadOnlySpan<byte> body)
{
    public NlMsgHdr Header { get; } = header;

    /// <summary>The family's header and the attributes.</summary>
    public ReadOnlySpan<byte> Body { get; } = body;

    /// <summary>Splits the body into the family's header and its attributes.</summary>
    /// <exception cref="InvalidDataException">The body is shorter than the header.</exception>
    public THeader Split<THeader, TAttr>(out AttributeReader<TAttr> attributes)
        where THeader : unmanaged
        where TAttr : unmanaged, Enum
    {
        int size = Unsafe.SizeOf<THeader>();
        if (Body.Length < size)
        {
            throw new InvalidDataException(
                $"netlink message {Header.Type}: {Body.Length} bytes, {size} at least expected");
        }

        attributes = new AttributeReader<TAttr>(Body[Math.Min((size + 3) & ~3, Body.Length)..]);
        return MemoryMarshal.Read<THeader>(Body);
    }

    /// <summary>Of NLMSG_ERROR and NLMSG_DONE: the error number, None where all went well.</summary>
    internal Errno ReadError() =>
        Body.Length >= sizeof(int)
            ? (Errno)(-MemoryMarshal.Read<int>(Body))
            : throw new InvalidDataException($"netlink answer {Header.Type}: {Body.Length} bytes, an errno expected");

    /// <summary>Of NLMSG_ERROR and NLMSG_DONE with NLM_F_ACK_TLVS: the kernel's sentence, if there is one.</summary>
    internal string? ReadKernelMessage()
    {
        if ((Header.Flags & NlMsgFlags.NLM_F_ACK_TLVS) == 0)
        {
            return null;
        }

        // After the error number an NLMSG_ERROR repeats the request's header and, unless capped, its payload.
        ReadOnlySpan<byte> rest = Body[sizeof(int)..];
        if (Header.Type == NlMsgType.NLMSG_ERROR)
        {
            bool isCapped = (Header.Flags & NlMsgFlags.NLM_F_CAPPED) != 0;
            uint request = rest.Length < NlMsgHdr.Size ? uint.MaxValue
                : isCapped ? NlMsgHdr.Size
                : MemoryMarshal.Read<uint>(rest);
            if (request > rest.Length)
            {
                throw new InvalidDataException($"netlink error: {rest.Length} bytes, the request's {request} expected");
            }

            rest = rest[Math.Min(((int)request + 3) & ~3, rest.Length)..];
        }

        foreach (NetlinkAttribute<NlMsgErrAttr> attribute in new AttributeReader<NlMsgErrAttr>(rest))
        {
            if (attribute.Type == NlMsgErrAttr.NLMSGERR_ATTR_MSG)
            {
                return attribute.ReadString();
            }
        }

        return null;
    }
}
