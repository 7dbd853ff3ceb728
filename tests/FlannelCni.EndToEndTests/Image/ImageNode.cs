using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using FlannelCni.Linux.Processes;
using FlannelCni.TestKit;

namespace FlannelCni.EndToEndTests.Image;

/// <summary>
/// A node that runs containers of the built image by the real containerd and runc, as the manifest describes them. What
/// the manifest mounts of the host is a folder of the node's. All of it lives in namespaces of its own, and ends with
/// their first process.
/// </summary>
internal sealed class ImageNode : IAsyncDisposable
{
    // oci.defaultUnixCaps of containerd 1.6.
    private static readonly string[] s_usualCapabilities =
    [
        "CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID", "SETFCAP", "SETPCAP",
        "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE",
    ];

    // Unlike a kubelet, ctr puts its arguments in the place of the image's.
    private const string Entrypoint = "/opt/bin/flanneld";

    private static int s_count;

    private readonly TestNode _net;
    private readonly TestFolder _home = new();
    private readonly ChildProcess _runtime;
    private readonly string _cgroup = string.Create(
        CultureInfo.InvariantCulture, $"flannel-image-{Environment.ProcessId}-{Interlocked.Increment(ref s_count)}");

    private ImageNode(TestNode net)
    {
        _net = net;
        Directory.CreateDirectory(_home.File("run"));
        File.WriteAllText(
            _home.File("config.toml"),
            $"""
            version = 2
            root = "{_home.File("root")}"
            state = "/run/containerd"
            disabled_plugins = [
              "io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
              "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
            ]

            """);
        string script = $"mount --bind {_home.File("run")} /run && "
            + $"exec containerd --config {_home.File("config.toml")} >{_home.File("log")} 2>&1";
        _runtime = net.Start(
            $"echo $$ >{_home.File("pid")}; exec unshare --mount --pid --fork --kill-child --mount-proc "
            + $"--propagation private /bin/sh -c '{script}'");
    }

    private static string ImageFile => Path.Combine(Repository.Root, "artifacts/image/flanneld.tar");

    // The only child of unshare.
    private string RuntimePid
    {
        get
        {
            string pid = File.ReadAllText(_home.File("pid")).Trim();
            return File.ReadAllText($"/proc/{pid}/task/{pid}/children").Trim();
        }
    }

    /// <summary>What a container wrote.</summary>
    internal string Log(string container) =>
        File.Exists(_home.File($"{container}.log")) ? File.ReadAllText(_home.File($"{container}.log")) : "";

    /// <summary>Where a file of the host is for a test.</summary>
    internal string PathOf(string hostPath) => $"{_home.Path}/host{hostPath}";

