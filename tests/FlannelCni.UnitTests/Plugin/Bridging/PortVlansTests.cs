using System.Globalization;
using System.Text;
using System.Text.Json;
using FlannelCni.Linux.Rtnetlink;
using FlannelCni.Plugin.Bridging;
using FlannelCni.Plugin.Json;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.UnitTests.Plugin.Bridging;

/// <summary>VLANs as a configuration names them; the sentences are upstream's.</summary>
public sealed class PortVlansTests
{
    [Theory]
    [InlineData("{}", "")]
    [InlineData("""{"vlanTrunk":[]}""", "")]
    [InlineData("""{"vlanTrunk":[{"minID":100,"maxID":105}]}""", "100-105")]
    [InlineData("""{"vlanTrunk":[{"id":10}]}""", "10-10")]
    [InlineData("""{"vlanTrunk":[{"id":101},{"minID":200,"maxID":210}]}""", "101-101 200-210")]
    [InlineData("""{"vlanTrunk":[{"minID":100,"maxID":105,"id":10}]}""", "10-10 100-105")]
    [InlineData("""{"vlanTrunk":[{"minID":5,"maxID":9},{"id":4},{"minID":7,"maxID":12}]}""", "4-12")]
    [InlineData("""{"vlanTrunk":[{"minID":1,"maxID":4094}]}""", "1-4094")]
    public void A_trunk_is_sorted_and_says_each_VLAN_once(string config, string expected)
    {
        PortVlans vlans = Read(config);

        Assert.Equal(expected, string.Join(' ', vlans.Trunk.Select(static range => $"{range.First}-{range.Last}")));
    }

    [Theory]
    [InlineData("{}", false)]
    [InlineData("""{"vlan":0}""", false)]
    [InlineData("""{"vlan":1}""", true)]
    [InlineData("""{"vlanTrunk":[]}""", true)]
    public void A_bridge_keeps_VLANs_apart_as_soon_as_one_is_spoken_of(string config, bool expected) =>
        Assert.Equal(expected, Read(config).IsFiltering);

    [Theory]
    [InlineData("""{"vlan":-100}""", "invalid VLAN ID -100 (must be between 0 and 4094)")]
    [InlineData("""{"vlan":5000}""", "invalid VLAN ID 5000 (must be between 0 and 4094)")]
    [InlineData(
        """{"vlanTrunk":[{"minID":5}]}""",
        "minID and maxID should be configured simultaneously, maxID is missing")]
    [InlineData(
        """{"vlanTrunk":[{"maxID":5}]}""",
        "minID and maxID should be configured simultaneously, minID is missing")]
    [InlineData("""{"vlanTrunk":[{"minID":-1,"maxID":5}]}""", "incorrect trunk minID parameter")]
    [InlineData("""{"vlanTrunk":[{"minID":0,"maxID":5}]}""", "incorrect trunk minID parameter")]
    [InlineData("""{"vlanTrunk":[{"minID":4095,"maxID":5}]}""", "incorrect trunk minID parameter")]
    [InlineData("""{"vlanTrunk":[{"minID":5,"maxID":4095}]}""", "incorrect trunk maxID parameter")]
    [InlineData("""{"vlanTrunk":[{"minID":6,"maxID":5}]}""", "minID is greater than maxID in trunk parameter")]
    [InlineData("""{"vlanTrunk":[{"id":4095}]}""", "incorrect trunk id parameter")]
    [InlineData("""{"vlanTrunk":[{"id":-1}]}""", "incorrect trunk id parameter")]
    public void A_number_that_is_no_VLANs_is_refused(string config, string message)
    {
        CniException e = Assert.Throws<CniException>(() => Read(config));

        Assert.Equal(message, e.Message);
    }

    [Theory]
    [InlineData("""{"vlanTrunk":{}}""")]
    [InlineData("""{"vlanTrunk":[5]}""")]
    [InlineData("""{"vlan":"5"}""")]
    public void A_wrong_type_is_refused(string config) => Assert.Throws<JsonException>(() => Read(config));

    [Theory]
    [InlineData("{}", "7", null)]
    [InlineData("""{"vlanTrunk":[]}""", "7", null)]
    [InlineData("""{"vlan":100}""", "100pu", null)]
    [InlineData("""{"vlan":100}""", "", "is not in VLAN 100")]
    [InlineData("""{"vlan":100}""", "100", "is in VLAN 100, but not with frames without a tag")]
    [InlineData("""{"vlan":100}""", "100u", "is in VLAN 100, but not with frames without a tag")]
    [InlineData("""{"vlan":100}""", "1u 100pu", "is in VLAN 1, too")]
    [InlineData("""{"vlan":100,"preserveDefaultVlan":true}""", "1u 100pu", null)]
    [InlineData("""{"vlan":100,"preserveDefaultVlan":true}""", "10u 100pu", null)]
    [InlineData("""{"vlan":100,"preserveDefaultVlan":true}""", "1u 10u 100pu", "is in VLAN 10, too")]
    [InlineData("""{"vlan":100,"preserveDefaultVlan":true}""", "1 100pu", "is in VLAN 1, too")]
    [InlineData("""{"vlanTrunk":[{"minID":2,"maxID":4094}]}""", "1pu 2-4094", null)]
    [InlineData("""{"vlanTrunk":[{"minID":2,"maxID":9}]}""", "1pu 2-4 6-9", "is not in VLAN 5")]
    [InlineData("""{"vlanTrunk":[{"minID":2,"maxID":9}]}""", "1pu 2-9 10-4094", "is in VLAN 10, too")]
    [InlineData(
        """{"vlanTrunk":[{"id":2},{"id":3}]}""",
        "1pu 2u 3",
        "is in VLAN 2, but not with frames that have its tag")]
    [InlineData("""{"vlan":5,"vlanTrunk":[{"minID":4,"maxID":6}]}""", "4 5pu 6", null)]
    public void A_ports_VLANs_are_those_that_were_asked_for_or_the_first_fault_is_named(
        string config, string found, string? expected) => Assert.Equal(expected, Read(config).FindFault(Vlans(found)));

    /// <param name="text">FIRST or FIRST-LAST, then p for native and u for untagged.</param>
    private static BridgeVlan[] Vlans(string text) => [.. text
        .Split(' ', StringSplitOptions.RemoveEmptyEntries)
        .Select(static vlan =>
        {
            string[] ends = vlan.TrimEnd('p', 'u').Split('-');
            return new BridgeVlan(
                ushort.Parse(ends[0], CultureInfo.InvariantCulture),
                ushort.Parse(ends[^1], CultureInfo.InvariantCulture),
                vlan.Contains('p'),
                vlan.Contains('u'));
        })];

    private static PortVlans Read(string config) =>
        PortVlans.Read(JsonParser.ParseMap(Encoding.UTF8.GetBytes(config)));
}
