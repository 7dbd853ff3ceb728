using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using FlannelCni.Linux.Net;
using FlannelCni.TestKit;
using FlannelCni.TestKit.Cri;
using FlannelCni.TestKit.KubeApi;
using FlannelCni.TestKit.KubeApi.Access;
using FlannelCni.TestKit.KubeApi.Objects;
using FlannelCni.TestKit.Protobuf;

namespace FlannelCni.EndToEndTests.Cri;

/// <summary>
/// Does what a kubelet does with the pod of the DaemonSet that was applied: its volumes, its init container, its
/// container, each with the security context that the manifest gives it and nothing else.
/// </summary>
internal sealed class ManifestPod(KubeApiServer api, CriNode runtime, string nodeName) : IDisposable
{
    private const string Name = "kube-flannel-ds-test";
    private const string Namespace = "kube-flannel";

    // Those of every kubelet.
    private static readonly string[] s_masked =
    [
        "/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
        "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
    ];

    private static readonly string[] s_readOnly =
        ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

    private readonly TestFolder _folder = new();

    /// <summary>What its containers have written.</summary>
    internal string Log => runtime.LogOf("install-cni") + runtime.LogOf("kube-flannel");

    internal async Task RunAsync()
    {
        JsonNode spec = api.Objects(ResourceTypes.DaemonSets)
            .Find("kube-flannel-ds", Namespace)!["spec"]!["template"]!["spec"]!;
        Dictionary<string, string> volumes = MakeVolumes(spec["volumes"]!.AsArray());
        api.WriteServiceAccount(
            _folder.File("account"), api.CreateToken(KubeUser.ServiceAccount(Namespace, "flannel")));

        // hostNetwork: namespace_options.network = NODE
        ProtoWriter security = new ProtoWriter().Message(1, new ProtoWriter().Integer(1, 2));
        ProtoWriter pod = runtime.NewPod(Name, Namespace, security.Message(9, new ProtoWriter()));
        byte[] answer = await runtime.CallAsync("RunPodSandbox", new ProtoWriter().Message(1, pod));
        string sandbox = CriNode.Text(answer, 1);
        foreach (JsonNode? container in spec["initContainers"]!.AsArray())
        {
            string id = await StartAsync(sandbox, pod, container!, volumes);
            await EndsWellAsync(id);
        }

        _ = await StartAsync(sandbox, pod, spec["containers"]!.AsArray().Single()!, volumes);
    }

    public void Dispose() => _folder.Dispose();

    private Dictionary<string, string> MakeVolumes(JsonArray volumes)
    {
        Dictionary<string, string> paths = [];
        foreach (JsonNode? volume in volumes)
        {
            string name = volume!["name"]!.ToString();
            if (volume["hostPath"] is JsonNode host)
            {
                paths[name] = runtime.PathOf(host["path"]!.ToString());
                if (host["type"]!.ToString() == "FileOrCreate")
                {
                    File.AppendAllText(paths[name], "");
                }
                else
                {
                    Directory.CreateDirectory(paths[name]);
                }
            }
            else
            {
                paths[name] = Directory.CreateDirectory(_folder.File(name)).FullName;
                string map = volume["configMap"]!["name"]!.ToString();
                foreach ((string file, JsonNode? text) in ConfigMap(map))
                {
                    File.WriteAllText(Path.Combine(paths[name], file), text!.ToString());
                }
            }
        }

        return paths;
    }

    private JsonObject ConfigMap(string name) =>
        api.Objects(ResourceTypes.ConfigMaps).Find(name, Namespace)!["data"]!.AsObject();

    private async Task<string> StartAsync(
        string sandbox, ProtoWriter pod, JsonNode container, Dictionary<string, string> volumes)
    {
        ProtoWriter config = new ProtoWriter()
            .Message(1, new ProtoWriter().Text(1, container["name"]!.ToString()))
            .Message(2, new ProtoWriter().Text(1, container["image"]!.ToString()))
            .Text(11, container["name"]!.ToString())
            .Message(7, Mount("/var/run/secrets/kubernetes.io/serviceaccount", _folder.File("account"), true))
            .Message(6, Variable("KUBERNETES_SERVICE_HOST", Text(api.Address.Address)))
            .Message(6, Variable("KUBERNETES_SERVICE_PORT", api.Address.Port.ToString(CultureInfo.InvariantCulture)))
            .Message(15, new ProtoWriter()
                .Message(1, Resources(container["resources"]!["limits"]!))
                .Message(2, Security(container["securityContext"]!)));
        foreach (JsonNode? argument in container["args"]!.AsArray())
        {
            config.Text(4, argument!.ToString());
        }

        foreach (JsonNode? variable in container["env"]?.AsArray() ?? [])
        {
            config.Message(6, Variable(variable!["name"]!.ToString(), ValueOf(variable)));
        }

        foreach (JsonNode? mount in container["volumeMounts"]!.AsArray())
        {
            string path = volumes[mount!["name"]!.ToString()];
            config.Message(7, Mount(mount["mountPath"]!.ToString(), path, mount["readOnly"]?.GetValue<bool>() == true));
        }

        ProtoWriter create = new ProtoWriter().Text(1, sandbox).Message(2, config).Message(3, pod);
        string id = CriNode.Text(await runtime.CallAsync("CreateContainer", create), 1);
        _ = await runtime.CallAsync("StartContainer", new ProtoWriter().Text(1, id));
        return id;
    }

