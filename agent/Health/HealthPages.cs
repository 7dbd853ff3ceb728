namespace FlannelCni.Agent.Health;

/// <summary>What is answered to which path. The first lines are upstream's.</summary>
/// <param name="metrics">The metrics as text, made anew at each call.</param>
internal sealed class HealthPages(IHealthSource health, Func<string> metrics)
{
    /// <summary>The text format of Prometheus, version 0.0.4.</summary>
    private const string MetricsType = "text/plain; version=0.0.4; charset=utf-8";

    internal HttpResponse Answer(string path) => path switch
    {
        "/healthz" => health.IsAlive(out string? reason)
            ? HttpResponse.Text(200, "flanneld is running")
            : HttpResponse.Text(503, $"flanneld is stalled\n{reason}\n"),
        "/readyz" => health.IsReady(out string? reason)
            ? HttpResponse.Text(200, "flanneld is ready")
            : HttpResponse.Text(503, $"flanneld is not ready yet\n{reason}\n"),
        "/metrics" => new HttpResponse(200, MetricsType, metrics()),
        _ => HttpResponse.Text(404, "404 page not found\n"),
    };
}