    internal static async Task<ImageNode> StartAsync(TestNode net)
    {
        ImageNode node = new(net);
        try
        {
            await Wait.Until(
                () => File.Exists(node._home.File("run/containerd/containerd.sock")),
                TimeSpan.FromSeconds(30),
                () => $"containerd listens: {File.ReadAllText(node._home.File("log"))}");
            node.Inside($"ctr images import {ImageFile}");
            return node;
        }
        catch
        {
            await node.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts a container of a pod.</summary>
    /// <param name="pod">The spec of the pod, as the API has it.</param>
    /// <param name="name">Of the container.</param>
    /// <param name="folders">What volumes that are no hostPath hold, by their names.</param>
    /// <param name="variables">What the kubelet adds: <c>A=1</c>; and what it finds for each fieldPath.</param>
    internal ChildProcess Start(
        JsonNode pod,
        string name,
        IReadOnlyDictionary<string, string> folders,
        IReadOnlyDictionary<string, string> variables)
    {
        JsonNode container = pod["initContainers"]!.AsArray().Concat(pod["containers"]!.AsArray())
            .First(found => found!["name"]!.ToString() == name)!;
        List<string> options =
        [
            "--rm", "--net-host", $"--cgroup /{_cgroup}/{name}",
            .. Security(pod, container),
            .. Limits(container["resources"]!["limits"]!),
            .. Variables(container, variables),
            .. Mounts(pod, container, folders),
        ];
        string arguments = string.Join(' ', container["args"]!.AsArray().Select(static item => item!.ToString()));
        return _net.Start(
            $"exec {Enter} ctr run {string.Join(' ', options)} {container["image"]} {name} {Entrypoint} {arguments} "
            + $">{_home.File($"{name}.log")} 2>&1");
    }

    /// <summary>A line of /proc/PID/status of a container's first process: <c>CapEff</c>.</summary>
    internal string Status(string container, string field)
    {
        string[] task = Inside("ctr tasks list").Split('\n').First(
            line => line.StartsWith($"{container} ", StringComparison.Ordinal))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return Inside($"cat /proc/{task[1]}/status").Split('\n')
            .First(line => line.StartsWith($"{field}:", StringComparison.Ordinal))[(field.Length + 1)..].Trim();
    }

    /// <summary>Output of a command beside containerd.</summary>
    internal string Inside(string command) => Shell.Run($"{Enter} {command}");

    public async ValueTask DisposeAsync()
    {
        Shell.Run($"kill -KILL {RuntimePid}");
        using CancellationTokenSource patience = new(TimeSpan.FromSeconds(20), TimeProvider.System);
        _ = await _runtime.WaitAsync(patience.Token);
        _runtime.Dispose();
        await Wait.Until(
            () => Shell.Run(
                $"find /sys/fs/cgroup -depth -type d -path '*/{_cgroup}*' -exec rmdir {{}} + 2>/dev/null; "
                + $"find /sys/fs/cgroup -type d -path '*/{_cgroup}*'").Length == 0,
            TimeSpan.FromSeconds(10),
            "the cgroups are gone");
        _home.Dispose();
    }

    private string Enter => $"nsenter --target {RuntimePid} --mount --pid --net";

    private static IEnumerable<string> Security(JsonNode pod, JsonNode container)
    {
        JsonNode security = container["securityContext"]!;
        Assert.Equal("ALL", security["capabilities"]!["drop"]![0]!.ToString());
        string[] added = security["capabilities"]!["add"] is JsonArray add
            ? [.. add.Select(static item => item!.ToString())]
            : [];
        Assert.False(security["allowPrivilegeEscalation"]!.GetValue<bool>());    // ctr's default
        foreach (string capability in s_usualCapabilities.Except(added))
        {
            yield return $"--cap-drop CAP_{capability}";
        }

        foreach (string capability in added)
        {
            yield return $"--cap-add CAP_{capability}";
        }

        if (security["readOnlyRootFilesystem"]!.GetValue<bool>())
        {
            yield return "--read-only";
        }

        Assert.Equal("RuntimeDefault", pod["securityContext"]!["seccompProfile"]!["type"]!.ToString());
        yield return "--seccomp";
    }

    private static IEnumerable<string> Limits(JsonNode limits)
    {
        int mebibytes = int.Parse(limits["memory"]!.ToString()[..^2], CultureInfo.InvariantCulture);
        int thousandths = int.Parse(limits["cpu"]!.ToString()[..^1], CultureInfo.InvariantCulture);
        yield return string.Create(CultureInfo.InvariantCulture, $"--memory-limit {mebibytes * 1024L * 1024}");
        yield return string.Create(
            CultureInfo.InvariantCulture, $"--cpu-period 100000 --cpu-quota {thousandths * 100}");
    }

    private static IEnumerable<string> Variables(JsonNode container, IReadOnlyDictionary<string, string> variables)
    {
        foreach (JsonNode? variable in container["env"] as JsonArray ?? [])
        {
            string value = variable!["value"]?.ToString()
                ?? variables[variable["valueFrom"]!["fieldRef"]!["fieldPath"]!.ToString()];
            yield return $"--env {variable["name"]}={value}";
        }

        foreach ((string name, string value) in variables.Where(static pair => !pair.Key.Contains('.')))
        {
            yield return $"--env {name}={value}";
        }
    }

    private IEnumerable<string> Mounts(JsonNode pod, JsonNode container, IReadOnlyDictionary<string, string> folders)
    {
        foreach (JsonNode? mount in container["volumeMounts"]!.AsArray())
        {
            JsonNode volume = pod["volumes"]!.AsArray()
                .First(found => found!["name"]!.ToString() == mount!["name"]!.ToString())!;
            string source = volume["hostPath"] is JsonNode host ? Prepare(host) : folders[volume["name"]!.ToString()];
            yield return $"--mount type=bind,src={source},dst={mount!["mountPath"]},options=rbind:rw";
        }

        foreach ((string name, string folder) in folders.Where(static pair => pair.Key.StartsWith('/')))
        {
            yield return $"--mount type=bind,src={folder},dst={name},options=rbind:ro";
        }
    }

    // As the kubelet does for DirectoryOrCreate and FileOrCreate.
    private string Prepare(JsonNode hostPath)
    {
        string path = PathOf(hostPath["path"]!.ToString());
        if (hostPath["type"]!.ToString() == "FileOrCreate")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.AppendAllText(path, "", Encoding.ASCII);
        }
        else
        {
            Directory.CreateDirectory(path);
        }

        return path;
    }
}
