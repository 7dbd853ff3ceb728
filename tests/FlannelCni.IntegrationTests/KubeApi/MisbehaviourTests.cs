using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.Json.Nodes;
using FlannelCni.TestKit.KubeApi;
using FlannelCni.TestKit.KubeApi.Access;

namespace FlannelCni.IntegrationTests.KubeApi;

/// <summary>Credentials, and what the server does on command.</summary>
public sealed class MisbehaviourTests : IAsyncLifetime
{
    private const string Nodes = "/api/v1/nodes";

    private KubeApiServer _server = null!;
    private ApiClient _client = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await KubeApiServer.StartAsync();
        _server.Nodes.Add(NodeTemplate.Create("a", null, "192.0.2.1"));
        _client = new ApiClient(_server);
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task Who_shows_nothing_may_not_and_who_shows_what_is_invalid_is_unknown()
    {
        _client.Token = null;
        Assert.Equal(403, (await _client.GetAsync(Nodes)).Status);

        _client.Token = "wrong";
        Assert.Equal(401, (await _client.GetAsync(Nodes)).Status);

        _client.Token = _server.CreateToken(KubeUser.ServiceAccount("kube-flannel", "flannel"));
        Assert.Equal(403, (await _client.GetAsync(Nodes)).Status);

        _server.ExpireToken(_server.Token);
        _client.Token = _server.Token;
        Assert.Equal(401, (await _client.GetAsync(Nodes)).Status);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_client_certificate_says_who_one_is(int http)
    {
        (string certificate, string key) = _server.CreateClientCertificate(KubeUser.Admin);
        using X509Certificate2 identity = X509Certificate2.CreateFromPem(certificate, key);
        using HttpClient client = new(new SocketsHttpHandler
        {
            SslOptions =
            {
                CertificateChainPolicy = ApiClient.Trust(_server),
                ClientCertificates = [identity],
            },
        })
        {
            DefaultRequestVersion = new Version(http, http == 1 ? 1 : 0),
        };

        using HttpResponseMessage response = await client.GetAsync(
            new Uri(_server.Url + Nodes), TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("kubernetes-admin", _server.Requests.Last().User!.Name);
    }

    [Fact]
    public async Task Requests_fail_as_often_as_commanded()
    {
        _server.Faults.Fail(429, static request => request.IsNodeList, times: 1, retryAfterSeconds: 7);

        (int status, JsonNode error) = await _client.GetAsync(Nodes);

        Assert.Equal((429, "TooManyRequests", 7), (
            status, (string)error["reason"]!, (int)error["details"]!["retryAfterSeconds"]!));
        Assert.Equal(200, (await _client.GetAsync(Nodes)).Status);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_stream_is_cut_or_ends_too_soon(int http)
    {
        _client.Version = new Version(http, http == 1 ? 1 : 0);

        _server.Faults.Cut(40, times: 1);
        await Assert.ThrowsAsync<HttpRequestException>(() => _client.GetAsync(Nodes));

        _server.Faults.Truncate(40, times: 1);
        await Assert.ThrowsAnyAsync<JsonException>(() => _client.GetAsync(Nodes));

        Assert.Equal(200, (await _client.GetAsync(Nodes)).Status);
    }

    [Fact]
    public async Task A_list_is_empty_at_the_right_version()
    {
        _server.Faults.EmptyLists(times: 1);

        (_, JsonNode list) = await _client.GetAsync(Nodes);

        Assert.Empty(list["items"]!.AsArray());
        Assert.Equal(_server.ResourceVersion.ToString(null, null), (string)list["metadata"]!["resourceVersion"]!);
    }

    [Fact]
    public async Task A_paused_server_answers_when_it_goes_on()
    {
        _ = await _client.GetAsync(Nodes);
        _server.Pause();
        Task<(int Status, JsonNode Body)> answer = _client.GetAsync(Nodes);
        await Task.Delay(
            TimeSpan.FromMilliseconds(200), TimeProvider.System, TestContext.Current.CancellationToken);
        Assert.False(answer.IsCompleted);

        _server.Resume();

        Assert.Equal(200, (await answer).Status);
    }

    [Fact]
    public async Task A_stopped_server_refuses_and_comes_back_with_what_it_stores()
    {
        await _server.StopAsync();
        await Assert.ThrowsAsync<HttpRequestException>(() => _client.GetAsync(Nodes));

        await _server.RestartAsync();

        (_, JsonNode list) = await _client.GetAsync(Nodes);
        Assert.Equal("a", (string)list["items"]![0]!["metadata"]!["name"]!);
    }

    [Fact]
    public async Task Open_watches_expire_and_silent_ones_say_nothing()
    {
        _server.Faults.SilentWatches(times: 1);
        await foreach ((string kind, JsonNode _) in _client.WatchAsync($"{Nodes}?watch=true&timeoutSeconds=1"))
        {
            Assert.Fail($"{kind} from a silent watch");
        }

        List<string> seen = [];
        await foreach ((string kind, JsonNode _) in _client.WatchAsync($"{Nodes}?watch=true"))
        {
            seen.Add(kind);
            _server.ExpireWatches();
        }

        Assert.Equal(["ADDED", "ERROR"], seen);
    }
}
