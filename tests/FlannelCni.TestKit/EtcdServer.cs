using System.Globalization;
using System.Net;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Processes;
using Xunit;

namespace FlannelCni.TestKit;

/// <summary>
/// A real etcd for tests, with its data in a folder of its own. It listens on a loopback address that no other has, so
/// that tests run side by side and a restarted one finds its port free.
/// </summary>
public sealed class EtcdServer : IDisposable
{
    private const string Program = "/usr/bin/etcd";

    private static int s_count;

    private readonly TestFolder _folder = new();
    private readonly string _options;
    private readonly string _scheme;
    private readonly HttpClient _http = new();
    private ChildProcess? _process;

    private EtcdServer(string scheme, string options)
    {
        int number = (Environment.ProcessId << 5) + Interlocked.Increment(ref s_count);
        Address = string.Create(
            CultureInfo.InvariantCulture, $"127.{(number >> 16 & 0x7F) + 1}.{number >> 8 & 0xFF}.{number & 0xFF}");
        _scheme = scheme;
        _options = options;
    }

    /// <summary>127.x.y.z.</summary>
    public string Address { get; }

    /// <summary>For clients: <c>http://127.1.2.3:2379</c>.</summary>
    public string Endpoint => $"{_scheme}://{Address}:2379";

    /// <summary>The near end of <see cref="NewRelay()"/>, for clients.</summary>
    public string RelayEndpoint => $"http://{Address}:2378";

    /// <summary>Options that every call of etcdctl gets.</summary>
    public string ControlOptions { get; set; } = "";

    private string Observer => $"http://{Address}:2381";

    /// <summary>One that is not running yet.</summary>
    public static EtcdServer Create(string scheme = "http", string options = "")
    {
        if (!File.Exists(Program) && Environment.GetEnvironmentVariable("CI") is null)
        {
            Assert.Skip($"{Program} is not installed: ./build.sh setup");
        }

        return new EtcdServer(scheme, options);
    }

    /// <summary>One that answers.</summary>
    public static async Task<EtcdServer> StartNewAsync(string scheme = "http", string options = "")
    {
        EtcdServer server = Create(scheme, options);
        await server.StartAsync();
        return server;
    }

    /// <summary>A wire to this server that can be cut.</summary>
    public TcpRelay NewRelay() => NewRelay(Socket(2378));

    /// <summary>One that listens there, in the calling thread's network namespace.</summary>
    public TcpRelay NewRelay(IPEndPoint here) => new(here, Socket(2379));

    /// <summary>A wire from 127.0.0.1, which localhost is a name for.</summary>
    public TcpRelay NewRelayFromLocalhost() => NewRelay(new IPEndPoint(IPAddress.Loopback, 0));

    /// <summary>Starts it, with the data it had, and waits until it answers.</summary>
    public async Task StartAsync()
    {
        string urls =
            $"--listen-client-urls={Endpoint} --advertise-client-urls={Endpoint} --listen-metrics-urls={Observer} "
            + $"--listen-peer-urls=http://{Address}:2380 --initial-advertise-peer-urls=http://{Address}:2380 "
            + $"--initial-cluster=default=http://{Address}:2380";
        string command =
            $"echo $$ >{Pid}; exec {Program} --data-dir={_folder.File("data")} {urls} "
            + "--heartbeat-interval=10 --election-timeout=100 --grpc-keepalive-min-time=500ms --logger=zap "
            + $"{_options} >>{_folder.File("log")} 2>&1";
        _process = Shell.Start("/bin/sh", ["-c", command], "");
        await Wait.Until(IsHealthyAsync, TimeSpan.FromSeconds(10), $"etcd at {Endpoint} answers");
    }

    /// <summary>SIGKILL, and its end.</summary>
    public void Kill()
    {
        _process?.Dispose();
        _process = null;
    }

    /// <summary>It is there, and says nothing: SIGSTOP.</summary>
    public void Pause() => Shell.Run($"kill -STOP $(cat {Pid})");

    /// <summary>SIGCONT.</summary>
    public void Resume() => Shell.Run($"kill -CONT $(cat {Pid})");

    /// <summary>Forgets all keys, while it is down: a new cluster at the old address.</summary>
    public void Wipe() => Directory.Delete(_folder.File("data"), recursive: true);

    /// <summary>What etcdctl prints: <c>put KEY VALUE</c>. Arguments go through a shell.</summary>
    /// <param name="input">What it reads, as <c>put KEY</c> does a value.</param>
    public string Control(string arguments, string input = "") =>
        Shell.Run($"ETCDCTL_API=3 etcdctl --endpoints={Endpoint} {ControlOptions} {arguments}", input).TrimEnd('\n');

    /// <summary>Calls that etcd has counted: <c>Range</c>, <c>Txn</c>, <c>LeaseGrant</c>, <c>Watch</c>.</summary>
    public async Task<int> CallsAsync(string method)
    {
        string metrics = await _http.GetStringAsync(new Uri(Observer + "/metrics"));
        string? line = metrics.Split('\n').FirstOrDefault(
            line => line.StartsWith("grpc_server_started_total{", StringComparison.Ordinal)
                && line.Contains($"grpc_method=\"{method}\"", StringComparison.Ordinal));
        return line is null ? 0 : int.Parse(line[line.LastIndexOf(' ')..], CultureInfo.InvariantCulture);
    }

    public void Dispose()
    {
        Kill();
        _http.Dispose();
        _folder.Dispose();
    }

    private string Pid => _folder.File("pid");

    private IPEndPoint Socket(int port)
    {
        byte[] bytes = new byte[4];
        IpAddr.Parse(Address).WriteTo(bytes);
        return new IPEndPoint(new IPAddress(bytes), port);
    }

    private async Task<bool> IsHealthyAsync()
    {
        try
        {
            string health = await _http.GetStringAsync(new Uri(Observer + "/health"));
            return health.Contains("true", StringComparison.Ordinal);
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }
}
