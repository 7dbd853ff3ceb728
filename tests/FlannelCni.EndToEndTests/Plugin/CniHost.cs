using System.Text;
using FlannelCni.Linux.Processes;
using FlannelCni.TestKit;

namespace FlannelCni.EndToEndTests.Plugin;

/// <summary>A host that the published plugin attaches pods to: a namespace, and all state in a folder.</summary>
internal sealed class CniHost : IDisposable
{
    internal const string PluginFolder = "/usr/lib/cni";
    internal const string IPv4 = "FLANNEL_NETWORK=10.42.0.0/16\nFLANNEL_SUBNET=10.42.3.1/24\n";
    internal const string IPv6 = "FLANNEL_IPV6_NETWORK=fd00:42::/56\nFLANNEL_IPV6_SUBNET=fd00:42:0:3::1/64\n";
    internal const string UsualDelegate = """{ "hairpinMode": true, "isDefaultGateway": true }""";

    private readonly List<CniPod> _pods = [];

    internal CniHost(string families = IPv4 + IPv6)
    {
        Node.Shell("ip link set lo up");
        SetSubnetEnv(families + "FLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n");
    }

    internal TestNode Node { get; } = TestNode.Create();

    internal TestFolder Folder { get; } = new();

    internal string DataDir => Folder.File("data");

    /// <summary>Where host-local keeps its reservations.</summary>
    internal string IpamDir => Folder.File("ipam");

    internal string Version { get; set; } = "0.3.1";

    internal string Delegate { get; set; } = UsualDelegate;

    /// <summary>Members of <c>ipam</c>, besides host-local's folder; each with a comma before it.</summary>
    internal string Ipam { get; set; } = "";

    /// <summary>More members of the configuration; each with a comma before it.</summary>
    internal string More { get; set; } = "";

    internal string Path { get; set; } = PluginFolder;

    internal string Executable { get; set; } = Repository.Executable("flannel");

    internal string Network { get; set; } = "cbr0";

    internal string Config => $$"""
        {
          "cniVersion": "{{Version}}", "name": "{{Network}}", "type": "flannel",
          "subnetFile": "{{Folder.File("subnet.env")}}", "dataDir": "{{DataDir}}",
          "delegate": {{Delegate}}, "ipam": { "dataDir": "{{IpamDir}}"{{Ipam}} }{{More}}
        }
        """;

    internal void SetSubnetEnv(string text) => File.WriteAllText(Folder.File("subnet.env"), text);

    /// <summary>Puts a shell script in the place of host-local.</summary>
    internal void InstallIpam(string script) => InstallPlugin("host-local", script);

    /// <summary>Makes a shell script a plugin, besides which there are only others of the kind.</summary>
    internal void InstallPlugin(string type, string script)
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
    internal void InstallNewestIpam(string status = ":", string gc = ":") => InstallIpam(
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

    internal CniPod NewPod()
    {
        CniPod pod = new(TestNode.Create(), $"pod{_pods.Count + 1}");
        pod.Node.Shell("ip link set lo up");
        _pods.Add(pod);
        return pod;
    }

    internal CniAnswer Add(CniPod pod) => Call("ADD", pod);

    internal CniAnswer Delete(CniPod pod) => Call("DEL", pod);

    /// <summary>Runs the plugin to its end.</summary>
    /// <param name="variables">Instead of, or besides, those that a runtime sets.</param>
    internal CniAnswer Call(
        string verb, CniPod pod, string? config = null, params (string Name, string Value)[] variables)
    {
        using ChildProcess child = Start(verb, pod, config, variables);
        return CniAnswer.Of(child.Wait());
    }

    /// <summary>Starts the plugin and gives it its input.</summary>
    internal ChildProcess Start(
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
    internal string[] DataFiles() => Names(DataDir);

    /// <summary>Addresses that host-local has reserved in the network.</summary>
    internal string[] ReservedAddresses() => [.. Names($"{IpamDir}/{Network}").Where(
        static name => name != "lock" && !name.StartsWith("last_", StringComparison.Ordinal))];

    /// <summary>Names of the host's links but lo and cni0.</summary>
    internal string[] Ports() => [.. Node.ShellJson("ip -json link show")
        .EnumerateArray()
        .Select(static link => link.GetProperty("ifname").GetString() ?? "")
        .Where(static name => name is not ("lo" or "cni0"))
        .Order(StringComparer.Ordinal)];

    /// <summary>Nothing of any pod is left.</summary>
    internal void AssertClean()
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

/// <summary>A pod: its namespace and its container's id.</summary>
internal sealed record CniPod(TestNode Node, string Id)
{
    internal string Sandbox => Node.NamespacePath;

    /// <summary>Fails unless an answer comes back.</summary>
    internal void Ping(string address) => Node.Shell($"ping -c 1 -W 2 {address}");

    internal string MacOf(string name) =>
        Node.ShellJson($"ip -json link show {name}")[0].GetProperty("address").GetString()!;

    /// <summary>Global ones of eth0, with their prefix lengths.</summary>
    internal string[] Addresses(bool is6) => [.. Node
        .Shell($"ip -oneline -{(is6 ? 6 : 4)} address show eth0 scope global")
        .Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .Select(static line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[3])];
}
