using System.Globalization;
using System.Net.Sockets;
using System.Text.Json;
using FlannelCni.Linux.Processes;

namespace FlannelCni.TestKit;

/// <summary>
/// A node for the published agent: a network namespace of an <see cref="AgentCluster"/> or <see cref="KubeCluster"/>,
/// and /run and /var/lib that no other node sees. What the agent logs is kept over all its runs.
/// </summary>
public sealed class AgentNode : IDisposable
{
    private readonly TestFolder _home = new();
    private readonly List<AgentProcess> _agents = [];
    private readonly HttpClient _http;
    private readonly string _options;
    private readonly string _environment;

    /// <param name="options">Of every agent on it.</param>
    /// <param name="environment">The same, as for env: <c>A=1 B=2</c>.</param>
    internal AgentNode(int number, TestNode net, string options, string environment = "")
    {
        (Number, Net, _options, _environment) = (number, net, options, environment);
        Directory.CreateDirectory(_home.File("run"));
        Directory.CreateDirectory(_home.File("lib"));
        _http = new HttpClient(new SocketsHttpHandler { ConnectCallback = ConnectAsync });
    }

    /// <summary>A start of the agent, up to its first complete list of leases, takes a fraction of this.</summary>
    public static TimeSpan Soon { get; } = TimeSpan.FromSeconds(10);

    /// <summary>From 1.</summary>
    public int Number { get; }

    /// <summary>Its network namespace.</summary>
    public TestNode Net { get; }

    /// <summary>Of eth0: 192.0.2.NUMBER.</summary>
    public string Address => TestCluster.Address4(Number).ToString();

    /// <summary>The one started last.</summary>
    public AgentProcess Agent => _agents[^1];

    /// <summary>All that its agents have logged.</summary>
    public string Log => File.Exists(LogFile) ? File.ReadAllText(LogFile) : "";

    /// <summary>The text of subnet.env.</summary>
    public string SubnetEnv => File.ReadAllText(PathOf("/run/flannel/subnet.env"));

    /// <summary>FLANNEL_SUBNET: <c>10.244.7.1/24</c>.</summary>
    public string Gateway => Value("FLANNEL_SUBNET");

    /// <summary>FLANNEL_SUBNET's address.</summary>
    public string PodAddress => Gateway[..Gateway.IndexOf('/')];

    /// <summary>The subnet's base, which is the tunnel device's address: <c>10.244.7.0</c>.</summary>
    public string TunnelAddress => PodAddress[..PodAddress.LastIndexOf('.')] + ".0";

    /// <summary>The leased subnet, of 24 bits: <c>10.244.7.0/24</c>.</summary>
    public string Subnet => TunnelAddress + "/24";

    /// <summary>The MAC of flannel.1.</summary>
    public string Mac => Link("flannel.1").GetProperty("address").GetString() ?? "";

    private string LogFile => _home.File("log");

    /// <summary>Where everybody finds a file of the node's below /run or /var/lib.</summary>
    public string PathOf(string path) => path.StartsWith("/var/", StringComparison.Ordinal)
        ? _home.Path + path["/var".Length..]
        : _home.Path + path;

    /// <summary>A line of subnet.env.</summary>
    public string Value(string name) => SubnetEnv.Split('\n')
        .First(line => line.StartsWith(name + "=", StringComparison.Ordinal))[(name.Length + 1)..];

    /// <summary>How many lines of the log contain the text.</summary>
    public int LogCount(string text) => Log.Split('\n').Count(
        line => line.Contains(text, StringComparison.Ordinal));

    /// <summary>Starts an agent of the cluster, with these options and variables after the fixture's own.</summary>
    /// <param name="environment">As for env: <c>A=1 B=2</c>.</param>
    public AgentProcess Start(string options = "", string environment = "") =>
        StartBare($"{_options} --healthz-port=8081 {options}", $"{_environment} {environment}");

    /// <summary>Starts flanneld with nothing but these options.</summary>
    public AgentProcess StartBare(string arguments, string environment = "")
    {
        AgentProcess agent = AgentProcess.Start(Net, _home.Path, arguments, environment, LogFile);
        _agents.Add(agent);
        return agent;
    }

