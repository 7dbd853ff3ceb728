using FlannelCni.Agent.Leases;
using FlannelCni.Agent.Options;
using FlannelCni.Agent.Supervision;
using FlannelCni.Agent.TrafficRules;
using FlannelCni.Agent.TrafficRules.Iptables;
using FlannelCni.Agent.TrafficRules.Nftables;
using FlannelCni.Linux;
using FlannelCni.Linux.Nftables;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent;

/// <summary>Chooses who writes the rules, and who cleans up after an agent that chose otherwise.</summary>
internal static partial class RulesKeeperFactory
{
    private const string BridgeFilter = "/proc/sys/net/bridge/bridge-nf-call-iptables";

    private static readonly TimeSpan s_longestResync = TimeSpan.FromDays(1);    // a timer cannot wait for years
    private static readonly bool[] s_bothFamilies = [false, true];    // is it IPv6?

    /// <summary>What the command line and the network config say about traffic.</summary>
    private static TrafficSettings SettingsOf(AgentOptions options, AgentPaths paths, NetworkConfig network) => new()
    {
        SubnetFile = paths.SubnetFile,
        Network = network.Network,
        IPv6Network = network.IPv6Network,
        UsesNftables = network.EnableNFTables,
        Masquerades = options.IPMasq,
        AcceptsForwarded = options.IptablesForwardRules,
        IsFullyRandom = !options.IPMasqFullyRandomDisable,
        Resync = options.IptablesResync < s_longestResync ? options.IptablesResync : s_longestResync,
        NotMasqueraded = options.IPMasqExclude,
        ExcludesNodes = options.IPMasqExcludeNodes,
    };

    /// <summary>Opens sockets in the calling thread's network namespace.</summary>
    /// <exception cref="AgentFatalException">nftables or iptables is not to be had.</exception>
    internal static async Task<RulesKeeper> CreateAsync(
        AgentContext agent, NetworkConfig network, CancellationToken cancellationToken)
    {
        TrafficSettings settings = SettingsOf(agent.Options, agent.Paths, network);
        HostPrograms programs = new(agent.Variables);
        ILogger logger = agent.Loggers.CreateLogger<RulesKeeper>();
        try
        {
            IRulesWriter writer;
            List<ILeftRules> left;
            TrafficNames names = new(settings.SubnetFile);
            IptablesHost host = new(programs, NftSocket.Open, IptablesHost.ListLegacyTables);
            if (settings.UsesNftables)
            {
                writer = new NftablesWriter(settings);
                left =
                [
                    new LeftNftIptables(names, s_bothFamilies, NftSocket.Open()),
                    new LeftLegacyIptables(names, s_bothFamilies, host),
                ];
            }
            else
            {
                IptablesWriter iptables = await CreateIptablesAsync(settings, host, cancellationToken);
                (writer, left) = (iptables, BesideIptables(names, host, iptables));
                if (!File.Exists(BridgeFilter))
                {
                    Log.NoBridgeFilter(logger);
                }
            }

            return new RulesKeeper(settings, writer, left, agent.Metrics, agent.Time, logger);
        }
        catch (Exception e) when (e is LinuxException or RulesException)
        {
            throw new AgentFatalException($"firewall rules: {e.Message}", e);
        }
    }

    private static async Task<IptablesWriter> CreateIptablesAsync(
        TrafficSettings settings, IptablesHost host, CancellationToken cancellationToken) => new(
            settings,
            settings.Network.IsNone ? null : await host.ChooseAsync(is6: false, cancellationToken),
            settings.IPv6Network.IsNone ? null : await host.ChooseAsync(is6: true, cancellationToken));

    /// <summary>nftables; the other variant of iptables; and in the same variant a family that is off now.</summary>
    private static List<ILeftRules> BesideIptables(TrafficNames names, IptablesHost host, IptablesWriter writer)
    {
        List<ILeftRules> left =
        [
            new LeftLegacyIptables(names, [.. s_bothFamilies.Where(is6 => writer.IsNft(is6) != false)], host),
        ];
        try
        {
            left.Add(new LeftNftables(names, NftSocket.Open()));
            left.Add(new LeftNftIptables(
                names, [.. s_bothFamilies.Where(is6 => writer.IsNft(is6) != true)], NftSocket.Open()));
        }
        catch (LinuxException)
        {
            // This kernel has no nftables: nobody left anything there.
        }

        return left;
    }

    private static partial class Log
    {
        [LoggerMessage(
            LogLevel.Warning,
            "The kernel module br_netfilter is not loaded: pods of this node that talk to each other through a Service "
            + "may get no answer. Load it on the host: modprobe br_netfilter")]
        internal static partial void NoBridgeFilter(ILogger logger);
    }
}
