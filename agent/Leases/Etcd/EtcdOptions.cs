namespace FlannelCni.Agent.Leases.Etcd;

/// <summary>Where etcd is, and how to be let in. Null: not given.</summary>
/// <param name="Endpoints">
/// URLs; <c>http://</c> may be left out. Begun with at any of them, so that agents spread; the next when it fails.
/// </param>
/// <param name="Prefix">Of all keys, <c>/coreos.com/network</c>.</param>
/// <param name="CaFile">PEM; who may sign the servers' certificates. Null: the system's authorities.</param>
/// <param name="CertFile">PEM; our own certificate, together with <paramref name="KeyFile"/>.</param>
/// <param name="RenewMargin">How long before its end a lease is renewed.</param>
internal sealed record EtcdOptions(
    IReadOnlyList<string> Endpoints,
    string Prefix,
    string? CaFile,
    string? CertFile,
    string? KeyFile,
    string? Username,
    string? Password,
    TimeSpan RenewMargin)
{
    /// <summary>How long a lease outlives its node.</summary>
    public TimeSpan LeaseTtl { get; init; } = TimeSpan.FromHours(24);

    /// <summary>For one answer from one endpoint.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Silence on a connection in use before it is asked for a sign of life. etcd hangs up on clients that ask more
    /// often than every 5 s.
    /// </summary>
    public TimeSpan PingDelay { get; init; } = TimeSpan.FromSeconds(6);

    /// <summary>For that sign of life, and for a connection to come about.</summary>
    public TimeSpan PingTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// How long most peers' leases must be gone before that is believed, when it happened while nobody watched: other
    /// nodes may need that long to write them again.
    /// </summary>
    public TimeSpan DoubtTime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Without the password: options end up in logs.</summary>
    public override string ToString() => $"etcd at {string.Join(", ", Endpoints)}, prefix {Prefix}";
}
