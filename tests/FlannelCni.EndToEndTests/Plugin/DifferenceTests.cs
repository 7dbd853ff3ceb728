using System.Diagnostics;
using System.Text.Json;
using FlannelCni.TestKit;

namespace FlannelCni.EndToEndTests.Plugin;

/// <summary>
/// The same rendered configuration given to this plugin and to those of the distribution, each with a host of its own.
/// All that may differ is in <see cref="DeliberateDifferences"/>.
/// </summary>
public sealed class DifferenceTests
{
    private const string Both = CniHost.IPv4 + CniHost.IPv6;
    private const string NoIpam = """, "type": "" """;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    private static readonly string[] s_listings =
    [
        "ip -json -details address show", "ip -json -details -4 route show table all",
        "ip -json -details -6 route show table main", "bridge -json link show", "ip -json rule show",
        "nft -j list ruleset",
        "bridge -json vlan show",
    ];

    // Where each takes a second.
    private static readonly string[] s_listingsOfGuest =
        ["ip -json -details address show", "nft -j list ruleset", "bridge -json vlan show"];

    private static readonly string[] s_podSysctls =
    [
        "net/ipv4/conf/eth0/arp_notify", "net/ipv6/conf/eth0/accept_dad", "net/ipv6/conf/eth0/enhanced_dad",
        "net/ipv6/conf/eth0/disable_ipv6", "net/ipv6/conf/lo/disable_ipv6", "net/ipv6/conf/eth0/accept_ra",
        "net/ipv6/conf/all/forwarding", "net/ipv4/ip_forward",
    ];

    private static readonly string[] s_hostSysctls =
        ["net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding", "net/ipv6/conf/cni0/accept_ra"];

    [Theory]
    [InlineData(CniHost.IPv4, "0.3.1", CniHost.UsualDelegate)]
    [InlineData(Both, "0.4.0", CniHost.UsualDelegate)]
    [InlineData(CniHost.IPv6, "1.0.0", CniHost.UsualDelegate)]
    [InlineData(Both, "1.0.0", """{ "isGateway": true }""")]
    [InlineData(CniHost.IPv4, "0.2.0", """{ "isGateway": false, "mtu": 1300 }""")]
    [InlineData(CniHost.IPv4, "0.3.1", """{ "promiscMode": true, "isDefaultGateway": true }""")]
    [InlineData(Both, "0.1.0", CniHost.UsualDelegate)]
    [InlineData(Both, "0.3.0", """{ "bridge": "br9", "hairpinMode": true, "forceAddress": true, "mtu": 0 }""")]
    [InlineData(CniHost.IPv4, "1.0.0", """{ "isGateway": true, "args": { "cni": { "mac": "c2:11:22:33:44:55" } } }""")]
    [InlineData(CniHost.IPv4, "0.4.0", """{ "isGateway": true, "dns": { "nameservers": [ "192.0.2.53" ] } }""")]
    [InlineData(Both, "1.0.0", """{ "isDefaultGateway": true, "enabledad": true }""")]
    [InlineData(Both, "0.3.1", """{ "isGateway": true, "ipMasq": true, "ipMasqBackend": "iptables" }""")]
    [InlineData(Both, "0.3.1", "{}", """, "type": "" """)]
    [InlineData(Both, "1.0.0", """{ "hairpinMode": true }""", """, "type": "" """)]
    [InlineData(
        CniHost.IPv4,
        "0.3.1",
        CniHost.UsualDelegate,
        """, "routes": [ { "dst": "192.0.2.0/24" }, { "dst": "203.0.113.0/24", "gw": "10.42.3.9" } ]""")]
    public async Task What_the_bridge_plugin_leaves_is_what_ours_does(
        string families, string version, string users, string ipam = "")
    {
        using CniHost ours = new(families) { Version = version, Delegate = users, Ipam = ipam };
        using CniHost theirs = new(families) { Version = version, Delegate = users };

        await AssertSameLife(ours, theirs, "bridge");
    }

    // Plugins before 1.3 leave each port in the bridge's default VLAN.
    [Theory]
    [Trait(KernelTrait.Name, KernelTrait.Guest)]
    [InlineData(Both, """{ "vlan": 100, "preserveDefaultVlan": true, "isDefaultGateway": true }""")]
    [InlineData(CniHost.IPv4, """{ "vlan": 1, "preserveDefaultVlan": true, "hairpinMode": true }""", NoIpam)]
    [InlineData(CniHost.IPv4, """{ "macspoofchk": true, "isGateway": true }""")]
    public async Task What_the_bridge_plugin_leaves_on_Debians_kernel_is_what_ours_does(
        string families, string users, string ipam = "")
    {
        KernelTrait.RequireGuest();
        using CniHost ours = new(families) { Version = "1.0.0", Delegate = users, Ipam = ipam };
        using CniHost theirs = new(families) { Version = "1.0.0", Delegate = users };

        await AssertSameLife(ours, theirs, "bridge");
    }

