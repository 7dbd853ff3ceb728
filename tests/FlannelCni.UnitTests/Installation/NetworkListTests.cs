using System.Text;
using FlannelCni.Agent.Installation;

namespace FlannelCni.UnitTests.Installation;

/// <summary>What is understood of cni-conf.json, and what of it stays as it was.</summary>
public sealed class NetworkListTests
{
    [Fact]
    public void Every_program_that_an_ADD_starts_is_named_once()
    {
        NetworkList list = Read(
            """
            {"name": "n", "cniVersion": "0.3.1", "plugins": [
              {"type": "flannel", "delegate": {"isDefaultGateway": true}},
              {"type": "portmap", "capabilities": {"portMappings": true}},
              {"type": "ptp", "ipam": {"type": "host-local"}}]}
            """);

        Assert.Equal(["flannel", "host-local", "portmap", "ptp"], list.Plugins);
        Assert.Equal("0.3.1", list.CniVersion);
        Assert.Null(list.CniVersions);
    }

    [Theory]
    [InlineData("""{"type": "bridge"}""", "{}", "host-local")]
    [InlineData("""{"type": "macvlan"}""", "{}", "macvlan,host-local")]
    [InlineData("""{"type": "ipvlan", "ipam": {"type": "dhcp"}}""", """{"type": "static"}""", "ipvlan,static")]
    public void A_delegate_and_its_IPAM_plugin_count(string delegated, string ipam, string started)
    {
        NetworkList list = Read(
            $$"""{"name": "n", "plugins": [{"type": "flannel", "delegate": {{delegated}}, "ipam": {{ipam}}}]}""");

        Assert.Equal($"flannel,{started}", string.Join(',', list.Plugins));
    }

    [Theory]
    [InlineData("", "no JSON")]
    [InlineData("""{"name": "n" """, "no JSON")]
    [InlineData("[]", "no JSON object")]
    [InlineData("""{"name": "n"}""", "\"plugins\" is no list of plugins")]
    [InlineData("""{"name": "n", "plugins": []}""", "\"plugins\" is no list of plugins")]
    [InlineData("""{"name": "n", "plugins": ["flannel"]}""", "plugin 1 of \"plugins\" has no \"type\"")]
    [InlineData("""{"name": "n", "plugins": [{"type": "a"}, {}]}""", "plugin 2 of \"plugins\" has no \"type\"")]
    [InlineData("""{"name": "n", "plugins": [{"type": 7}]}""", "\"type\" is no string")]
    [InlineData("""{"name": "n", "plugins": [{"type": "../sh"}]}""", "\"../sh\" is no plugin's name")]
    [InlineData("""{"plugins": [{"type": "flannel"}]}""", "no \"name\"")]
    [InlineData("""{"name": "", "plugins": [{"type": "flannel"}]}""", "no \"name\"")]
    [InlineData("""{"name": "n", "cniVersion": 1, "plugins": [{"type": "a"}]}""", "\"cniVersion\" is no string")]
    [InlineData("""{"name": "n", "cniVersions": "1", "plugins": [{"type": "a"}]}""", "\"cniVersions\" is no list")]
    public void A_wrong_list_is_refused_with_what_is_wrong(string content, string because)
    {
        FormatException e = Assert.Throws<FormatException>(() => Read(content));

        Assert.Contains(because, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Only_the_versions_change()
    {
        byte[] content = Encoding.UTF8.GetBytes(
            """
            {
              "cniVersion": "0.3.1", "name": "übung",
              "cniVersions": ["9"],
              "plugins": [{"type": "flannel", "big": 12345678901234567890, "delegate": {"x": 1.50, "y": null}}]
            }
            """);

        string changed = Encoding.UTF8.GetString(NetworkList.WithVersions(content, "0.4.0", ["0.4.0", "1.0.0"]));

        Assert.Equal(
            """
            {
              "cniVersion": "0.4.0",
              "cniVersions": [
                "0.4.0",
                "1.0.0"
              ],
              "name": "übung",
              "plugins": [
                {
                  "type": "flannel",
                  "big": 12345678901234567890,
                  "delegate": {
                    "x": 1.50,
                    "y": null
                  }
                }
              ]
            }

            """,
            changed);
    }

    private static NetworkList Read(string content) => NetworkList.Read(Encoding.UTF8.GetBytes(content));
}
