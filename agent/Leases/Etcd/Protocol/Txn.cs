using System.Text;

namespace FlannelCni.Agent.Leases.Etcd.Protocol;

/// <summary><c>message Compare</c>, etcd's rpc.proto: is a number of this key equal to that one?</summary>
internal readonly record struct Compare(KeyRange Range, CompareTarget Target, long Number)
{
    /// <summary>There is no such key.</summary>
    internal static Compare IsAbsent(KeyRange range) => new(range, CompareTarget.VERSION, 0);

    /// <summary>Nobody has written the key since.</summary>
    internal static Compare IsUnchanged(KeyValue kv) =>
        new(KeyRange.Single(kv.Key), CompareTarget.MOD, kv.ModRevision);

    /// <summary>Result stays at EQUAL, which is 0. The number is a oneof: version 4, create 5, mod 6.</summary>
    internal byte[] Write() => new ProtoWriter()
        .Int64(2, (long)Target)
        .Bytes(3, Range.KeyBytes)
        .Int64OfOneof(4 + (int)Target, Number)
        .Bytes(64, Range.EndBytes)
        .ToArray();
}

/// <summary><c>enum CompareTarget</c>.</summary>
internal enum CompareTarget
{
    VERSION = 0,
    CREATE = 1,
    MOD = 2,
}

/// <summary><c>message RequestOp</c>: what a transaction does.</summary>
internal readonly record struct RequestOp(int Field, byte[] Request)
{
    internal static RequestOp Range(RangeRequest request) => new(1, request.Write());

    /// <param name="lease">0: the key is for ever.</param>
    internal static RequestOp Put(string key, byte[] value, long lease) => new(2, new ProtoWriter()
        .Bytes(1, Encoding.UTF8.GetBytes(key))
        .Bytes(2, value)
        .Int64(3, lease)
        .ToArray());

    internal static RequestOp Delete(string key) => new(3, new ProtoWriter()
        .Bytes(1, Encoding.UTF8.GetBytes(key))
        .ToArray());

    internal byte[] Write() => new ProtoWriter().Message(Field, Request).ToArray();
}

/// <summary><c>message TxnRequest</c>.</summary>
internal sealed record TxnRequest(Compare If, IReadOnlyList<RequestOp> Then, IReadOnlyList<RequestOp> Else)
{
    internal byte[] Write()
    {
        ProtoWriter writer = new();
        writer.Message(1, If.Write());
        foreach (RequestOp op in Then)
        {
            writer.Message(2, op.Write());
        }

        foreach (RequestOp op in Else)
        {
            writer.Message(3, op.Write());
        }

        return writer.ToArray();
    }
}

/// <summary><c>message TxnResponse</c>; of the operations' answers only the ranges' keys.</summary>
internal sealed record TxnResponse(ResponseHeader Header, bool Succeeded, IReadOnlyList<KeyValue> Kvs)
{
    internal static TxnResponse Read(ProtoReader reader)
    {
        ResponseHeader header = default;
        bool succeeded = false;
        List<KeyValue> kvs = [];
        while (reader.Next(out int field))
        {
            switch (field)
            {
                case 1:
                    header = ResponseHeader.Read(reader.Message());
                    break;
                case 2:
                    succeeded = reader.Bool();
                    break;
                case 3:
                    ReadOp(reader.Message(), kvs);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return new TxnResponse(header, succeeded, kvs);
    }

    // message ResponseOp: a oneof, of which 1 is a RangeResponse
    private static void ReadOp(ProtoReader reader, List<KeyValue> kvs)
    {
        while (reader.Next(out int field))
        {
            if (field == 1)
            {
                kvs.AddRange(RangeResponse.Read(reader.Message()).Kvs);
            }
            else
            {
                reader.Skip();
            }
        }
    }
}
