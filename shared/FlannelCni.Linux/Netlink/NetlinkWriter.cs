using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace FlannelCni.Linux.Netlink;

/// <summary>
/// One message in the caller's buffer: <c>nlmsghdr | family header | attributes</c>, each padded to 4.
/// The length lives in the message's own nlmsg_len, so that there is nothing to finish and copies agree.
/// </summary>
/// <typeparam name="THeader">The family's header: <c>ifinfomsg</c>, <c>rtmsg</c> …</typeparam>
/// <typeparam name="TAttr">The enum of the top level's attributes.</typeparam>
public readonly ref struct NetlinkWriter<THeader, TAttr>
    where THeader : unmanaged
    where TAttr : unmanaged, Enum
{
    private readonly Span<byte> _buffer;

    /// <param name="buffer">Where the message is built; too small a one ends in ArgumentOutOfRangeException.</param>
    /// <param name="type">nlmsg_type.</param>
    /// <param name="flags">NLM_F_REQUEST and NLM_F_ACK included; the socket sets the sequence number.</param>
    /// <param name="header">The family's header.</param>
    public NetlinkWriter(Span<byte> buffer, ushort type, NlMsgFlags flags, scoped in THeader header)
    {
        NlMsgHdr message = new()
        {
            Length = (uint)(NlMsgHdr.Size + Align(Unsafe.SizeOf<THeader>())),
            Type = type,
            Flags = flags,
        };
        buffer[..(int)message.Length].Clear();
        MemoryMarshal.Write(buffer, message);
        MemoryMarshal.Write(buffer[NlMsgHdr.Size..], header);
        _buffer = buffer;
    }

    /// <summary>Appends attributes of the top level.</summary>
    public AttributeWriter<TAttr> Attributes => new(_buffer, ref MemoryMarshal.AsRef<uint>(_buffer), nestStart: -1);

    /// <summary>The message as it stands.</summary>
    public Span<byte> Written => _buffer[..(int)MemoryMarshal.Read<uint>(_buffer)];

    private static int Align(int length) => (length + 3) & ~3;
}
