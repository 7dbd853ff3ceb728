using System.Collections.Immutable;
using FlannelCni.Linux.Net;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent.Options;

/// <summary>What flags and environment say, read and checked once. Null or none: not given.</summary>
internal sealed record AgentOptions
{
    public required ImmutableArray<string> EtcdEndpoints { get; init; }

    public required string EtcdPrefix { get; init; }

    public string? EtcdKeyFile { get; init; }

    public string? EtcdCertFile { get; init; }

    public string? EtcdCAFile { get; init; }

    public string? EtcdUsername { get; init; }

    public string? EtcdPassword { get; init; }

    /// <summary>Names or addresses, to be tried in this order.</summary>
    public ImmutableArray<string> Ifaces { get; init; } = [];

    public ImmutableArray<string> IfaceRegexes { get; init; } = [];

    public IpAddr IfaceCanReach { get; init; }

    public required string SubnetFile { get; init; }

    /// <summary>IPv4 if given.</summary>
    public IpAddr PublicIP { get; init; }

    /// <summary>IPv6 if given.</summary>
    public IpAddr PublicIPv6 { get; init; }

    /// <summary>1 minute to 23 h 59 min.</summary>
    public required TimeSpan SubnetLeaseRenewMargin { get; init; }

    public bool IPMasq { get; init; }

    public bool IPMasqFullyRandomDisable { get; init; }

    /// <summary>Of both families, host bits cleared.</summary>
    public ImmutableArray<IpPrefix> IPMasqExclude { get; init; } = [];

    public bool IPMasqExcludeNodes { get; init; }

    public bool KubeSubnetMgr { get; init; }

    public string? KubeApiUrl { get; init; }

    public required string KubeAnnotationPrefix { get; init; }

    public string? KubeconfigFile { get; init; }

    public required string NetConfigPath { get; init; }

    public bool SetNodeNetworkUnavailable { get; init; }

    public required IpAddr HealthzIP { get; init; }

    /// <summary>0: no health server.</summary>
    public int HealthzPort { get; init; }

    /// <summary>At least a second.</summary>
    public required TimeSpan IptablesResync { get; init; }

    public bool IptablesForwardRules { get; init; }

    public bool IPBlackholeRoute { get; init; }

    /// <summary>Where plugins that vanish are put back; null: nowhere.</summary>
    public string? CniBinDir { get; init; }

    /// <summary>Where they are taken from.</summary>
    public required string CniPlugins { get; init; }

    /// <summary>klog's <c>-v</c>.</summary>
    public int Verbosity { get; init; }

    /// <summary>NODE_NAME.</summary>
    public string? NodeName { get; init; }

    /// <summary>POD_NAME, which leads to the Node's name where <see cref="NodeName"/> is not given.</summary>
    public string? PodName { get; init; }

    /// <summary>POD_NAMESPACE.</summary>
    public string? PodNamespace { get; init; }

    /// <summary>NOTIFY_SOCKET: where systemd listens.</summary>
    public string? NotifySocket { get; init; }

    /// <summary>The flags that somebody set.</summary>
    public ImmutableArray<GivenFlag> Given { get; init; } = [];

    /// <summary>To be logged at the start: what was taken without effect.</summary>
    public ImmutableArray<string> Warnings { get; init; } = [];

    /// <summary>The least level that is logged.</summary>
    public LogLevel LogLevel => Verbosity switch
    {
        < 2 => LogLevel.Information,
        < 6 => LogLevel.Debug,
        _ => LogLevel.Trace,
    };

    /// <summary>One line for the log: what differs from the defaults, secrets left out.</summary>
    public override string ToString() => Given.IsEmpty ? "all defaults" : string.Join(' ', Given);
}
