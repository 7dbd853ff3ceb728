using System.Diagnostics.CodeAnalysis;

namespace FlannelCni.Agent.Options;

/// <summary>From arguments and environment to <see cref="AgentOptions"/>.</summary>
internal sealed class CommandLine
{
    private readonly FlagTable _flags = new();

    /// <summary>Reads the options. What is to be said to the user is written to <paramref name="stderr"/>.</summary>
    /// <param name="version">Printed for <c>--version</c>, before the environment is looked at.</param>
    /// <param name="exitCode">Where the result is false: 0 after help or version, 1 after an error.</param>
    /// <returns>False: there is nothing to run.</returns>
    internal static bool TryRead(
        IReadOnlyList<string> arguments,
        IReadOnlyDictionary<string, string> environment,
        string version,
        TextWriter stderr,
        [NotNullWhen(true)] out AgentOptions? options,
        out int exitCode)
    {
        options = new CommandLine().Read(arguments, environment, version, stderr, out exitCode);
        return options is not null;
    }

    private AgentOptions? Read(
        IReadOnlyList<string> arguments,
        IReadOnlyDictionary<string, string> environment,
        string version,
        TextWriter stderr,
        out int exitCode)
    {
        exitCode = 0;
        GoArguments go = GoArguments.Read(arguments, _flags.Find);
        if (go.WantsHelp)
        {
            FlagHelp.Write(
                stderr,
                "flanneld",
                "Leases a subnet to this node and keeps the routes to all others. "
                + "flanneld install-cni --help tells how to install the CNI plugins.",
                _flags.All);
            return null;
        }

        List<string> errors = go.Error is null ? [] : [go.Error];
        FlagValues values = new(go, environment);
        if (errors.Count == 0 && new FlagValues(go, NoEnvironment).Switch(_flags.Version))
        {
            stderr.WriteLine(version);
            return null;
        }

        AgentOptions options = Compose(values, environment);
        errors.AddRange(values.Errors);
        errors.AddRange(Contradictions(options));
        if (errors.Count == 0)
        {
            return options with { Given = [.. values.Given], Warnings = [.. Warnings(values, environment)] };
        }

        errors.ForEach(error => stderr.WriteLine($"flanneld: {error}"));
        stderr.WriteLine("flanneld: --help lists the flags");
        exitCode = 1;
        return null;
    }

    private static Dictionary<string, string> NoEnvironment { get; } = [];

    private AgentOptions Compose(FlagValues values, IReadOnlyDictionary<string, string> environment) => new()
    {
        EtcdEndpoints = [.. values.Text(_flags.EtcdEndpoints).Split(
            ',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)],
        EtcdPrefix = values.Text(_flags.EtcdPrefix),
        EtcdKeyFile = values.OptionalText(_flags.EtcdKeyFile),
        EtcdCertFile = values.OptionalText(_flags.EtcdCertFile),
        EtcdCAFile = values.OptionalText(_flags.EtcdCAFile),
        EtcdUsername = values.OptionalText(_flags.EtcdUsername),
        EtcdPassword = values.OptionalText(_flags.EtcdPassword),
        Ifaces = values.List(_flags.Iface),
        IfaceRegexes = values.List(_flags.IfaceRegex),
        IfaceCanReach = values.Address(_flags.IfaceCanReach, static _ => true, "an IP address"),
        SubnetFile = values.Text(_flags.SubnetFile),
        PublicIP = values.Address(_flags.PublicIP, static ip => ip.Is4, "an IPv4 address"),
        PublicIPv6 = values.Address(_flags.PublicIPv6, static ip => ip.Is6, "an IPv6 address"),
        SubnetLeaseRenewMargin = TimeSpan.FromMinutes(
            values.Number(_flags.SubnetLeaseRenewMargin, 1, 1439, "a number of minutes from 1 to 1439")),
        IPMasq = values.Switch(_flags.IPMasq),
        IPMasqFullyRandomDisable = values.Switch(_flags.IPMasqFullyRandomDisable),
        IPMasqExclude = values.Prefixes(_flags.IPMasqExclude),
        IPMasqExcludeNodes = values.Switch(_flags.IPMasqExcludeNodes),
        KubeSubnetMgr = values.Switch(_flags.KubeSubnetMgr),
        KubeApiUrl = values.OptionalText(_flags.KubeApiUrl),
        KubeAnnotationPrefix = values.Text(_flags.KubeAnnotationPrefix),
        KubeconfigFile = values.OptionalText(_flags.KubeconfigFile),
        NetConfigPath = values.Text(_flags.NetConfigPath),
        SetNodeNetworkUnavailable = values.Switch(_flags.SetNodeNetworkUnavailable),
        HealthzIP = values.Address(_flags.HealthzIP, static _ => true, "an IP address"),
        HealthzPort = Math.Max(0, values.Number(_flags.HealthzPort, int.MinValue, 65535, "a port, at most 65535")),
        IptablesResync = TimeSpan.FromSeconds(
            values.Number(_flags.IptablesResync, 1, int.MaxValue, "a number of seconds, at least 1")),
        IptablesForwardRules = values.Switch(_flags.IptablesForwardRules),
        IPBlackholeRoute = values.Switch(_flags.IPBlackholeRoute),
        CniBinDir = values.OptionalText(_flags.CniBinDir),
        CniPlugins = values.Text(_flags.CniPlugins),
        Verbosity = values.Number(_flags.Verbosity, int.MinValue, int.MaxValue, "a number"),
        NodeName = NonEmpty(environment, "NODE_NAME"),
        PodName = NonEmpty(environment, "POD_NAME"),
        PodNamespace = NonEmpty(environment, "POD_NAMESPACE"),
        NotifySocket = NonEmpty(environment, "NOTIFY_SOCKET"),
    };

    private static IEnumerable<string> Contradictions(AgentOptions options)
    {
        if (options.EtcdCertFile is null != options.EtcdKeyFile is null)
        {
            yield return "--etcd-certfile and --etcd-keyfile need each other";
        }

        if (options.EtcdEndpoints.IsEmpty)
        {
            yield return "--etcd-endpoints is empty";
        }
    }

    private IEnumerable<string> Warnings(FlagValues values, IReadOnlyDictionary<string, string> environment)
    {
        foreach (Flag flag in _flags.All.Where(flag => flag.HasNoEffect && values.IsGiven(flag)))
        {
            yield return $"--{flag.Name} has no effect";
        }

        HashSet<string> known = [.. _flags.All.Select(static flag => flag.Variable)];
        foreach (string name in environment.Keys.Where(name => IsMistaken(name)).Order(StringComparer.Ordinal))
        {
            yield return $"the environment variable {name} belongs to no flag and has no effect";
        }

        // What upstream's manifest sets needs no line; who turned its knobs should know that there are none here.
        if (environment.GetValueOrDefault("EVENT_QUEUE_DEPTH") is { Length: > 0 } and not "5000")
        {
            yield return "EVENT_QUEUE_DEPTH has no effect: there is no queue that could fill";
        }

        if (environment.GetValueOrDefault("CONT_WHEN_CACHE_NOT_READY") is { Length: > 0 } and not "false")
        {
            yield return "CONT_WHEN_CACHE_NOT_READY has no effect: a list of Nodes that is late is waited for, and "
                + "pods get their network meanwhile";
        }

        bool IsMistaken(string name) =>
            name.StartsWith(Flag.VariablePrefix, StringComparison.Ordinal) && !known.Contains(name);
    }

    private static string? NonEmpty(IReadOnlyDictionary<string, string> environment, string name) =>
        environment.GetValueOrDefault(name) is { Length: > 0 } value ? value : null;
}
