namespace FlannelCni.Agent.Leases.Etcd.Protocol;

/// <summary><c>message AuthenticateRequest</c> and <c>AuthenticateResponse</c>, etcd's rpc.proto.</summary>
internal static class Authenticate
{
    internal static byte[] WriteRequest(string name, string password) =>
        new ProtoWriter().String(1, name).String(2, password).ToArray();

    /// <summary>The token.</summary>
    internal static string Read(ProtoReader reader)
    {
        string token = "";
        while (reader.Next(out int field))
        {
            if (field == 2)
            {
                token = reader.String();
            }
            else
            {
                reader.Skip();
            }
        }

        return token;
    }
}
