namespace FlannelCni.Agent.Leases.Etcd.Protocol;

/// <summary><c>message KeyValue</c>, etcd's mvccpb/kv.proto.</summary>
/// <param name="CreateRevision">Of the key's present life: it ends with a delete.</param>
/// <param name="Lease">Ends the key with it; 0: the key is for ever.</param>
internal sealed record KeyValue(string Key, byte[] Value, long CreateRevision, long ModRevision, long Lease)
{
    internal static KeyValue Read(ProtoReader reader)
    {
        KeyValue result = new("", [], 0, 0, 0);
        while (reader.Next(out int field))
        {
            switch (field)
            {
                case 1:
                    result = result with { Key = reader.String() };
                    break;
                case 2:
                    result = result with { CreateRevision = reader.Int64() };
                    break;
                case 3:
                    result = result with { ModRevision = reader.Int64() };
                    break;
                case 5:
                    result = result with { Value = reader.Bytes() };
                    break;
                case 6:
                    result = result with { Lease = reader.Int64() };
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return result;
    }
}
