using FlannelCni.Agent.Metrics;
using FlannelCni.Agent.TrafficRules;
using FlannelCni.Agent.TrafficRules.Iptables;
using FlannelCni.Agent.TrafficRules.Nftables;
using FlannelCni.Linux.Nftables;
using FlannelCni.TestKit;
using Microsoft.Extensions.Logging;

namespace FlannelCni.IntegrationTests.TrafficRules;

/// <summary>The three ways to bring rules into the kernel, for a node of a test.</summary>
internal sealed class TrafficModes(TestNode node) : IDisposable
{
    internal static readonly string[] All = ["nftables", "iptables-nft", "iptables-legacy"];

    private readonly TestFolder _folder = new();
    private readonly AgentMetrics _metrics = new();

    internal string RenderMetrics() => _metrics.Render();

    /// <summary>An agent's keeper of rules, as its start makes it.</summary>
    internal async Task<RulesKeeper> OpenAsync(string mode, TrafficSettings settings, ILogger? logger = null)
    {
        NodePrograms programs = Programs();
        TrafficNames names = new(settings.SubnetFile);
        IptablesHost host = new(
            programs,
            () => node.Namespace.Run(NftSocket.Open),
            is6 => node.Namespace.Run(() => IptablesHost.ListLegacyTables(is6)));
        List<ILeftRules> left = [];
        if (mode != "nftables")
        {
            left.Add(node.Namespace.Run(() => new LeftNftables(names, NftSocket.Open())));
        }

        if (mode != "iptables-nft")
        {
            left.Add(node.Namespace.Run(() => new LeftNftIptables(names, [false, true], NftSocket.Open())));
        }

        if (mode != "iptables-legacy")
        {
            left.Add(new LeftLegacyIptables(names, [false, true], host));
        }

        IRulesWriter writer = await WriterAsync(mode, settings, programs);
        return new RulesKeeper(settings, writer, left, _metrics, TimeProvider.System, logger ?? new LogLines());
    }

    internal NodePrograms Programs() => new(node, _folder);

    public void Dispose()
    {
        _metrics.Dispose();
        _folder.Dispose();
    }

    private async Task<IRulesWriter> WriterAsync(string mode, TrafficSettings settings, NodePrograms programs)
    {
        if (mode == "nftables")
        {
            return node.Namespace.Run(() => new NftablesWriter(settings));
        }

        IptablesPrograms? iptables = await IptablesPrograms.FindAsync(programs, mode, CancellationToken.None);
        IptablesPrograms? ip6tables = await IptablesPrograms.FindAsync(
            programs, mode.Replace("iptables", "ip6tables", StringComparison.Ordinal), CancellationToken.None);
        return node.Namespace.Run(() =>
            new IptablesWriter(settings, iptables, settings.IPv6Network.IsNone ? null : ip6tables));
    }
}
