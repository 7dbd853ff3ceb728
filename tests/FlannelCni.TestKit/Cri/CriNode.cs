using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using FlannelCni.Linux.Namespaces;
using FlannelCni.Linux.Processes;
using FlannelCni.TestKit.Protobuf;
using Xunit;

namespace FlannelCni.TestKit.Cri;

/// <summary>
/// The real containerd on a node, with the published plugin, Debian's portmap and host-local. It is the first process
/// of a PID namespace and has a mount namespace of its own, where /run and /var/lib are the node's: with it end its
/// shims, its containers and all that they mounted. Cgroups are what is left; they have a folder of their own.
/// </summary>
public sealed class CriNode : IAsyncDisposable
{
    private const string Containerd = "/usr/bin/containerd";
    private const string CgroupRoot = "/sys/fs/cgroup";

    private static readonly string[] s_plugins = ["bridge", "host-local", "loopback", "portmap"];
    private static int s_count;

    private readonly AgentNode _node;
    private readonly TestFolder _folder = new();
    private readonly ChildProcess _process;
    private readonly CriClient _client;
    private readonly string _cgroup = string.Create(
        CultureInfo.InvariantCulture, $"flannel-test-{Environment.ProcessId}-{Interlocked.Increment(ref s_count)}");

    private CriNode(AgentNode node, bool hasPlugins)
    {
        _node = node;
        Directory.CreateDirectory(PathOf("/opt/cni/bin"));
        Directory.CreateDirectory(PathOf("/etc/cni/net.d"));
        if (hasPlugins)
        {
            InstallPlugins();
        }

        File.WriteAllText(_folder.File("config.toml"), Config);
        TestImage.Write(_folder.File("image.tar"));

        string script =
            $"mount --bind {_node.PathOf("/run")} /run && mount --bind {_node.PathOf("/var/lib")} /var/lib && "
            + $"exec {Containerd} --config {_folder.File("config.toml")} >>{LogFile} 2>&1";
        _process = node.Net.Start(
            $"echo $$ >{PidFile}; exec unshare --mount --pid --fork --kill-child --mount-proc --propagation private "
            + $"/bin/sh -c '{script}'");
        _client = new CriClient(Socket);
    }

    /// <summary>All that containerd has logged.</summary>
    public string Log => File.Exists(LogFile) ? File.ReadAllText(LogFile) : "";

    private string LogFile => _folder.File("log");

    private string PidFile => _folder.File("pid");

    // The only child of unshare, whose number is in the file. Empty: it does not run.
    private string ContainerdPid
    {
        get
        {
            string pid = File.Exists(PidFile) ? File.ReadAllText(PidFile).Trim() : "";
            string children = $"/proc/{pid}/task/{pid}/children";
            return pid.Length > 0 && File.Exists(children) ? File.ReadAllText(children).Trim() : "";
        }
    }

    private string Socket => _node.PathOf("/run/containerd/containerd.sock");

    private static string Conflist =>
        """
        {
          "name": "cbr0", "cniVersion": "1.0.0",
          "plugins": [
            { "type": "flannel", "delegate": { "hairpinMode": true, "isDefaultGateway": true } },
            { "type": "portmap", "capabilities": { "portMappings": true } }
          ]
        }
        """;

    // The native snapshotter copies, and so works on every file system; this kernel lets nobody lower oom_score_adj.
    private string Config =>
        $"""
        version = 2
        root = "/var/lib/containerd"
        state = "/run/containerd"
        disabled_plugins = [
          "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
          "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.overlayfs",
          "io.containerd.snapshotter.v1.zfs",
        ]
        [grpc]
          address = "/run/containerd/containerd.sock"
        [plugins."io.containerd.grpc.v1.cri"]
          sandbox_image = "{TestImage.Name}"
          restrict_oom_score_adj = true
          disable_tcp_service = true
          [plugins."io.containerd.grpc.v1.cri".containerd]
            snapshotter = "native"
          [plugins."io.containerd.grpc.v1.cri".cni]
            bin_dir = "{PathOf("/opt/cni/bin")}"
            conf_dir = "{PathOf("/etc/cni/net.d")}"

        """;

