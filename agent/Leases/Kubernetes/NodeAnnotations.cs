namespace FlannelCni.Agent.Leases.Kubernetes;

/// <summary>The annotations of our prefix on a Node, as they stand there; null: absent.</summary>
internal sealed record NodeAnnotations
{
    internal static NodeAnnotations None { get; } = new();

    public string? KubeSubnetManager { get; init; }

    public string? BackendType { get; init; }

    public string? BackendData { get; init; }

    public string? BackendV6Data { get; init; }

    public string? PublicIP { get; init; }

    public string? PublicIPv6 { get; init; }

    public string? PublicIPOverwrite { get; init; }

    public string? PublicIPv6Overwrite { get; init; }

    public string? NodePublicIP { get; init; }

    public string? NodePublicIPv6 { get; init; }
}
