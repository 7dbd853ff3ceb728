using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using FlannelCni.TestKit.KubeApi;

namespace FlannelCni.IntegrationTests.KubeApi;

/// <summary>A plain HTTPS client of the test API server, that shows what is on the wire.</summary>
internal sealed class ApiClient(KubeApiServer server) : IDisposable
{
    private readonly HttpClient _http = new(new SocketsHttpHandler
    {
        SslOptions = { CertificateChainPolicy = Trust(server) },
    });

    /// <summary>Null: none.</summary>
    internal string? Token { get; set; } = server.Token;

    internal Version Version { get; set; } = HttpVersion.Version20;

    /// <summary>The server's own authority, and no other.</summary>
    internal static X509ChainPolicy Trust(KubeApiServer server) => new()
    {
        TrustMode = X509ChainTrustMode.CustomRootTrust,
        CustomTrustStore = { X509CertificateLoader.LoadCertificateFromFile(server.CAFile) },
        RevocationMode = X509RevocationMode.NoCheck,
    };

    /// <summary>Status and body.</summary>
    internal async Task<(int Status, JsonNode Body)> SendAsync(
        HttpMethod method, string path, string? body = null, string mediaType = "application/json")
    {
        using HttpResponseMessage response = await SendAsync(
            method, path, body, mediaType, HttpCompletionOption.ResponseContentRead);
        return ((int)response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync())!);
    }

    internal Task<(int Status, JsonNode Body)> GetAsync(string path) => SendAsync(HttpMethod.Get, path);

    /// <summary>The events of a watch, as long as it goes on; kind and object.</summary>
    internal async IAsyncEnumerable<(string Kind, JsonNode Object)> WatchAsync(string path)
    {
        using HttpResponseMessage response = await SendAsync(
            HttpMethod.Get, path, null, "", HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(200, (int)response.StatusCode);
        using StreamReader reader = new(await response.Content.ReadAsStreamAsync());
        while (await reader.ReadLineAsync() is string line)
        {
            JsonNode found = JsonNode.Parse(line)!;
            yield return ((string)found["type"]!, found["object"]!);
        }
    }

    public void Dispose() => _http.Dispose();

    private Task<HttpResponseMessage> SendAsync(
        HttpMethod method, string path, string? body, string mediaType, HttpCompletionOption option)
    {
        HttpRequestMessage request = new(method, server.Url + path)
        {
            Version = Version,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = body is null ? null : new ByteArrayContent(Encoding.UTF8.GetBytes(body)),
        };
        if (request.Content is not null)
        {
            request.Content.Headers.ContentType = new MediaTypeHeaderValue(mediaType);
        }

        if (Token is not null)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Token);
        }

        return _http.SendAsync(request, option);
    }
}
