namespace FlannelCni.Agent.Leases.Etcd.Protocol;

/// <summary><c>message WatchCreateRequest</c>, etcd's rpc.proto.</summary>
/// <param name="StartRevision">The first to hear of.</param>
/// <param name="DeletesOnly">The filter NOPUT.</param>
internal readonly record struct WatchCreateRequest(KeyRange Range, long StartRevision, bool DeletesOnly = false)
{
    // repeated FilterType filters, packed: NOPUT is 0
    private static readonly byte[] s_noPut = [0];

    /// <summary>
    /// Wrapped in a <c>WatchRequest</c>, asking for word of the revision when nothing happens (progress_notify), and
    /// for what would be a very long message in several (fragment).
    /// </summary>
    internal byte[] Write() => new ProtoWriter()
        .Message(1, new ProtoWriter()
            .Bytes(1, Range.KeyBytes)
            .Bytes(2, Range.EndBytes)
            .Int64(3, StartRevision)
            .Bool(4, true)
            .Bytes(5, DeletesOnly ? s_noPut : [])
            .Bool(8, true)
            .ToArray())
        .ToArray();
}

/// <summary><c>message WatchResponse</c>.</summary>
/// <param name="CompactRevision">Not 0: what was asked for is forgotten up to here; the watch is over.</param>
/// <param name="Fragment">The next message goes on with the same revision.</param>
internal sealed record WatchResponse(
    ResponseHeader Header,
    bool Created,
    bool Canceled,
    long CompactRevision,
    string CancelReason,
    bool Fragment,
    IReadOnlyList<WatchEvent> Events)
{
    internal static WatchResponse Read(ProtoReader reader)
    {
        List<WatchEvent> events = [];
        WatchResponse result = new(default, false, false, 0, "", false, events);
        while (reader.Next(out int field))
        {
            switch (field)
            {
                case 1:
                    result = result with { Header = ResponseHeader.Read(reader.Message()) };
                    break;
                case 3:
                    result = result with { Created = reader.Bool() };
                    break;
                case 4:
                    result = result with { Canceled = reader.Bool() };
                    break;
                case 5:
                    result = result with { CompactRevision = reader.Int64() };
                    break;
                case 6:
                    result = result with { CancelReason = reader.String() };
                    break;
                case 7:
                    result = result with { Fragment = reader.Bool() };
                    break;
                case 11:
                    events.Add(WatchEvent.Read(reader.Message()));
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return result;
    }
}

/// <summary><c>message Event</c>, etcd's mvccpb/kv.proto. Of a deleted key only name and revision are left.</summary>
internal readonly record struct WatchEvent(bool IsDelete, KeyValue Kv)
{
    internal static WatchEvent Read(ProtoReader reader)
    {
        WatchEvent result = new(false, new KeyValue("", [], 0, 0, 0));
        while (reader.Next(out int field))
        {
            switch (field)
            {
                case 1:
                    result = result with { IsDelete = reader.Int64() == 1 };
                    break;
                case 2:
                    result = result with { Kv = KeyValue.Read(reader.Message()) };
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return result;
    }
}
