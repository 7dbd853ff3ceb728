using System.Text;

namespace FlannelCni.Agent.Leases.Etcd.Protocol;

/// <summary>Keys from one, inclusive, to another, exclusive; a null end means the one key.</summary>
internal readonly record struct KeyRange(string Key, string? End)
{
    internal byte[] KeyBytes => Encoding.UTF8.GetBytes(Key);

    internal byte[] EndBytes => Encoding.UTF8.GetBytes(End ?? "");

    internal static KeyRange Single(string key) => new(key, null);

    /// <summary>All keys below <paramref name="directory"/>, which ends in a slash.</summary>
    internal static KeyRange Below(string directory) => new(directory, directory[..^1] + '0');    // '/' + 1
}

/// <summary><c>message RangeRequest</c>, etcd's rpc.proto.</summary>
/// <param name="Limit">Of keys in the answer; 0: all.</param>
/// <param name="Revision">Of the past; 0: now.</param>
internal readonly record struct RangeRequest(
    KeyRange Range, bool KeysOnly = false, long Limit = 0, long Revision = 0)
{
    internal byte[] Write() => new ProtoWriter()
        .Bytes(1, Range.KeyBytes)
        .Bytes(2, Range.EndBytes)
        .Int64(3, Limit)
        .Int64(4, Revision)
        .Bool(8, KeysOnly)
        .ToArray();
}

/// <summary><c>message RangeResponse</c>, etcd's rpc.proto.</summary>
/// <param name="More">The limit left some out.</param>
internal sealed record RangeResponse(ResponseHeader Header, IReadOnlyList<KeyValue> Kvs, bool More)
{
    internal static RangeResponse Read(ProtoReader reader)
    {
        ResponseHeader header = default;
        List<KeyValue> kvs = [];
        bool more = false;
        while (reader.Next(out int field))
        {
            switch (field)
            {
                case 1:
                    header = ResponseHeader.Read(reader.Message());
                    break;
                case 2:
                    kvs.Add(KeyValue.Read(reader.Message()));
                    break;
                case 3:
                    more = reader.Bool();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return new RangeResponse(header, kvs, more);
    }
}