    [Theory]
    [InlineData("""{ "type": "ptp" }""", "0.3.1")]
    [InlineData("""{ "type": "ptp", "ipMasq": false }""", "1.0.0")]
    [InlineData("""{ "type": "macvlan", "master": "up0", "mode": "bridge" }""", "0.4.0")]
    [InlineData("""{ "type": "macvlan", "master": "up0" }""", "1.0.0")]
    [InlineData(
        """{ "type": "ipvlan", "master": "up0" }""", "0.4.0", Traits = [KernelTrait.Name, KernelTrait.Guest])]
    public async Task What_another_delegate_leaves_is_what_it_leaves_alone(string users, string version)
    {
        using JsonDocument named = JsonDocument.Parse(users);
        string type = named.RootElement.GetProperty("type").GetString()!;
        if (type == "ipvlan")
        {
            KernelTrait.RequireGuest();
        }

        using CniHost ours = new(CniHost.IPv4) { Version = version, Delegate = users };
        using CniHost theirs = new(CniHost.IPv4) { Version = version, Delegate = users };
        foreach (CniHost host in (CniHost[])[ours, theirs])
        {
            host.Node.Shell("ip link add up0 type veth peer name far0; ip link set up0 up; ip link set far0 up");
        }

        await AssertSameLife(ours, theirs, type);
    }

    /// <summary>ADD, a second pod unless in the guest, which is slow, DEL of both: after each the same.</summary>
    private static async Task AssertSameLife(CniHost ours, CniHost theirs, string type)
    {
        theirs.Executable = $"{CniHost.PluginFolder}/{type}";
        (CniPod Ours, CniPod Theirs, string Config)[] pods =
            [.. Enumerable.Range(0, KernelTrait.IsGuest ? 1 : 2).Select(_ => (ours.NewPod(), theirs.NewPod(), ""))];
        for (int i = 0; i < pods.Length; i++)
        {
            CniAnswer ourAnswer = ours.Add(pods[i].Ours);
            string scratch = Path.Combine(ours.DataDir, pods[i].Ours.Id);
            Assert.True(File.Exists(scratch), ourAnswer.Output);
            pods[i].Config = File.ReadAllText(scratch)
                .Replace(ours.IpamDir, theirs.IpamDir, StringComparison.Ordinal);
            CniAnswer theirAnswer = theirs.Call("ADD", pods[i].Theirs, pods[i].Config);

            Assert.Equal(
                DeliberateDifferences.Neutral(theirAnswer.Success(), pods[i].Theirs),
                DeliberateDifferences.Neutral(ourAnswer.Success(), pods[i].Ours));
            await AssertSameKernel(ours, theirs, pods[i].Ours, pods[i].Theirs);
            Assert.Equal(Reservations(theirs), Reservations(ours));
        }

        foreach ((CniPod our, CniPod their, string config) in pods)
        {
            ours.Delete(our).SilentSuccess();
            theirs.Call("DEL", their, config).SilentSuccess();
            await AssertSameKernel(ours, theirs, our, their);
            Assert.Equal(Reservations(theirs), Reservations(ours));
        }
    }

    private static async Task AssertSameKernel(CniHost ours, CniHost theirs, CniPod ourPod, CniPod theirPod)
    {
        foreach (string command in KernelTrait.IsGuest ? s_listingsOfGuest : s_listings)
        {
            await AssertSame(theirPod, ourPod, command);
            await AssertSame(new CniPod(theirs.Node, ""), new CniPod(ours.Node, ""), command);
        }

        Assert.Equal(Sysctls(theirPod, s_podSysctls), Sysctls(ourPod, s_podSysctls));
        Assert.Equal(
            Sysctls(new CniPod(theirs.Node, ""), s_hostSysctls), Sysctls(new CniPod(ours.Node, ""), s_hostSysctls));
    }

    /// <summary>In the end: the kernel adds link-local addresses and their routes when it gets to it.</summary>
    private static async Task AssertSame(CniPod theirs, CniPod ours, string command)
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            string expected = DeliberateDifferences.Look(theirs, command);
            string found = DeliberateDifferences.Look(ours, command);
            if (found == expected || Stopwatch.GetElapsedTime(start) > s_patience)
            {
                Assert.Equal(expected, found);
                return;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, TestContext.Current.CancellationToken);
        }
    }

    private static string Sysctls(CniPod pod, string[] names) => pod.Node.Shell(string.Join(
        "; ", names.Select(static name => $"cat /proc/sys/{name} 2> /dev/null || echo -")));

    /// <summary>host-local's files and what is in them.</summary>
    private static string Reservations(CniHost host)
    {
        string folder = Path.Combine(host.IpamDir, host.Network);
        return !Directory.Exists(folder) ? "" : string.Join('\n', Directory.EnumerateFiles(folder)
            .Select(static file => $"{Path.GetFileName(file)}: {File.ReadAllText(file)}")
            .Order(StringComparer.Ordinal));
    }
}
