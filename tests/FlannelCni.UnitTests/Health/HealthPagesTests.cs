using System.Diagnostics.CodeAnalysis;
using System.Text;
using FlannelCni.Agent.Health;

namespace FlannelCni.UnitTests.Health;

public sealed class HealthPagesTests
{
    private readonly FakeHealth _health = new();
    private readonly HealthPages _pages;

    public HealthPagesTests() => _pages = new HealthPages(_health, static () => "a_total 1\n");

    [Fact]
    public void A_healthy_agent_answers_as_upstream_does()
    {
        Assert.Equal((200, "flanneld is running"), Ask("/healthz"));
        Assert.Equal((200, "flanneld is ready"), Ask("/readyz"));
    }

    [Fact]
    public void An_unhealthy_one_says_why_after_upstream_s_line()
    {
        _health.DeadBecause = "the reconciler has stood still for 40 s";
        _health.UnreadyBecause = "no lease yet";

        Assert.Equal((503, "flanneld is stalled\nthe reconciler has stood still for 40 s\n"), Ask("/healthz"));
        Assert.Equal((503, "flanneld is not ready yet\nno lease yet\n"), Ask("/readyz"));
    }

    [Fact]
    public void Metrics_are_of_Prometheus_content_type()
    {
        HttpResponse expected = new(200, "text/plain; version=0.0.4; charset=utf-8", "a_total 1\n");

        Assert.Equal(expected, _pages.Answer("/metrics"));
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/healthz/")]
    [InlineData("*")]
    public void Other_pages_are_not_found(string path)
    {
        Assert.Equal(404, Ask(path).Status);
    }

    [Fact]
    public void An_answer_ends_its_connection_and_HEAD_has_no_body()
    {
        HttpResponse response = HttpResponse.Text(200, "grün");
        DateTimeOffset now = new(2026, 8, 21, 14, 3, 5, TimeSpan.Zero);

        Assert.Equal(
            "HTTP/1.1 200 OK\r\nDate: Fri, 21 Aug 2026 14:03:05 GMT\r\nContent-Type: text/plain; charset=utf-8\r\n"
            + "Content-Length: 5\r\nConnection: close\r\n\r\ngrün",
            Encoding.UTF8.GetString(response.ToBytes(now, withBody: true)));
        Assert.EndsWith(
            "\r\n\r\n", Encoding.UTF8.GetString(response.ToBytes(now, withBody: false)), StringComparison.Ordinal);
    }

    private (int Status, string Body) Ask(string path)
    {
        HttpResponse response = _pages.Answer(path);
        return (response.Status, response.Body);
    }

    private sealed class FakeHealth : IHealthSource
    {
        internal string? DeadBecause { get; set; }

        internal string? UnreadyBecause { get; set; }

        public bool IsAlive([NotNullWhen(false)] out string? reason)
        {
            reason = DeadBecause;
            return reason is null;
        }

        public bool IsReady([NotNullWhen(false)] out string? reason)
        {
            reason = UnreadyBecause;
            return reason is null;
        }
    }
}
