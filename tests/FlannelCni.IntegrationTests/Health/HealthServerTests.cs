using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using System.Text;
using FlannelCni.Agent.Health;
using FlannelCni.Agent.Metrics;
using FlannelCni.TestKit;
using Microsoft.Extensions.Logging.Abstractions;

namespace FlannelCni.IntegrationTests.Health;

/// <summary>Real HTTP, over loopback.</summary>
public sealed class HealthServerTests : IAsyncLifetime
{
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource _end = new();
    private readonly FakeHealth _health = new();
    private readonly AgentMetrics _metrics = new("v1.2.3");
    private readonly HttpClient _client = new();
    private readonly List<Task> _running = [];
    private IPEndPoint _endPoint = new(IPAddress.Loopback, 0);

    public async ValueTask InitializeAsync() => _endPoint = await StartAsync(new IPEndPoint(IPAddress.Loopback, 0));

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        foreach (Task task in _running)
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => task);
        }

        _client.Dispose();
        _metrics.Dispose();
        _end.Dispose();
    }

    [Theory]
    [InlineData("/healthz", HttpStatusCode.OK, "flanneld is running")]
    [InlineData("/readyz", HttpStatusCode.ServiceUnavailable, "flanneld is not ready yet\nno lease yet\n")]
    [InlineData("/nothing", HttpStatusCode.NotFound, "404 page not found\n")]
    public async Task Probes_are_answered(string path, HttpStatusCode status, string body)
    {
        using HttpResponseMessage response = await GetAsync(path);

        Assert.Equal((status, body), (response.StatusCode, await BodyAsync(response)));
    }

    [Fact]
    public async Task Readiness_follows_the_agent_both_ways()
    {
        _health.UnreadyBecause = null;
        Assert.Equal(HttpStatusCode.OK, (await GetAsync("/readyz")).StatusCode);

        _health.UnreadyBecause = "the datastore is away";
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await GetAsync("/readyz")).StatusCode);
    }

    [Fact]
    public async Task Metrics_are_served()
    {
        _metrics.DriftRepaired("route");

        using HttpResponseMessage response = await GetAsync("/metrics");

        Assert.Equal("text/plain; version=0.0.4; charset=utf-8", response.Content.Headers.ContentType?.ToString());
        Assert.Contains(
            "flannel_drift_repaired_total{kind=\"route\"} 1\n", await BodyAsync(response), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_request_with_a_body_is_answered()
    {
        using StringContent body = new(new string('x', 100_000));

        using HttpResponseMessage response = await _client.PostAsync(
            Address("/healthz"), body, TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Theory]
    [InlineData("nonsense\r\n\r\n", "HTTP/1.1 400 ")]
    [InlineData("PRI * HTTP/2.0\r\n\r\n", "HTTP/1.1 505 ")]
    [InlineData("GET /healthz HTTP/1.1\r\n", "HTTP/1.1 400 ")]
    [InlineData("HEAD /healthz HTTP/1.1\r\n\r\n", "HTTP/1.1 200 ")]
    public async Task Raw_requests_have_an_answer_too(string request, string expected)
    {
        using Socket socket = await ConnectAsync();
        await SendAsync(socket, request);
        socket.Shutdown(SocketShutdown.Send);

        Assert.StartsWith(expected, await ReceiveAllAsync(socket), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_request_without_end_is_refused()
    {
        using Socket socket = await ConnectAsync();
        await SendAsync(socket, "GET /healthz HTTP/1.1\r\nX: " + new string('x', 9000));

        Assert.StartsWith("HTTP/1.1 431 ", await ReceiveAllAsync(socket), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_silent_client_is_hung_up_on()
    {
        using Socket socket = await ConnectAsync();
        await SendAsync(socket, "GET /heal");

        Assert.Equal("", await ReceiveAllAsync(socket).WaitAsync(
            TimeSpan.FromSeconds(8), TimeProvider.System, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Clients_that_hold_all_connections_do_not_keep_a_probe_out()
    {
        List<Socket> silent = [];
        for (int i = 0; i < 200; i++)
        {
            silent.Add(await ConnectAsync());
        }

        using HttpResponseMessage response = await GetAsync("/healthz");

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        silent.ForEach(static socket => socket.Dispose());
    }

    [Fact]
    public async Task A_client_that_resets_its_connection_is_forgotten()
    {
        for (int i = 0; i < 20; i++)
        {
            using Socket socket = await ConnectAsync();
            await SendAsync(socket, "GET /metrics HTTP/1.1\r\n\r\n");
            socket.LingerState = new LingerOption(true, 0);
        }

        Assert.Equal(HttpStatusCode.OK, (await GetAsync("/healthz")).StatusCode);
    }

    [Fact]
    public async Task A_taken_port_is_waited_for()
    {
        using Socket taken = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        taken.Listen();
        HealthServer server = Server((IPEndPoint)taken.LocalEndPoint!);   // bound just above
        _running.Add(server.RunAsync(_end.Token));
        Assert.Null(server.Bound);

        taken.Dispose();

        await Wait.Until(() => server.Bound is not null, TimeSpan.FromSeconds(10), "the server has the port");
    }

    [Fact]
    public async Task A_restarted_server_has_its_port_at_once()
    {
        using CancellationTokenSource end = new();
        HealthServer first = Server(new IPEndPoint(IPAddress.Loopback, 0));
        Task running = first.RunAsync(end.Token);
        await Wait.Until(() => first.Bound is not null, s_soon, "the first server listens");
        _endPoint = first.Bound!;   // just seen
        using HttpResponseMessage response = await GetAsync("/healthz");
        await end.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);

        HealthServer second = Server(_endPoint);
        _running.Add(second.RunAsync(_end.Token));

        Assert.Equal(_endPoint, second.Bound);
    }

    [Fact]
    public async Task Every_address_means_both_families()
    {
        IPEndPoint endPoint = await StartAsync(HealthServer.EndPoint(FlannelCni.Linux.Net.IpAddr.Any6, 0));

        foreach (string host in (string[])["127.0.0.1", "[::1]"])
        {
            using HttpResponseMessage response = await _client.GetAsync(
                new Uri($"http://{host}:{endPoint.Port}/healthz"), TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }
    }

    private HealthServer Server(IPEndPoint endPoint) => new(
        endPoint, new HealthPages(_health, _metrics.Render), TimeProvider.System, NullLogger.Instance);

    private async Task<IPEndPoint> StartAsync(IPEndPoint endPoint)
    {
        HealthServer server = Server(endPoint);
        _running.Add(server.RunAsync(_end.Token));
        await Wait.Until(() => server.Bound is not null, s_soon, "the server listens");
        return server.Bound!;   // just seen
    }

    private Uri Address(string path) => new($"http://{_endPoint}{path}");

    private Task<HttpResponseMessage> GetAsync(string path) =>
        _client.GetAsync(Address(path), TestContext.Current.CancellationToken);

    private static Task<string> BodyAsync(HttpResponseMessage response) =>
        response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);

    private async Task<Socket> ConnectAsync()
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(_endPoint, TestContext.Current.CancellationToken);
        return socket;
    }

    private static async Task SendAsync(Socket socket, string text) => await socket.SendAsync(
        Encoding.ASCII.GetBytes(text), SocketFlags.None, TestContext.Current.CancellationToken);

    // Until it hangs up.
    private static async Task<string> ReceiveAllAsync(Socket socket)
    {
        StringBuilder text = new();
        byte[] buffer = new byte[4096];
        int count;
        while ((count = await socket.ReceiveAsync(buffer, SocketFlags.None, TestContext.Current.CancellationToken)) > 0)
        {
            text.Append(Encoding.UTF8.GetString(buffer, 0, count));
        }

        return text.ToString();
    }

    private sealed class FakeHealth : IHealthSource
    {
        internal string? UnreadyBecause { get; set; } = "no lease yet";

        public bool IsAlive([NotNullWhen(false)] out string? reason)
        {
            reason = null;
            return true;
        }

        public bool IsReady([NotNullWhen(false)] out string? reason)
        {
            reason = UnreadyBecause;
            return reason is null;
        }
    }
}
