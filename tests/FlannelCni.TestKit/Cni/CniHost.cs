using System.Text;
using FlannelCni.Linux.Processes;
using Xunit;

namespace FlannelCni.TestKit.Cni;

/// <summary>A host that the published plugin attaches pods to: a namespace, and all state in a folder.</summary>
public sealed class CniHost : IDisposable
{
    public const string PluginFolder = "/usr/lib/cni";
    public const string IPv4 = "FLANNEL_NETWORK=10.42.0.0/16\nFLANNEL_SUBNET=10.42.3.1/24\n";
    public const string IPv6 = "FLANNEL_IPV6_NETWORK=fd00:42::/56\nFLANNEL_IPV6_SUBNET=fd00:42:0:3::1/64\n";
    public const string UsualDelegate = """{ "hairpinMode": true, "isDefaultGateway": true }""";

    private readonly List<CniPod> _pods = [];

    public CniHost(string families = IPv4 + IPv6)
    {
        Node.Shell("ip link set lo up");
        SetSubnetEnv(families + "FLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n");
    }

    public TestNode Node { get; } = TestNode.Create();

    public TestFolder Folder { get; } = new();

    public string DataDir => Folder.File("data");

    /// <summary>Where host-local keeps its reservations.</summary>
    public string IpamDir => Folder.File("ipam");

    public string Version { get; set; } = "0.3.1";

    public string Delegate { get; set; } = UsualDelegate;

    /// <summary>Members of <c>ipam</c>, besides host-local's folder; each with a comma before it.</summary>
    public string Ipam { get; set; } = "";

    /// <summary>More members of the configuration; each with a comma before it.</summary>
    public string More { get; set; } = "";

    public string Path { get; set; } = PluginFolder;

    public string Executable { get; set; } = Repository.Executable("flannel");

    public string Network { get; set; } = "cbr0";

    public string Config => $$"""
        {
          "cniVersion": "{{Version}}", "name": "{{Network}}", "type": "flannel",
          "subnetFile": "{{Folder.File("subnet.env")}}", "dataDir": "{{DataDir}}",
          "delegate": {{Delegate}}, "ipam": { "dataDir": "{{IpamDir}}"{{Ipam}} }{{More}}
        }
        """;

    public void SetSubnetEnv(string text) => File.WriteAllText(Folder.File("subnet.env"), text);

    /// <summary>Puts a shell script in the place of host-local.</summary>
    public void InstallIpam(string script) => InstallPlugin("host-local", script);

    /// <summary>Makes a shell script a plugin, besides which there are only others of the kind.</summary>
    public void InstallPlugin(string type, string script)
    {
        Path = Folder.File("plugins");
        string file = System.IO.Path.Combine(Path, type);
        Directory.CreateDirectory(Path);
        File.WriteAllText(file, $"#!/bin/sh\n{script}\n");
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserExecute);
    }

    /// <summary>
    /// Puts a host-local in its place that knows 1.1.0, whatever the distribution's knows: the same, but for the
    /// version, and with STATUS and GC, which say nothing.
    /// </summary>
    /// <param name="status">What STATUS does, in shell.</param>
    /// <param name="gc">What GC does, in shell.</param>
    public void InstallNewestIpam(string status = ":", string gc = ":") => InstallIpam(
        $$"""
        case $CNI_COMMAND in
        VERSION) echo '{"cniVersion":"1.1.0","supportedVersions":["0.3.1","0.4.0","1.0.0","1.1.0"]}' ;;
        STATUS) {{status}} ;;
        GC) {{gc}} ;;
        *) output=$(sed 's/"cniVersion":"1.1.0"/"cniVersion":"1.0.0"/' | {{PluginFolder}}/host-local)
           ended=$?
           echo "$output" | sed 's/"1.0.0"/"1.1.0"/'
           exit $ended ;;
        esac
        """);

    /// <summary>From any thread.</summary>
    public CniPod NewPod()
    {
        TestNode node = TestNode.Create();
        node.Shell("ip link set lo up");
        lock (_pods)
        {
            CniPod pod = new(node, $"pod{_pods.Count + 1}");
            _pods.Add(pod);
            return pod;
        }
    }

    public CniAnswer Add(CniPod pod) => Call("ADD", pod);

    public CniAnswer Delete(CniPod pod) => Call("DEL", pod);

    /// <summary>Runs the plugin to its end.</summary>
    /// <param name="variables">Instead of, or besides, those that a runtime sets.</param>
    public CniAnswer Call(
        string verb, CniPod pod, string? config = null, params (string Name, string Value)[] variables)
    {
        using ChildProcess child = Start(verb, pod, config, variables);
        return CniAnswer.Of(child.Wait());
    }

    /// <summary>Starts the plugin and gives it its input.</summary>
    public ChildProcess Start(
        string verb, CniPod pod, string? config = null, params (string Name, string Value)[] variables)
    {
        Dictionary<string, string> environment = new()
        {
            ["CNI_COMMAND"] = verb,
            ["CNI_CONTAINERID"] = pod.Id,
            ["CNI_NETNS"] = pod.Sandbox,
            ["CNI_IFNAME"] = "eth0",
            ["CNI_PATH"] = Path,
            ["CNI_ARGS"] = "IgnoreUnknown=1;K8S_POD_NAME=test",
            ["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin",
        };
        foreach ((string name, string value) in variables)
        {
            environment[name] = value;
        }

        byte[] input = Encoding.UTF8.GetBytes(config ?? Config);
        ChildProcess child = Node.Namespace.Run(() => ChildProcess.Start(
            Executable, [], [.. environment.Select(static pair => $"{pair.Key}={pair.Value}")], input));
        child.Send();
        return child;
    }

    /// <summary>Scratch files, locks and what else there is.</summary>
    public string[] DataFiles() => Names(DataDir);

    /// <summary>Addresses that host-local has reserved in the network.</summary>
    public string[] ReservedAddresses() => [.. Names($"{IpamDir}/{Network}").Where(
        static name => name != "lock" && !name.StartsWith("last_", StringComparison.Ordinal))];

    /// <summary>Names of the host's links but lo and cni0.</summary>
    public string[] Ports() => [.. Node.ShellJson("ip -json link show")
        .EnumerateArray()
        .Select(static link => link.GetProperty("ifname").GetString() ?? "")
        .Where(static name => name is not ("lo" or "cni0"))
        .Order(StringComparer.Ordinal)];

    /// <summary>Nothing of any pod is left.</summary>
    public void AssertClean()
    {
        Assert.Empty(Ports());
        Assert.Empty(ReservedAddresses());
        Assert.Empty(DataFiles());
        foreach (CniPod pod in _pods)
        {
            Assert.Single(pod.Node.ShellJson("ip -json link show").EnumerateArray());
        }
    }

    public void Dispose()
    {
        foreach (CniPod pod in _pods)
        {
            pod.Node.Dispose();
        }

        Node.Dispose();
        Folder.Dispose();
    }

    private static string[] Names(string folder) => Directory.Exists(folder)
        ? [.. new DirectoryInfo(folder).EnumerateFileSystemInfos().Select(static entry => entry.Name).Order()]
        : [];
}
