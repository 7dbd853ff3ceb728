using FlannelCni.Agent.Installation;
using FlannelCni.Agent.Leases;
using FlannelCni.Agent.Options;
using FlannelCni.Contract;
using FlannelCni.TestKit;

namespace FlannelCni.UnitTests.Manifests;

/// <summary>What the manifests give to the agent is what the agent understands.</summary>
public sealed class ManifestContentTests
{
    private static readonly string s_manifests = Path.Combine(Repository.Root, "manifests");

    public static TheoryData<string> NetworkConfigs => [.. Find("net-conf.json")];

    [Theory]
    [MemberData(nameof(NetworkConfigs))]
    public void Every_network_config_can_be_read(string path)
    {
        NetworkConfig config = NetworkConfigReader.Parse(File.ReadAllBytes(Path.Combine(s_manifests, path)));

        string folder = Path.GetFileName(Path.GetDirectoryName(path)!);
        Assert.Equal(
            folder is "host-gw" or "wireguard" or "udp" ? folder : "vxlan", config.BackendType);
        Assert.Equal(folder == "nftables", config.EnableNFTables);
        Assert.Equal(folder == "dual-stack", !config.IPv6Network.IsNone);
    }

    [Fact]
    public void The_list_of_plugins_can_be_installed()
    {
        NetworkList list = NetworkList.Read(File.ReadAllBytes(Path.Combine(s_manifests, "base/cni-conf.json")));

        Assert.Equal(["flannel", "host-local", "portmap"], list.Plugins);
    }

    [Fact]
    public void Every_flag_is_one_of_the_agents()
    {
        string[] flags = [.. Lines().Where(static line => line.StartsWith("- --", StringComparison.Ordinal))
            .Select(static line => line[2..])];

        bool isRead = CommandLine.TryRead(
            flags, new Dictionary<string, string>(), "", TextWriter.Null, out AgentOptions? options, out _);

        Assert.NotEmpty(flags);
        Assert.True(isRead);
        Assert.True(options!.KubeSubnetMgr);
        Assert.True(options.IPMasq);
        Assert.Equal(InstallOptions.Default.PluginsTo, options.CniBinDir);
    }

    [Fact]
    public void The_image_is_of_this_version()
    {
        string[] images = [.. Lines().Where(static line => line.StartsWith("image: ", StringComparison.Ordinal))];

        Assert.Equal(2, images.Length);
        Assert.All(images, static image => Assert.Equal($"image: localhost/flanneld:{FlannelVersion.Text}", image));
    }

    private static IEnumerable<string> Lines() =>
        File.ReadLines(Path.Combine(s_manifests, "kube-flannel.yml")).Select(static line => line.Trim());

    private static IEnumerable<string> Find(string name) =>
        Directory.EnumerateFiles(s_manifests, name, SearchOption.AllDirectories)
            .Select(static path => Path.GetRelativePath(s_manifests, path));
}
