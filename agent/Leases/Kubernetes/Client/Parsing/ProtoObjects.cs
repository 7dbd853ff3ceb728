using System.Text;

namespace FlannelCni.Agent.Leases.Kubernetes.Client.Parsing;

/// <summary>The API's objects in protobuf, as far as we want them. Field numbers: the API's .proto files.</summary>
internal static class ProtoObjects
{
    /// <summary>What every body and every watched object begins with.</summary>
    internal static ReadOnlySpan<byte> Magic => "k8s\0"u8;

    /// <summary>Opens a <c>runtime.Unknown</c>: <c>k8s\0</c>, then type, then the object's own bytes.</summary>
    /// <param name="kind">Empty: it does not say.</param>
    /// <exception cref="InvalidDataException">It is none.</exception>
    internal static ReadOnlySpan<byte> Open(ReadOnlySpan<byte> envelope, out string kind)
    {
        if (!envelope.StartsWith(Magic))
        {
            throw new InvalidDataException("protobuf: the object does not begin with k8s\\0");
        }

        kind = "";
        ReadOnlySpan<byte> raw = default;
        ProtoSpan fields = new(envelope[Magic.Length..]);
        while (fields.Next(out int field))
        {
            switch (field)
            {
                case 1:
                    kind = ReadKind(fields.Bytes);
                    break;
                case 2:
                    raw = fields.Bytes;
                    break;
            }
        }

        return raw;
    }

    /// <summary>The kind of a <c>runtime.TypeMeta</c>.</summary>
    internal static string ReadKind(ReadOnlySpan<byte> typeMeta)
    {
        string kind = "";
        ProtoSpan fields = new(typeMeta);
        while (fields.Next(out int field))
        {
            if (field == 2)
            {
                kind = Text(fields.Bytes);
            }
        }

        return kind;
    }

    /// <summary><c>metav1.ListMeta</c>.</summary>
    internal static void ReadListMeta(ReadOnlySpan<byte> message, ParsedNodes found)
    {
        ProtoSpan fields = new(message);
        while (fields.Next(out int field))
        {
            switch (field)
            {
                case 2:
                    found.ResourceVersion = Text(fields.Bytes);
                    break;
                case 3:
                    found.Continue = fields.Bytes.IsEmpty ? null : Text(fields.Bytes);
                    break;
            }
        }
    }

    /// <summary><c>metav1.Status</c>.</summary>
    internal static ApiStatus ReadStatus(ReadOnlySpan<byte> message)
    {
        (long code, string reason, string text, long retryAfter) = (0, "", "", 0);
        ProtoSpan fields = new(message);
        while (fields.Next(out int field))
        {
            switch (field)
            {
                case 3:
                    text = Text(fields.Bytes);
                    break;
                case 4:
                    reason = Text(fields.Bytes);
                    break;
                case 5:
                    ProtoSpan details = new(fields.Bytes);
                    while (details.Next(out int detail))
                    {
                        retryAfter = detail == 5 ? details.Int64 : retryAfter;
                    }

                    break;
                case 6:
                    code = fields.Int64;
                    break;
            }
        }

        return new ApiStatus((int)code, reason, text, (int)retryAfter);
    }

    /// <summary><c>v1.Node</c>, added to what the builder has.</summary>
    internal static void ReadNode(ReadOnlySpan<byte> message, NodeBuilder node)
    {
        ProtoSpan fields = new(message);
        while (fields.Next(out int field))
        {
            switch (field)
            {
                case 1:
                    ReadMetadata(fields.Bytes, node);
                    break;
                case 2:
                    ReadSpec(fields.Bytes, node);
                    break;
                case 3:
                    ReadNodeStatus(fields.Bytes, node);
                    break;
            }
        }
    }

    private static void ReadMetadata(ReadOnlySpan<byte> message, NodeBuilder node)
    {
        ProtoSpan fields = new(message);
        while (fields.Next(out int field))
        {
            switch (field)
            {
                case 1:
                    node.SetName(fields.Bytes);
                    break;
                case 5:
                    node.SetUid(fields.Bytes);
                    break;
                case 6:
                    node.SetResourceVersion(fields.Bytes);
                    break;
                case 8:
                    node.SetCreatedAt(ReadSeconds(fields.Bytes));
                    break;
                case 12:
                    ReadPair(fields.Bytes, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value, out _);
                    node.AddAnnotation(name, value);
                    break;
            }
        }
    }

    private static void ReadSpec(ReadOnlySpan<byte> message, NodeBuilder node)
    {
        ProtoSpan fields = new(message);
        while (fields.Next(out int field))
        {
            switch (field)
            {
                case 1:
                    node.SetPodCidr(fields.Bytes);
                    break;
                case 7:
                    node.AddPodCidr(fields.Bytes);
                    break;
            }
        }
    }

    private static void ReadNodeStatus(ReadOnlySpan<byte> message, NodeBuilder node)
    {
        ProtoSpan fields = new(message);
        while (fields.Next(out int field))
        {
            switch (field)
            {
                case 4:
                    ReadPair(
                        fields.Bytes, out ReadOnlySpan<byte> type, out ReadOnlySpan<byte> status,
                        out ReadOnlySpan<byte> reason);
                    node.AddCondition(type, status, reason);
                    break;
                case 5:
                    ReadPair(fields.Bytes, out ReadOnlySpan<byte> kind, out ReadOnlySpan<byte> address, out _);
                    node.AddAddress(kind, address);
                    break;
            }
        }
    }

    /// <summary>Fields 1, 2 and 5: a map's entry, a NodeAddress, a NodeCondition.</summary>
    private static void ReadPair(
        ReadOnlySpan<byte> message,
        out ReadOnlySpan<byte> first,
        out ReadOnlySpan<byte> second,
        out ReadOnlySpan<byte> fifth)
    {
        first = second = fifth = default;
        ProtoSpan fields = new(message);
        while (fields.Next(out int field))
        {
            switch (field)
            {
                case 1:
                    first = fields.Bytes;
                    break;
                case 2:
                    second = fields.Bytes;
                    break;
                case 5:
                    fifth = fields.Bytes;
                    break;
            }
        }
    }

    /// <summary>Those of a <c>metav1.Time</c>.</summary>
    private static long ReadSeconds(ReadOnlySpan<byte> message)
    {
        long seconds = 0;
        ProtoSpan fields = new(message);
        while (fields.Next(out int field))
        {
            seconds = field == 1 ? fields.Int64 : seconds;
        }

        return seconds;
    }

    private static string Text(ReadOnlySpan<byte> text) => text.Length <= ParseLimits.TextSize
        ? Encoding.UTF8.GetString(text)
        : throw new InvalidDataException($"a text of {text.Length} bytes where the API has short ones");
}
