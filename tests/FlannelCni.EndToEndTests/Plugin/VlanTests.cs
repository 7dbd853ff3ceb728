using System.Text.Json;
using FlannelCni.TestKit;

namespace FlannelCni.EndToEndTests.Plugin;

/// <summary>Pods in VLANs of the bridge.</summary>
[Trait(KernelTrait.Name, KernelTrait.Guest)]
public sealed class VlanTests : IDisposable
{
    private readonly CniHost _host;

    public VlanTests()
    {
        KernelTrait.RequireGuest();
        _host = new CniHost { Version = "1.0.0" };
    }

    public void Dispose() => _host.Dispose();

    [Fact]
    public void A_VLANs_pods_reach_each_other_and_the_gateway_and_nobody_else()
    {
        CniPod[] pods = [_host.NewPod(), _host.NewPod(), _host.NewPod()];
        _host.Delegate = """{ "vlan": 100, "isDefaultGateway": true }""";
        JsonElement result = _host.Add(pods[0]).Success();
        _host.Add(pods[1]).Success();
        _host.Delegate = """{ "vlan": 200, "isGateway": false }""";
        _host.Add(pods[2]).Success();

        foreach (string address in (string[])["10.42.3.1", "10.42.3.3", "fd00:42:0:3::1", "fd00:42:0:3::3"])
        {
            pods[0].Ping(address);
        }

        Assert.Throws<InvalidOperationException>(() => pods[2].Ping("10.42.3.2"));
        JsonElement gateway = result.GetProperty("interfaces")[3];
        Assert.Equal("cni0.100", gateway.GetProperty("name").GetString());
        Assert.False(gateway.TryGetProperty("sandbox", out _));
        Assert.Equal(
            gateway.GetProperty("mac").GetString(),
            _host.Node.ShellJson("ip -json link show cni0.100")[0].GetProperty("address").GetString());
        Assert.Equal(["100 PVID Egress Untagged"], VlansOf(PortOf(result)));
    }

    [Fact]
    public void The_gateway_outlives_the_pods_and_is_completed_when_it_is_not_whole()
    {
        _host.Delegate = """{ "vlan": 100, "isDefaultGateway": true }""";
        CniPod first = _host.NewPod();
        _host.Add(first).Success();
        _host.Delete(first).SilentSuccess();
        string port = _host.Ports().Single(static name => name.StartsWith("veth", StringComparison.Ordinal));
        _host.Node.Shell($"bridge vlan del dev {port} vid 100; bridge vlan add dev {port} vid 1 pvid untagged");
        _host.Node.Shell("ip link set cni0.100 down");
        CniPod second = _host.NewPod();

        _host.Add(second).Success();

        second.Ping("10.42.3.1");
        Assert.Equal(["100 PVID Egress Untagged"], VlansOf(port));
    }

    [Fact]
    public void A_trunk_carries_its_VLANs_with_their_tags_and_no_other()
    {
        CniPod access = _host.NewPod();
        CniPod trunk = _host.NewPod();
        _host.Delegate = """{ "vlan": 101, "isGateway": false }""";
        _host.Add(access).Success();
        _host.Delegate =
            """{ "isGateway": false, "vlanTrunk": [ { "id": 101 }, { "minID": 200, "maxID": 202, "id": 7 } ] }""";
        JsonElement result = _host.Add(trunk).Success();

        Assert.Equal(["1 PVID Egress Untagged", "7", "101", "200", "201", "202"], VlansOf(PortOf(result)));
        trunk.Node.Shell(
            """
            ip link add link eth0 name tagged type vlan id 101
            ip address flush dev eth0
            ip address add 10.42.3.50/24 dev tagged
            ip link set tagged up
            """);
        trunk.Ping("10.42.3.2");
    }

    [Theory]
    [InlineData("""{ "vlan": 100, "vlanTrunk": [ { "id": 5 } ] }""", "5|100 PVID Egress Untagged")]
    [InlineData("""{ "vlan": 100, "preserveDefaultVlan": true }""", "1 Egress Untagged|100 PVID Egress Untagged")]
    [InlineData("""{ "vlan": 5, "vlanTrunk": [ { "minID": 4, "maxID": 6 } ] }""", "4|5 PVID Egress Untagged|6")]
    [InlineData("""{ "vlanTrunk": [] }""", "1 PVID Egress Untagged")]
    public void A_port_has_the_VLANs_that_were_asked_for(string users, string expected)
    {
        _host.Delegate = users;
        _host.Ipam = """, "type": "" """;

        JsonElement result = _host.Add(_host.NewPod()).Success();

        Assert.Equal(expected.Split('|'), VlansOf(PortOf(result)));
        JsonElement bridge = _host.Node.ShellJson("ip -json -details link show cni0")[0];
        Assert.Equal(
            1, bridge.GetProperty("linkinfo").GetProperty("info_data").GetProperty("vlan_filtering").GetInt32());
    }

