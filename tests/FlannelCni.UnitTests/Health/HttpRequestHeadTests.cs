using System.Text;
using FlannelCni.Agent.Health;

namespace FlannelCni.UnitTests.Health;

public sealed class HttpRequestHeadTests
{
    [Theory]
    [InlineData("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/healthz")]
    [InlineData("HEAD /readyz HTTP/1.0\r\n\r\n", "HEAD", "/readyz")]
    [InlineData("GET /metrics HTTP/1.1\n\n", "GET", "/metrics")]
    [InlineData("POST /healthz?verbose=1 HTTP/1.1\r\n\r\nbody", "POST", "/healthz")]
    [InlineData("GET http://node:8081/readyz?x HTTP/1.1\r\n\r\n", "GET", "/readyz")]
    [InlineData("GET http://node:8081 HTTP/1.1\r\n\r\n", "GET", "/")]
    [InlineData("OPTIONS * HTTP/1.1\r\n\r\n", "OPTIONS", "*")]
    public void A_request_has_a_method_and_a_path(string request, string method, string path)
    {
        Assert.True(HttpRequestHead.TryParse(Encoding.UTF8.GetBytes(request), out HttpRequestHead head, out _));

        Assert.Equal(new HttpRequestHead(method, path), head);
    }

    [Theory]
    [InlineData("", 400)]
    [InlineData("\r\n\r\n", 400)]
    [InlineData("GET\r\n\r\n", 400)]
    [InlineData("GET /healthz\r\n\r\n", 400)]
    [InlineData("GET  HTTP/1.1\r\n\r\n", 400)]
    [InlineData(" /healthz HTTP/1.1\r\n\r\n", 400)]
    [InlineData("GET /a b HTTP/1.1\r\n\r\n", 400)]
    [InlineData("GET /\0 HTTP/1.1\r\n\r\n", 400)]
    [InlineData("GET /ä HTTP/1.1\r\n\r\n", 400)]
    [InlineData("GET / FTP/1.1\r\n\r\n", 400)]
    [InlineData("\u0016\u0003\u0001\n\n", 400)]
    [InlineData("PRI * HTTP/2.0\r\n\r\n", 505)]
    public void Anything_else_is_refused(string request, int expected)
    {
        Assert.False(HttpRequestHead.TryParse(Encoding.UTF8.GetBytes(request), out _, out int status));

        Assert.Equal(expected, status);
    }
}
