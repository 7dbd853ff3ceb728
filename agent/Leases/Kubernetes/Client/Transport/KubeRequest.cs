namespace FlannelCni.Agent.Leases.Kubernetes.Client.Transport;

/// <summary>A request to the API server.</summary>
/// <param name="What">For messages: <c>list nodes</c>.</param>
/// <param name="PathAndQuery">Without a slash at the begin.</param>
internal sealed record KubeRequest(HttpMethod Method, string What, string PathAndQuery)
{
    internal const string Json = "application/json";
    internal const string Protobuf = "application/vnd.kubernetes.protobuf";

    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(30);

    /// <summary>The forms that we can read, the better one first.</summary>
    public string Accept { get; init; } = Json;

    /// <summary>Of the content; null: there is none.</summary>
    public string? ContentType { get; init; }

    public ReadOnlyMemory<byte> Content { get; init; }

    /// <summary>Until the head of the answer, and then until each next part of its body.</summary>
    public TimeSpan Timeout { get; init; } = s_timeout;
}
