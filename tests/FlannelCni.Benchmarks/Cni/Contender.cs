using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using FlannelCni.Linux.Namespaces;
using FlannelCni.Linux.Processes;
using FlannelCni.TestKit;

namespace FlannelCni.Benchmarks.Cni;

/// <summary>A plugin under measurement: an executable, its configuration, a host and its pods.</summary>
internal sealed class Contender : IDisposable
{
    private const string PluginFolder = "/usr/lib/cni";

    private readonly TestNode _host = TestNode.Create();
    private readonly ConcurrentDictionary<int, NetNamespace> _pods = [];
    private readonly string _executable;
    private readonly byte[] _config;

    private Contender(string name, string executable, string config)
    {
        Name = name;
        _executable = executable;
        _config = Encoding.UTF8.GetBytes(config);
        _host.Shell("ip link set lo up");
    }

    internal string Name { get; }

    /// <summary>Our plugin, as the entry of a conflist is given to it.</summary>
    internal static Contender Ours(TestFolder folder, Wishes wishes)
    {
        string six = "FLANNEL_IPV6_NETWORK=fd00:42::/56\nFLANNEL_IPV6_SUBNET=fd00:42:0:3::1/64\n";
        File.WriteAllText(
            folder.File("subnet.env"),
            "FLANNEL_NETWORK=10.42.0.0/16\nFLANNEL_SUBNET=10.42.3.1/24\n" + (wishes.IsDual ? six : "")
            + "FLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n");
        return new Contender("flannel + host-local", Repository.Executable("flannel"), $$"""
            {
              "cniVersion": "0.3.1", "name": "cbr0", "type": "flannel",
              "subnetFile": "{{folder.File("subnet.env")}}", "dataDir": "{{folder.File("data")}}",
              "ipam": { "dataDir": "{{folder.File("ours")}}" },
              "delegate": { "hairpinMode": true, "isDefaultGateway": true, "ipMasq": {{Json(wishes.IsMasqueraded)}} }
            }
            """);
    }

    /// <summary>Debian's, with what ours renders from that.</summary>
    internal static Contender Peer(TestFolder folder, Wishes wishes)
    {
        string ranges = """[{"subnet":"10.42.3.0/24"}]"""
            + (wishes.IsDual ? """,[{"subnet":"fd00:42:0:3::/64"}]""" : "");
        string routes = """{"dst":"10.42.0.0/16"}""" + (wishes.IsDual ? """,{"dst":"fd00:42::/56"}""" : "");
        return new Contender("bridge + host-local (Debian)", $"{PluginFolder}/bridge", $$"""
            {
              "cniVersion": "0.3.1", "name": "cbr0", "type": "bridge", "mtu": 1450,
              "hairpinMode": true, "isDefaultGateway": true, "isGateway": true,
              "ipMasq": {{Json(wishes.IsMasqueraded)}},
              "ipam": {
                "type": "host-local", "dataDir": "{{folder.File("peer")}}",
                "ranges": [{{ranges}}], "routes": [{{routes}}]
              }
            }
            """);
    }

    /// <summary>What it takes to say which versions it knows.</summary>
    internal TimeSpan Ask()
    {
        _ = _pods.TryAdd(0, _host.Namespace);
        return Call("VERSION", 0);
    }

    internal TimeSpan Add(int pod)
    {
        _pods[pod] = NetNamespace.Create();
        return Call("ADD", pod);
    }

    internal TimeSpan Delete(int pod)
    {
        TimeSpan time = Call("DEL", pod);
        _pods[pod].Dispose();
        return time;
    }

    public void Dispose()
    {
        foreach (NetNamespace pod in _pods.Values)
        {
            pod.Dispose();
        }

        _host.Dispose();
    }

    private static string Json(bool value) => value ? "true" : "false";

    private TimeSpan Call(string verb, int pod)
    {
        string sandbox = string.Create(
            CultureInfo.InvariantCulture, $"/proc/{Environment.ProcessId}/fd/{_pods[pod].Descriptor}");
        string[] environment =
        [
            $"CNI_COMMAND={verb}", $"CNI_CONTAINERID={Name[0]}{pod + 100}", $"CNI_NETNS={sandbox}", "CNI_IFNAME=eth0",
            $"CNI_PATH={PluginFolder}", "CNI_ARGS=IgnoreUnknown=1;K8S_POD_NAME=bench",
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
        ];
        return _host.Namespace.Run(() =>
        {
            long start = Stopwatch.GetTimestamp();
            using ChildProcess child = ChildProcess.Start(_executable, [], environment, _config);
            ChildResult result = child.Wait();
            TimeSpan time = Stopwatch.GetElapsedTime(start);
            return result.ExitStatus == 0 ? time : throw new InvalidOperationException(
                $"{Name} {verb}: {Encoding.UTF8.GetString(result.Output)}{Encoding.UTF8.GetString(result.Error)}");
        });
    }
}
