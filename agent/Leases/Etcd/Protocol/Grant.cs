namespace FlannelCni.Agent.Leases.Etcd.Protocol;

/// <summary>
/// <c>message LeaseGrantResponse</c> and <c>LeaseKeepAliveResponse</c>, etcd's rpc.proto. What etcd calls a lease is
/// a grant here: a time limit that keys hang on. A flannel lease is a key.
/// </summary>
/// <param name="Ttl">In seconds, as first granted; 0 from a keep-alive: there is no such grant any more.</param>
internal readonly record struct Grant(long Id, long Ttl)
{
    internal static byte[] WriteGrantRequest(long id, long ttlSeconds) =>
        new ProtoWriter().Int64(1, ttlSeconds).Int64(2, id).ToArray();

    internal static byte[] WriteKeepAliveRequest(long id) => new ProtoWriter().Int64(1, id).ToArray();

    internal static Grant Read(ProtoReader reader)
    {
        Grant result = default;
        while (reader.Next(out int field))
        {
            switch (field)
            {
                case 2:
                    result = result with { Id = reader.Int64() };
                    break;
                case 3:
                    result = result with { Ttl = reader.Int64() };
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return result;
    }
}
