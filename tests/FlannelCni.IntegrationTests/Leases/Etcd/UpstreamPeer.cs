using System.Text.Json;
using FlannelCni.Linux.Net;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.Leases.Etcd;

/// <summary>
/// An agent as upstream's is towards etcd, by etcdctl: a new grant (there: lease) for each write, creation guarded by
/// the one key's absence, renewal by a put without a guard, others known by their PublicIP.
/// </summary>
internal sealed class UpstreamPeer(EtcdServer etcd, string prefix, string publicIP)
{
    private readonly Random _random = new(publicIP.GetHashCode(StringComparison.Ordinal));

    internal string Key { get; private set; } = "";

    // As Go's encoding/json writes it.
    private string Value =>
        $"{{\"PublicIP\":\"{publicIP}\",\"PublicIPv6\":null,\"BackendType\":\"vxlan\","
        + "\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"0e:00:00:00:00:09\"}}";

    /// <summary>Leases that it knows of, by key: PublicIP.</summary>
    internal Dictionary<string, string> List()
    {
        Dictionary<string, string> leases = [];
        using JsonDocument answer = JsonDocument.Parse(etcd.Control($"get --prefix {prefix}/subnets -w json"));
        if (answer.RootElement.TryGetProperty("kvs", out JsonElement kvs))
        {
            foreach (JsonElement kv in kvs.EnumerateArray())
            {
                string key = System.Text.Encoding.UTF8.GetString(kv.GetProperty("key").GetBytesFromBase64());
                using JsonDocument value = JsonDocument.Parse(kv.GetProperty("value").GetBytesFromBase64());

                // One that is without a grant it reads as one whose time is over; it is there all the same.
                leases[key[(key.LastIndexOf('/') + 1)..]] =
                    value.RootElement.GetProperty("PublicIP").GetString() ?? "";
            }
        }

        return leases;
    }

    /// <summary>As its AcquireLease; a lost race is an error there, and it is started again.</summary>
    internal void Acquire(int firstSubnet, int lastSubnet)
    {
        while (Key.Length == 0)
        {
            Dictionary<string, string> leases = List();
            if (leases.FirstOrDefault(lease => lease.Value == publicIP).Key is string own)
            {
                Key = own;
                Renew();
                return;
            }

            string[] free =
            [
                .. Enumerable.Range(firstSubnet, lastSubnet - firstSubnet + 1)
                    .Select(static number => $"10.5.{number}.0-24")
                    .Where(name => !leases.Keys.Any(key => Overlaps(key, name))),
            ];
            string name = free[_random.Next(free.Length)];
            string answer = etcd.Control(
                "txn", $"version(\"{prefix}/subnets/{name}\") = \"0\"\n\n{Put(name)}\n\n\n");
            Key = answer.StartsWith("SUCCESS", StringComparison.Ordinal) ? name : "";
        }
    }

    /// <summary>A new grant, and a put whoever has the key.</summary>
    internal void Renew() => etcd.Control("txn", $"\n{Put(Key)}\n\n\n");

    private string Put(string name) =>
        $"put --lease={Grant()} {prefix}/subnets/{name} \"{Value.Replace("\"", "\\\"", StringComparison.Ordinal)}\"";

    // "lease 32695410dcc0ca06 granted with TTL(86400s)"
    private string Grant() => etcd.Control("lease grant 86400").Split(' ')[1];

    private static bool Overlaps(string key, string name) =>
        IpPrefix.Parse(key.Split('&')[0].Replace('-', '/')).Overlaps(IpPrefix.Parse(name.Replace('-', '/')));
}
