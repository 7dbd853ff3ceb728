using System.Text;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Rtnetlink;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.UnitTests.Plugin.Spec;

/// <summary>A result in every version, character by character.</summary>
public sealed class ResultPrinterTests
{
    private const string Before1 = """
        {
            "cniVersion": "VERSION",
            "interfaces": [
                {
                    "name": "cni0",
                    "mac": "0a:58:0a:01:11:01"
                },
                {
                    "name": "eth0",
                    "mac": "0a:58:0a:01:11:02",
                    "sandbox": "/run/netns/pod"
                }
            ],
            "ips": [
                {
                    "version": "4",
                    "interface": 0,
                    "address": "10.1.17.2/24",
                    "gateway": "10.1.17.1"
                },
                {
                    "version": "6",
                    "address": "fc00::2/64"
                }
            ],
            "routes": [
                {
                    "dst": "10.1.0.0/16"
                },
                {
                    "dst": "::/0",
                    "gw": "fc00::1",
                    "mtu": 1400,
                    "advmss": 1300,
                    "priority": 5,
                    "table": 0,
                    "scope": 253
                }
            ],
            "dns": {}
        }
        """;

    private const string From1 = """
        {
            "cniVersion": "VERSION",
            "interfaces": [
                {
                    "mac": "0a:58:0a:01:11:01",
                    "mtu": 1450,
                    "name": "cni0",
                    "pciID": "0000:00:01.0",
                    "socketPath": "/s"
                },
                {
                    "mac": "0a:58:0a:01:11:02",
                    "name": "eth0",
                    "sandbox": "/run/netns/pod"
                }
            ],
            "ips": [
                {
                    "address": "10.1.17.2/24",
                    "gateway": "10.1.17.1",
                    "interface": 0
                },
                {
                    "address": "fc00::2/64"
                }
            ],
            "routes": [
                {
                    "dst": "10.1.0.0/16"
                },
                {
                    "advmss": 1300,
                    "dst": "::/0",
                    "gw": "fc00::1",
                    "mtu": 1400,
                    "priority": 5,
                    "scope": 253,
                    "table": 0
                }
            ]
        }
        """;

    private const string ByFamily = """
        {
            "cniVersion": "VERSION",
            "ip4": {
                "ip": "10.1.17.2/24",
                "gateway": "10.1.17.1",
                "routes": [
                    {
                        "dst": "10.1.0.0/16"
                    }
                ]
            },
            "ip6": {
                "ip": "fc00::2/64",
                "routes": [
                    {
                        "dst": "::/0",
                        "gw": "fc00::1"
                    }
                ]
            },
            "dns": {}
        }
        """;

    private static readonly CniResult s_result = new()
    {
        Interfaces =
        [
            new("cni0", "0a:58:0a:01:11:01", "") { Mtu = 1450, SocketPath = "/s", PciId = "0000:00:01.0" },
            new("eth0", "0a:58:0a:01:11:02", "/run/netns/pod"),
        ],
        Ips =
        [
            new(IpPrefix.Parse("10.1.17.2/24"), IpAddr.Parse("10.1.17.1"), 0),
            new(IpPrefix.Parse("fc00::2/64"), default, null),
        ],
        Routes =
        [
            new(IpPrefix.Parse("10.1.0.0/16"), default),
            new(IpPrefix.Parse("::/0"), IpAddr.Parse("fc00::1"))
            {
                Mtu = 1400,
                AdvertisedMss = 1300,
                Priority = 5,
                Table = 0,
                Scope = RouteScope.RT_SCOPE_LINK,
            },
        ],
    };

    [Theory]
    [InlineData("0.1.0", ByFamily)]
    [InlineData("0.2.0", ByFamily)]
    [InlineData("0.3.0", Before1)]
    [InlineData("0.3.1", Before1)]
    [InlineData("0.4.0", Before1)]
    [InlineData("1.0.0", From1)]
    [InlineData("1.1.0", From1)]
    public void A_result_has_its_versions_shape(string version, string expected)
    {
        Assert.Equal(
            expected.Replace("VERSION", version, StringComparison.Ordinal),
            Encoding.UTF8.GetString(ResultPrinter.Print(s_result, version)));
    }

    [Fact]
    public void Name_service_is_printed_in_the_order_of_its_version()
    {
        CniResult result = new()
        {
            Dns = new() { Nameservers = ["1.1.1.1"], Domain = "d", Search = ["s"], Options = ["ndots:5"] },
        };

        string before1 = Encoding.UTF8.GetString(ResultPrinter.Print(result, "0.4.0"));
        string from1 = Encoding.UTF8.GetString(ResultPrinter.Print(result, "1.0.0"));

        Assert.Equal(["cniVersion", "dns", "nameservers", "domain", "search", "options"], Keys(before1));
        Assert.Equal(["cniVersion", "dns", "domain", "nameservers", "options", "search"], Keys(from1));
    }

    [Theory]
    [InlineData("0.1.0")]
    [InlineData("0.2.0")]
    public void Without_addresses_the_oldest_versions_have_nothing_to_say(string version)
    {
        CniException e = Assert.Throws<CniException>(() => ResultPrinter.Print(new CniResult(), version));

        Assert.Equal("cannot convert: no valid IP addresses", e.Message);
    }

    [Theory]
    [InlineData("0.3.1")]
    [InlineData("0.4.0")]
    [InlineData("1.0.0")]
    [InlineData("1.1.0")]
    [InlineData("0.2.0")]
    public void A_printed_result_reads_the_same(string version)
    {
        byte[] printed = ResultPrinter.Print(s_result, version);

        CniResult read = ResultReader.Read(printed, "1.1.0", out string readVersion);

        Assert.Equal(version, readVersion);
        Assert.Equal(printed, ResultPrinter.Print(read, version));
    }

    [Fact]
    public void An_error_is_a_document_without_a_version()
    {
        Assert.Equal(
            """
            {
                "code": 7,
                "msg": "missing \u003cname\u003e",
                "details": "d"
            }
            """,
            Encoding.UTF8.GetString(
                new CniException(CniErrorCode.InvalidNetworkConfig, "missing <name>", "d").ToJson()));
    }

    private static IEnumerable<string> Keys(string json) => json
        .Split('"')
        .Where((_, i) => i % 2 == 1)
        .Where(word => json.Contains($"\"{word}\":", StringComparison.Ordinal));
}
