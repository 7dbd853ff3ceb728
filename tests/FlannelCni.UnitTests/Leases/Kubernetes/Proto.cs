using System.Buffers.Binary;
using System.Text;

namespace FlannelCni.UnitTests.Leases.Kubernetes;

/// <summary>Protobuf as tests write it, field by field. An encoder of its own: the client has none.</summary>
internal static class Proto
{
    internal static byte[] Message(params byte[][] fields) => [.. fields.SelectMany(static field => field)];

    internal static byte[] Field(int number, params byte[] content) =>
        [.. Varint(((ulong)number << 3) | 2), .. Varint((ulong)content.Length), .. content];

    internal static byte[] Field(int number, string text) => Field(number, Encoding.UTF8.GetBytes(text));

    internal static byte[] Number(int number, ulong value) => [.. Varint((ulong)number << 3), .. Varint(value)];

    internal static byte[] Varint(ulong value)
    {
        List<byte> bytes = [];
        for (; value >= 0x80; value >>= 7)
        {
            bytes.Add((byte)(value | 0x80));
        }

        return [.. bytes, (byte)value];
    }

    /// <summary>A body: <c>k8s\0</c> and a runtime.Unknown.</summary>
    internal static byte[] Body(string kind, byte[] raw) =>
    [
        .. "k8s\0"u8,
        .. Field(1, Message(Field(1, "v1"), Field(2, kind))),
        .. Field(2, raw),
        .. Field(3, ""),
        .. Field(4, ""),
    ];

    /// <summary>A frame of a watch.</summary>
    internal static byte[] Event(string type, string kind, byte[] raw)
    {
        byte[] message = Message(Field(1, type), Field(2, Field(1, Body(kind, raw))));
        byte[] length = new byte[sizeof(int)];
        BinaryPrimitives.WriteInt32BigEndian(length, message.Length);
        return [.. length, .. message];
    }

    internal static byte[] List(string version, string next, params byte[][] nodes) => Body("NodeList", Message(
        [Field(1, Message(Field(2, version), Field(3, next))), .. nodes.Select(static node => Field(2, node))]));
}
