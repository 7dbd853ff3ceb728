using System.Globalization;
using System.Text;
using FlannelCni.Linux.Net;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.Net;

/// <summary>Our text of an address against iproute2's.</summary>
public sealed class AddressTextTests
{
    [Fact]
    public void Ip_prints_addresses_as_we_do()
    {
        using TestNode node = TestNode.Create();
        Random random = new(1);
        List<string> expected = [];
        StringBuilder batch = new("link set lo up\n");
        for (int i = 0; i < 200; i++)
        {
            byte[] bytes = new byte[i % 4 == 0 ? 4 : 16];
            random.NextBytes(bytes);
            for (int j = 1; j < bytes.Length; j += 2)
            {
                (bytes[j - 1], bytes[j]) = random.Next(2) == 0 ? ((byte)0, (byte)0) : (bytes[j - 1], bytes[j]);
            }

            bytes[0] = bytes.Length == 4 ? (byte)10 : (byte)0xFD;
            IpPrefix prefix = new(IpAddr.FromBytes(bytes), bytes.Length * 8);
            if (!expected.Contains(prefix.ToString()))
            {
                expected.Add(prefix.ToString());
                batch.Append(CultureInfo.InvariantCulture, $"address add {prefix} dev lo\n");
            }
        }

        node.Shell("ip -batch -", batch.ToString());

        IEnumerable<string> printed = node.ShellJson("ip -json address show lo scope global")[0]
            .GetProperty("addr_info").EnumerateArray()
            .Where(static a => a.TryGetProperty("local", out _))
            .Select(static a => $"{a.GetProperty("local").GetString()}/{a.GetProperty("prefixlen").GetInt32()}");
        Assert.Equal(expected.Order(StringComparer.Ordinal), printed.Order(StringComparer.Ordinal));
        Assert.Equal(
            expected.Order(StringComparer.Ordinal),
            node.Rtnl.ListAddresses(is6: false).Concat(node.Rtnl.ListAddresses(is6: true))
                .Select(static a => a.Prefix.ToString())
                .Where(static a => a is not ("127.0.0.1/8" or "::1/128"))
                .Order(StringComparer.Ordinal));
    }
}