    /// <summary>Starts an agent and waits until it is ready.</summary>
    public async Task<AgentProcess> StartReadyAsync(string options = "", string environment = "")
    {
        int written = LogCount("Subnet file");
        AgentProcess agent = Start(options, environment);
        await Wait.Until(
            () => agent.HasEnded || LogCount("Subnet file") > written, Soon, () => $"subnet.env is written: {Log}");
        await ReadyAsync();
        return agent;
    }

    /// <summary>Waits until /readyz says so.</summary>
    public Task ReadyAsync(int port = 8081) => Wait.Until(
        async () => (await GetAsync("/readyz", port)).Status == 200, Soon, () => $"node {Number} is ready: {Log}");

    /// <summary>Waits until its agent has admitted so many peers.</summary>
    public Task KnowsAsync(int peers) => Wait.Until(
        async () => await MetricAsync("flannel_peers{state=\"admitted\"}") == peers,
        Soon,
        () => $"node {Number} knows {peers} peers: {Log}");

    /// <summary>Status and body of a page of the health server; 0: it does not answer.</summary>
    public async Task<(int Status, string Body)> GetAsync(string path, int port = 8081)
    {
        Uri uri = new(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}{path}"));
        try
        {
            using HttpResponseMessage response = await _http.GetAsync(uri);
            return ((int)response.StatusCode, await response.Content.ReadAsStringAsync());
        }
        catch (HttpRequestException)
        {
            return (0, "");
        }
    }

    /// <summary>A sample of /metrics; 0: there is none. <c>flannel_peers{state="admitted"}</c>.</summary>
    public async Task<double> MetricAsync(string sample)
    {
        (_, string body) = await GetAsync("/metrics");
        string? line = body.Split('\n').FirstOrDefault(
            line => line.StartsWith(sample + " ", StringComparison.Ordinal));
        return line is null ? 0 : double.Parse(line[(sample.Length + 1)..], CultureInfo.InvariantCulture);
    }

    /// <summary>The link as iproute2 shows it.</summary>
    public JsonElement Link(string name) => Net.ShellJson($"ip -json -details link show {name}")[0];

    /// <summary>A setting of flannel.1 as iproute2 names it: <c>local</c>, <c>link</c>.</summary>
    public string TunnelData(string name, string device = "flannel.1") =>
        Link(device).GetProperty("linkinfo").GetProperty("info_data").GetProperty(name).ToString();

    /// <summary>Gives the node an address that pods of others can reach: FLANNEL_SUBNET, on a bridge.</summary>
    public void AddPodAddress(string bridge = "pods") => Net.Shell(
        $"ip link add {bridge} up type bridge && ip address add {Gateway} dev {bridge}");

    /// <summary>Pings from this node's pod address to the other's: how many were sent, how many came back.</summary>
    public (int Sent, int Received) Ping(AgentNode other, string options = "-c 3 -i 0.05 -W 2") =>
        PingResult(StartPing(other, options));

    /// <summary>The same in the background; for <see cref="PingResult"/>.</summary>
    public ChildProcess StartPing(AgentNode other, string options) =>
        Net.Start($"exec ping -q {options} -I {PodAddress} {other.PodAddress}");

    /// <summary>Waits for the end of a ping.</summary>
    public static (int Sent, int Received) PingResult(ChildProcess ping)
    {
        using (ping)
        {
            // "200 packets transmitted, 200 received, 0% packet loss, time 2189ms"
            string[] words = System.Text.Encoding.UTF8.GetString(ping.Wait().Output).Split([' ', '\n', ',']);
            return (Before(words, "packets"), Before(words, "received"));
        }
    }

    /// <summary>Waits until a ping to the other's pod address comes back.</summary>
    public Task ReachesAsync(AgentNode other, TimeSpan? within = null) => Wait.Until(
        () => Task.FromResult(Ping(other, "-c 1 -W 0.3").Received == 1),
        within ?? Soon,
        () => $"node {Number} reaches node {other.Number}: {Log}");

    public void Dispose()
    {
        _agents.ForEach(static agent => agent.Dispose());
        _http.Dispose();
        _home.Dispose();
    }

    private static int Before(string[] words, string word)
    {
        int at = Array.IndexOf(words, word);
        return at < 1 ? 0 : int.Parse(words[at - 1], CultureInfo.InvariantCulture);
    }

    // The socket belongs to the namespace of the thread that makes it.
    private async ValueTask<Stream> ConnectAsync(
        SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        Socket socket = Net.Namespace.Run(
            static () => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        try
        {
            await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