    /// <summary>One that answers and has the image of the sandboxes.</summary>
    /// <param name="hasPlugins">Its CNI plugins and their configuration are there; else somebody brings them.</param>
    public static async Task<CriNode> StartAsync(AgentNode node, bool hasPlugins = true)
    {
        if (!File.Exists(Containerd) && Environment.GetEnvironmentVariable("CI") is null)
        {
            Assert.Skip($"{Containerd} is not installed: ./build.sh setup");
        }

        CriNode cri = new(node, hasPlugins);
        try
        {
            await Wait.Until(() => File.Exists(cri.Socket), AgentNode.Soon, () => $"containerd listens: {cri.Log}");
            cri.Import(cri._folder.File("image.tar"));
            return cri;
        }
        catch
        {
            await cri.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs a pod's sandbox: its network, and the process that holds it.</summary>
    /// <param name="hostPort">Of the node, for TCP and UDP; 0: none.</param>
    /// <param name="port">Of the pod, where the host's leads.</param>
    public async Task<CriPod> RunPodAsync(string name, int hostPort = 0, int port = 0)
    {
        ProtoWriter config = NewPod(name, "default", new ProtoWriter());
        for (int protocol = 0; protocol < 2 && hostPort > 0; protocol++) // TCP, UDP
        {
            config.Message(5, new ProtoWriter().Integer(1, protocol).Integer(2, port).Integer(3, hostPort));
        }

        string id = Text(await CallAsync("RunPodSandbox", new ProtoWriter().Message(1, config)), 1);
        byte[] status = await CallAsync("PodSandboxStatus", new ProtoWriter().Text(1, id).Integer(2, 1));
        string address = Text(Bytes(Bytes(status, 1), 5), 1);
        return new CriPod(id, address, NetNamespace.Open(NamespaceOf(id)));
    }

    /// <summary>Stops and removes a pod, as a kubelet does.</summary>
    public async Task RemovePodAsync(CriPod pod)
    {
        _ = await CallAsync("StopPodSandbox", new ProtoWriter().Text(1, pod.Id));
        _ = await CallAsync("RemovePodSandbox", new ProtoWriter().Text(1, pod.Id));
        pod.Dispose();
    }

    /// <summary>Takes the images of an archive.</summary>
    public void Import(string archive) => Shell.Run(
        $"ctr --address {Socket} --namespace k8s.io images import --snapshotter native {archive}");

    /// <summary>Where a path of the node is, which a pod on it mounts.</summary>
    public string PathOf(string path) =>
        path.StartsWith("/run/", StringComparison.Ordinal) || path.StartsWith("/var/", StringComparison.Ordinal)
            ? _node.PathOf(path)
            : _folder.File(path[1..]);

    /// <summary>PodSandboxConfig: metadata, and what Linux is told.</summary>
    /// <param name="security">LinuxSandboxSecurityContext.</param>
    internal ProtoWriter NewPod(string name, string @namespace, ProtoWriter security) => new ProtoWriter()
        .Message(1, new ProtoWriter().Text(1, name).Text(2, Guid.NewGuid().ToString()).Text(3, @namespace))
        .Text(3, _folder.Path)
        .Message(8, new ProtoWriter().Text(1, $"/{_cgroup}").Message(2, security));

    /// <inheritdoc cref="CriClient.CallAsync"/>
    internal Task<byte[]> CallAsync(string method, ProtoWriter message) => _client.CallAsync(method, message);

    /// <summary>What a container has written; its log_path is LOG.</summary>
    internal string LogOf(string log) => File.Exists(_folder.File(log)) ? File.ReadAllText(_folder.File(log)) : "";

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        if (ContainerdPid is { Length: > 0 } containerd)
        {
            // The first process of its namespace: all others there end with it, and unshare reaps it.
            Shell.Run($"kill -KILL {containerd}");
            using CancellationTokenSource patience = new(AgentNode.Soon, TimeProvider.System);
            _ = await _process.WaitAsync(patience.Token);
        }

        _process.Dispose();
        await Wait.Until(RemoveCgroups, AgentNode.Soon, $"no process is left in the cgroups {_cgroup}");
        _folder.Dispose();
    }

    // Its runtime spec names it; the path is one of containerd's mount namespace.
    private string NamespaceOf(string id)
    {
        string spec = _node.PathOf($"/run/containerd/io.containerd.runtime.v2.task/k8s.io/{id}/config.json");
        string path = JsonNode.Parse(File.ReadAllText(spec))!["linux"]!["namespaces"]!
            .AsArray()
            .First(static entry => (string?)entry!["type"] == "network")!["path"]!
            .ToString();
        string relative = path.StartsWith("/var/run/", StringComparison.Ordinal) ? path["/var".Length..] : path;
        return $"/proc/{ContainerdPid}/root{relative}";
    }

    private void InstallPlugins()
    {
        foreach (string plugin in s_plugins)
        {
            File.CreateSymbolicLink(PathOf($"/opt/cni/bin/{plugin}"), $"/usr/lib/cni/{plugin}");
        }

        File.CreateSymbolicLink(PathOf("/opt/cni/bin/flannel"), Repository.Executable("flannel"));
        File.WriteAllText(PathOf("/etc/cni/net.d/10-flannel.conflist"), Conflist);
    }

    // One for each controller, or one for all.
    private string[] Cgroups => [.. Directory.GetDirectories(CgroupRoot)
        .Append(CgroupRoot)
        .Select(root => Path.Combine(root, _cgroup))
        .Where(Directory.Exists)];

    // A cgroup goes when its processes have: they were killed, but may not be gone yet.
    private bool RemoveCgroups()
    {
        foreach (string folder in Cgroups)
        {
            try
            {
                foreach (string child in Directory.GetDirectories(folder))
                {
                    Directory.Delete(child);
                }

                Directory.Delete(folder);
            }
            catch (IOException)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>A field of an answer: a nested message.</summary>
    internal static byte[] Bytes(byte[] message, int wanted)
    {
        ProtoReader reader = new(message);
        while (reader.Next(out int number, out ReadOnlySpan<byte> data, out _))
        {
            if (number == wanted)
            {
                return data.ToArray();
            }
        }

        return [];
    }

    /// <summary>A field of an answer.</summary>
    internal static string Text(byte[] message, int wanted) => Encoding.UTF8.GetString(Bytes(message, wanted));
}