    [Fact]
    public void A_bridge_that_does_not_keep_VLANs_apart_is_mentioned_and_left_as_it_is()
    {
        _host.Node.Shell("ip link add cni0 type bridge");
        _host.Delegate = """{ "vlan": 100, "isGateway": false }""";

        CniAnswer answer = _host.Add(_host.NewPod());

        answer.Success();
        Assert.Contains("cni0 was made without VLAN filtering", answer.Error, StringComparison.Ordinal);
        Assert.Contains("vlan_filtering 0", _host.Node.Shell("ip -details link show cni0"), StringComparison.Ordinal);
    }

    [Fact]
    public void CHECK_says_which_VLAN_is_not_as_it_was()
    {
        _host.Delegate =
            """{ "vlan": 100, "vlanTrunk": [ { "minID": 200, "maxID": 202 } ], "isDefaultGateway": true }""";
        CniPod pod = _host.NewPod();
        JsonElement result = _host.Add(pod).Success();
        _host.More = $", \"prevResult\": {result.GetRawText()}";
        string port = PortOf(result);
        string gateway = _host.Ports().Single(
            name => name.StartsWith("veth", StringComparison.Ordinal) && name != port);
        _host.Call("CHECK", pod).SilentSuccess();

        // The guest is slow: one pod, and each harm is undone.
        foreach ((string harm, string remedy, string expected) in (ReadOnlySpan<(string, string, string)>)
        [
            ("bridge vlan del dev PORT vid 202", "bridge vlan add dev PORT vid 202", "PORT is not in VLAN 202"),
            ("bridge vlan add dev PORT vid 300", "bridge vlan del dev PORT vid 300", "PORT is in VLAN 300, too"),
            ("bridge vlan add dev PORT vid 100",
                "bridge vlan add dev PORT vid 100 pvid untagged",
                "PORT is in VLAN 100, but not with frames without a tag"),
            ("bridge vlan add dev GATEWAY vid 7 untagged",
                "bridge vlan del dev GATEWAY vid 7",
                "GATEWAY is in VLAN 7, too"),
            ("ip link set cni0.100 down", "ip link set cni0.100 up", "the VLAN's gateway cni0.100 is down"),
            ("ip link set GATEWAY nomaster", "", "the VLAN's gateway cni0.100 does not lead to bridge cni0"),
            ("ip link del cni0.100", "", "the VLAN's gateway cni0.100 is gone"),
        ])
        {
            _host.Node.Shell(Named(harm));
            _host.Call("CHECK", pod).Failure(999, $"check: {Named(expected)}");
            _host.Node.Shell(Named(remedy));
        }

        string Named(string text) => text
            .Replace("PORT", port, StringComparison.Ordinal).Replace("GATEWAY", gateway, StringComparison.Ordinal);
    }

    [Fact]
    public void CHECK_finds_right_what_was_just_made()
    {
        foreach (string users in (string[])
        [
            """{ "vlan": 100, "preserveDefaultVlan": true, "isGateway": false }""",
            """{ "vlanTrunk": [ { "minID": 2, "maxID": 4094 } ], "isGateway": false }""",
            """{ "vlan": 5, "vlanTrunk": [ { "minID": 4, "maxID": 6 } ], "isDefaultGateway": true }""",
        ])
        {
            (_host.Delegate, _host.More) = (users, "");
            CniPod pod = _host.NewPod();
            _host.More = $", \"prevResult\": {_host.Add(pod).Success().GetRawText()}";

            _host.Call("CHECK", pod).SilentSuccess();
        }
    }

    private static string PortOf(JsonElement result) =>
        result.GetProperty("interfaces")[1].GetProperty("name").GetString()!;

    /// <summary>As <c>bridge vlan show</c> words them.</summary>
    private string[] VlansOf(string port) => [.. _host.Node
        .Shell($"bridge vlan show dev {port} | tail -n +2")
        .Replace(port, "", StringComparison.Ordinal)
        .Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)];
}
