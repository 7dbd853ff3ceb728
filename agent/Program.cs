using FlannelCni.Agent.Backends;
using FlannelCni.Agent.DataPlane;
using FlannelCni.Agent.Health;
using FlannelCni.Agent.Leases;
using FlannelCni.Agent.Logging;
using FlannelCni.Agent.Metrics;
using FlannelCni.Agent.Options;
using FlannelCni.Agent.Supervision;
using FlannelCni.Agent.TrafficRules;
using FlannelCni.Agent.TrafficRules.Iptables;
using FlannelCni.Contract;
using FlannelCni.Linux;
using FlannelCni.Linux.Files;
using FlannelCni.Linux.Rtnetlink;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent;

/// <summary>The agent <c>flanneld</c>: what it does, in the order it does it.</summary>
internal static partial class Program
{
    private static async Task<int> Main(string[] args)
    {
        if (!CommandLine.TryRead(
            args,
            ProcessEnvironment.Read(),
            FlannelVersion.Text,
            Console.Error,
            out AgentOptions? options,
            out int exitCode))
        {
            return exitCode;
        }

        TimeProvider time = TimeProvider.System;
        using KlogLoggerFactory loggers = new(options.LogLevel, new LogWriter(Console.OpenStandardError(), time), time);
        ILogger logger = loggers.CreateLogger("flanneld");
        using StopSignal stop = new();
        try
        {
            Log.Started(logger, FlannelVersion.Text, options.ToString());
            foreach (string warning in options.Warnings)
            {
                Log.Warned(logger, warning);
            }

            UnservedFlags.Refuse(options);
            AgentPaths paths = AgentPaths.For(options.SubnetFile);
            using FileLock alone = paths.Take();
            using AgentMetrics metrics = new(FlannelVersion.Text);
            AgentHealth health = new(time);

            await Supervised.RunAllAsync(
                [
                    // From the very start, so that whoever asks learns what is being waited for.
                    ("health server", token => health.ServeAsync(options, metrics, logger, token)),
                    ("agent", token => RunAsync(options, paths, health, metrics, loggers, token)),
                ],
                stop.Token);
            Log.Stopped(logger);
            return 0;
        }
        catch (Exception e) when (e is AgentFatalException or LinuxException)
        {
            Log.Fatal(logger, e.Message);
            return 1;
        }
        catch (Exception e)
        {
            Log.Crashed(logger, e);
            return 2;
        }
    }

    private static async Task RunAsync(
        AgentOptions options,
        AgentPaths paths,
        AgentHealth health,
        AgentMetrics metrics,
        KlogLoggerFactory loggers,
        CancellationToken stop)
    {
        TimeProvider time = TimeProvider.System;
        ILogger logger = loggers.CreateLogger("flanneld");
        health.Starting("waiting for the network config");
        await using ISubnetManager manager = SubnetManagerFactory.Create(options, paths, metrics, time, loggers);
        NetworkConfig network = await manager.ReadNetworkConfigAsync(stop);

        using RtnlSocket rtnl = RtnlSocket.Open();
        UnderlaySource underlays = new(
            UnderlaySource.RequestOf(options, network), rtnl, loggers.CreateLogger<UnderlaySource>());
        Underlay underlay = underlays.Choose();

        // The devices first: their MACs are part of what the lease publishes. Their addresses follow from the lease.
        await using IBackend backend = BackendFactory.Create(network, paths.StateDirectory, rtnl);
        BackendState state = await backend.EnsureAsync(underlay, own: null, stop);
        health.Starting("waiting for a lease");
        Lease own = await manager.AcquireAsync(network, state.Attributes, stop);
        state = await backend.EnsureAsync(underlay, own, stop);

        // Before subnet.env lets pods start: what they send outside must not leave with their own address.
        health.Starting("setting the firewall rules");
        using RulesKeeper rules = await RulesKeeperFactory.CreateAsync(
            RulesKeeperFactory.SettingsOf(options, paths, network),
            new HostPrograms(ProcessEnvironment.Read()),
            metrics,
            time,
            loggers.CreateLogger<RulesKeeper>(),
            stop);
        await rules.StartAsync(new SubnetPair(own.Subnet, own.IPv6Subnet), stop);

        // From here on all is one loop: leases and the kernel's notifications go in, the reconciler makes them agree.
        Inbox inbox = new();
        using KernelMonitor monitor = new(inbox);
        NodePublisher publisher = new(
            paths.SubnetFile, options.IPMasq, network, manager, time, loggers.CreateLogger<NodePublisher>());
        publisher.Post(own, state);
        PlanInput input = new(network, state, underlay, own);
        Reconciler reconciler = new(
            backend,
            BackendFactory.CreateHousekeeping(backend, network, paths.StateDirectory, rtnl),
            underlays.Follow,
            OnOwnChanged,
            inbox,
            input,
            metrics,
            time,
            loggers.CreateLogger<Reconciler>());
        health.Running(reconciler);
        SystemdNotifier systemd = new(options.NotifySocket, logger);
        using CancellationTokenRegistration stopping = stop.Register(systemd.Stopping);
        await Supervised.RunAllAsync(
            [
                ("lease keeper", manager.KeepAsync),
                ("lease watcher", token => inbox.FollowAsync(manager, rules.Post, token)),
                ("kernel monitor", monitor.RunAsync),
                ("reconciler", reconciler.RunAsync),
                ("firewall rules", rules.RunAsync),
                ("publisher", token => publisher.RunAsync(own.Attributes, reconciler.FirstSync, OnReady, token)),
            ],
            stop);

        void OnOwnChanged(Lease lease, BackendState changed)
        {
            rules.Post(new SubnetPair(lease.Subnet, lease.IPv6Subnet));
            publisher.Post(lease, changed);
        }

        void OnReady() => systemd.Ready($"subnet {own.Subnet}{own.IPv6Subnet}");
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Information, "flanneld {Version} started with {Options}")]
        internal static partial void Started(ILogger logger, string version, string options);

        [LoggerMessage(LogLevel.Warning, "{Warning}")]
        internal static partial void Warned(ILogger logger, string warning);

        [LoggerMessage(LogLevel.Information, "Stopped; devices, routes and leases stay as they are")]
        internal static partial void Stopped(ILogger logger);

        [LoggerMessage(LogLevel.Critical, "{Reason}")]
        internal static partial void Fatal(ILogger logger, string reason);

        [LoggerMessage(LogLevel.Critical, "A fault of flanneld itself, please report it")]
        internal static partial void Crashed(ILogger logger, Exception fault);
    }
}
