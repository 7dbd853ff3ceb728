namespace FlannelCni.Agent.Leases.Etcd.Protocol;

/// <summary><c>message ResponseHeader</c>, etcd's rpc.proto: whose answer, as of when.</summary>
/// <param name="ClusterId">Another one: another etcd stands at this address now.</param>
/// <param name="Revision">Of the whole store.</param>
internal readonly record struct ResponseHeader(long ClusterId, long Revision)
{
    internal static ResponseHeader Read(ProtoReader reader)
    {
        ResponseHeader result = default;
        while (reader.Next(out int field))
        {
            switch (field)
            {
                case 1:
                    result = result with { ClusterId = reader.Int64() };
                    break;
                case 3:
                    result = result with { Revision = reader.Int64() };
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return result;
    }
}