    private Task EndsWellAsync(string container) => Wait.Until(
        async () =>
        {
            byte[] answer = await runtime.CallAsync("ContainerStatus", new ProtoWriter().Text(1, container));
            (long state, long exitCode) = StateOf(CriNode.Bytes(answer, 1));
            Assert.True(exitCode == 0, Log);
            return state == 2; // CONTAINER_EXITED
        },
        TimeSpan.FromSeconds(20),
        () => $"the init container ends: {Log}");

    // ContainerStatus: state = 3, exit_code = 7
    private static (long State, long ExitCode) StateOf(byte[] status)
    {
        (long state, long exitCode) = (0, 0);
        ProtoReader reader = new(status);
        while (reader.Next(out int number, out _, out ulong integer))
        {
            state = number == 3 ? (long)integer : state;
            exitCode = number == 7 ? (long)integer : exitCode;
        }

        return (state, exitCode);
    }

    // LinuxContainerSecurityContext; seccomp without a type is RuntimeDefault.
    private static ProtoWriter Security(JsonNode context)
    {
        ProtoWriter capabilities = new();
        foreach (JsonNode? added in context["capabilities"]!["add"]?.AsArray() ?? [])
        {
            capabilities.Text(1, added!.ToString());
        }

        foreach (JsonNode? dropped in context["capabilities"]!["drop"]!.AsArray())
        {
            capabilities.Text(2, dropped!.ToString());
        }

        ProtoWriter security = new ProtoWriter()
            .Message(1, capabilities)
            .Message(3, new ProtoWriter().Integer(1, 2).Integer(2, 1)) // network: NODE, pid: CONTAINER
            .Integer(7, context["readOnlyRootFilesystem"]!.GetValue<bool>() ? 1 : 0)
            .Integer(11, context["allowPrivilegeEscalation"]!.GetValue<bool>() ? 0 : 1)
            .Message(15, new ProtoWriter());
        Array.ForEach(s_masked, path => security.Text(13, path));
        Array.ForEach(s_readOnly, path => security.Text(14, path));
        return security;
    }

    // LinuxContainerResources: cpu_period = 1, cpu_quota = 2, memory_limit_in_bytes = 4
    private static ProtoWriter Resources(JsonNode limits)
    {
        const int Period = 100_000;
        long thousandths = long.Parse(limits["cpu"]!.ToString().TrimEnd('m'), CultureInfo.InvariantCulture);
        string memory = limits["memory"]!.ToString();
        Assert.EndsWith("Mi", memory, StringComparison.Ordinal);
        return new ProtoWriter()
            .Integer(1, Period)
            .Integer(2, Period * thousandths / 1000)
            .Integer(4, long.Parse(memory[..^2], CultureInfo.InvariantCulture) << 20);
    }

    private string ValueOf(JsonNode variable) =>
        variable["value"]?.ToString() ?? variable["valueFrom"]!["fieldRef"]!["fieldPath"]!.ToString() switch
        {
            "spec.nodeName" => nodeName,
            "metadata.name" => Name,
            "metadata.namespace" => Namespace,
            string other => throw new NotSupportedException($"the manifest asks for {other}"),
        };

    private static ProtoWriter Variable(string name, string value) => new ProtoWriter().Text(1, name).Text(2, value);

    private static ProtoWriter Mount(string path, string hostPath, bool isReadOnly) =>
        new ProtoWriter().Text(1, path).Text(2, hostPath).Integer(3, isReadOnly ? 1 : 0);

    private static string Text(IPAddress address) => IpAddr.FromBytes(address.GetAddressBytes()).ToString();
}
