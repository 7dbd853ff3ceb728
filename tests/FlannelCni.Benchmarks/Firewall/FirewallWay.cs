using System.Diagnostics;
using System.Globalization;
using FlannelCni.Agent.Leases;
using FlannelCni.Agent.TrafficRules;
using FlannelCni.Agent.TrafficRules.Iptables;
using FlannelCni.Agent.TrafficRules.Nftables;
using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Processes;

namespace FlannelCni.Benchmarks.Firewall;

/// <summary>One way to look at the rules, measured in the network namespace of this process.</summary>
internal static class FirewallWay
{
    internal static readonly string[] Names =
        ["nftables", "iptables-nft", "iptables-legacy", "iptables-nft by rule", "iptables-legacy by rule"];

    private static readonly SubnetPair s_own = new(IpPrefix.Parse("10.42.1.0/24"), default);
    private static readonly TrafficSettings s_settings = new()
    {
        SubnetFile = "/run/flannel/subnet.env",
        Network = IpPrefix.Parse("10.42.0.0/16"),
        Masquerades = true,
        AcceptsForwarded = true,
    };

    /// <summary>A line of the table.</summary>
    internal static async Task<string> MeasureAsync(string name)
    {
        FirewallBenchmark.Shell("mount -t tmpfs tmpfs /run");    // the lock of iptables
        string variant = name.Contains("legacy", StringComparison.Ordinal) ? "iptables-legacy" : "iptables-nft";
        FirewallBenchmark.Shell($"{variant}-restore --noflush", FirewallBenchmark.KubeProxyRules());
        CountingPrograms programs = new();
        IptablesPrograms? iptables = await IptablesPrograms.FindAsync(programs, variant, CancellationToken.None);
        using IRulesWriter writer = name == "nftables"
            ? new NftablesWriter(s_settings)
            : new IptablesWriter(s_settings, iptables, ip6tables: null);
        await EnsureAsync(writer);
        await EnsureAsync(writer);
        Func<Task> look = name.EndsWith("by rule", StringComparison.Ordinal)
            ? () => ByRuleAsync(programs, variant)
            : () => EnsureAsync(writer);
        string line = await MeasureAsync(name, look, programs);
        string flush = name == "nftables"
            ? "nft flush chain ip flannel-ipv4 postrtg"
            : $"{variant} -t nat -F FLANNEL-POSTRTG";
        double repair = name.EndsWith("by rule", StringComparison.Ordinal) ? 0 : await RepairAsync(writer, flush);
        return line + (repair > 0 ? string.Create(CultureInfo.InvariantCulture, $"{repair,9:0.0} ms") : $"{"-",9}   ");
    }

    private static async Task<string> MeasureAsync(string name, Func<Task> look, CountingPrograms programs)
    {
        await look();
        programs.Count = 0;
        RUsage selfBefore = Usage(Libc.RUSAGE_SELF);
        RUsage childrenBefore = Usage(Libc.RUSAGE_CHILDREN);
        List<double> times = [];
        long begin = Stopwatch.GetTimestamp();
        while (times.Count < 5 || (Stopwatch.GetElapsedTime(begin).TotalSeconds < 3 && times.Count < 1000))
        {
            long start = Stopwatch.GetTimestamp();
            await look();
            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        double cpu = (Cpu(Usage(Libc.RUSAGE_SELF)) - Cpu(selfBefore)
            + Cpu(Usage(Libc.RUSAGE_CHILDREN)) - Cpu(childrenBefore)) / times.Count;
        int started = programs.Count / times.Count;
        string largest = "-";
        if (started > 0)
        {
            using ChildMemory memory = new("iptables");
            await look();
            largest = string.Create(CultureInfo.InvariantCulture, $"{memory.Megabytes:0.0} MB");
        }

        times.Sort();
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{name,-34}{times[times.Count / 2],7:0.00} ms{cpu,7:0.00} ms{started,10}{largest,12}");
    }

    /// <summary>
    /// Chain there? Rule there? A program each, for seven rules of masquerading and three of forwarding.
    /// </summary>
    private static async Task ByRuleAsync(CountingPrograms programs, string variant)
    {
        FamilyRules rules = TrafficPlan.ForIptables(s_settings, s_own, [])[0];
        foreach (IptablesPlace place in IptablesPlace.All(new TrafficNames(s_settings.SubnetFile)))
        {
            await CheckAsync(place.Hook, IptablesRules.Jump(place.Chain, place.Comment));
            foreach (TrafficRule rule in rules.Find(place.Role)!.Rules)
            {
                await CheckAsync(place.Chain, IptablesRules.Rule(rule, place.Comment, supportsFullyRandom: true));
            }

            async Task CheckAsync(string chain, string rule)
            {
                string path = programs.Find(variant)!;
                string[] words = [.. rule.Split('"').SelectMany(static (part, i) =>
                    i % 2 == 1 ? [part] : part.Split(' ', StringSplitOptions.RemoveEmptyEntries))];
                await Succeed([path, "-t", place.Table, "-S", chain, "1", "--wait"]);
                await Succeed([path, "-t", place.Table, "-C", chain, .. words, "--wait"]);
            }
        }

        async Task Succeed(string[] command)
        {
            ChildResult result = await programs.RunAsync(command[0], command[1..], [], CancellationToken.None);
            if (result.ExitStatus != 0)
            {
                throw new InvalidOperationException(string.Join(' ', command));
            }
        }
    }

    private static async Task<double> RepairAsync(IRulesWriter writer, string flush)
    {
        List<double> times = [];
        for (int i = 0; i < 9; i++)
        {
            FirewallBenchmark.Shell(flush);
            long start = Stopwatch.GetTimestamp();
            await EnsureAsync(writer);
            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            await EnsureAsync(writer);
        }

        times.Sort();
        return times[times.Count / 2];
    }

    private static Task<RulesChange> EnsureAsync(IRulesWriter writer) =>
        writer.EnsureAsync(s_own, [], CancellationToken.None);

    private static RUsage Usage(int who)
    {
        RUsage usage = default;
        _ = Libc.getrusage(who, ref usage);
        return usage;
    }

    private static double Cpu(in RUsage usage) =>
        ((usage.UserTime.Seconds + usage.SystemTime.Seconds) * 1e3)
        + ((usage.UserTime.Microseconds + usage.SystemTime.Microseconds) / 1e3);

    private sealed class CountingPrograms : IPrograms
    {
        private readonly HostPrograms _host = new(new Dictionary<string, string>
        {
            ["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin",
        });

        internal int Count { get; set; }

        public string? Find(string name) => _host.Find(name);

        public Task<ChildResult> RunAsync(
            string path, IReadOnlyList<string> arguments, byte[] input, CancellationToken cancellationToken)
        {
            Count++;
            return _host.RunAsync(path, arguments, input, cancellationToken);
        }
    }
}
