using FlannelCni.Agent.Backends;
using FlannelCni.Agent.DataPlane;
using FlannelCni.Agent.Health;
using FlannelCni.Agent.Installation;
using FlannelCni.Agent.Leases;
using FlannelCni.Agent.Supervision;
using FlannelCni.Agent.TrafficRules;
using FlannelCni.Linux.Files;
using FlannelCni.Linux.Rtnetlink;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent;

/// <summary>The agent <c>flanneld</c>: what it does, in the order it does it.</summary>
internal static class Program
{
    private static Task<int> Main(string[] args)
    {
        StandardDescriptors.EnsureOpen();
        return args is [InstallCommand.Name, .. string[] rest]
            ? InstallCommand.RunAsync(rest, Console.Error, Console.OpenStandardError())
            : Launcher.RunAsync(args, Console.Error, Console.OpenStandardError(), RunAsync);
    }

    private static async Task RunAsync(AgentContext agent, CancellationToken stop)
    {
        agent.Health.Starting("waiting for the network config");
        await using ISubnetManager manager = SubnetManagerFactory.Create(agent);
        NetworkConfig network = await manager.ReadNetworkConfigAsync(stop);
        NodeFacts node = manager.Node;

        using RtnlSocket rtnl = RtnlSocket.Open();
        UnderlaySource underlays = UnderlaySource.For(agent, network, rtnl);
        underlays.Learn(node);
        Underlay underlay = underlays.Choose();

        // The devices first: their MACs are part of what the lease publishes. Their addresses follow from the lease.
        await using IBackend backend = BackendFactory.Create(network, node, agent.Paths.StateDirectory, rtnl);
        BackendState state = (await backend.EnsureAsync(underlay, own: null, stop)).OrThrow();
        agent.Health.Starting("waiting for a lease");
        Lease own = await manager.AcquireAsync(network, state.Attributes, stop);
        state = (await backend.EnsureAsync(underlay, own, stop)).OrThrow();

        // Before subnet.env lets pods start: what they send outside must not leave with their own address.
        agent.Health.Starting("setting the firewall rules");
        using RulesKeeper rules = await RulesKeeperFactory.CreateAsync(agent, network, stop);
        await rules.StartAsync(new SubnetPair(own.Subnet, own.IPv6Subnet), stop);

        // From here on all is one loop: leases and the kernel's notifications go in, the reconciler makes them agree.
        Inbox inbox = new();
        using KernelMonitor monitor = new(inbox, rtnl.PortId, agent.Metrics);
        NodePublisher publisher = NodePublisher.For(agent, network, manager);
        publisher.Post(own, state);
        Reconciler reconciler = new(
            backend,
            BackendFactory.CreateHousekeeping(
                backend, network, agent.Paths.StateDirectory, rtnl, agent.Options.IPBlackholeRoute),
            underlays.Follow,
            OnOwnChanged,
            inbox,
            new PlanInput(network, state, underlay, own),
            agent.Metrics,
            agent.Time,
            agent.Loggers.CreateLogger<Reconciler>());
        agent.Health.Running(reconciler);
        SystemdNotifier systemd = new(agent.Options.NotifySocket, agent.Logger);
        using CancellationTokenRegistration stopping = stop.Register(systemd.Stopping);
        await Supervised.RunAllAsync(
            [
                ("lease keeper", manager.KeepAsync),
                ("lease watcher", token => inbox.FollowAsync(manager, OnSnapshot, token)),
                ("kernel monitor", monitor.RunAsync),
                ("reconciler", reconciler.RunAsync),
                ("firewall rules", rules.RunAsync),
                ("publisher", token => publisher.RunAsync(
                    own.Attributes, reconciler.FirstSync, agent.Health.Serving, OnReady, token)),
            ],
            stop);

        void OnSnapshot(LeaseSnapshot snapshot)
        {
            rules.Post(snapshot.Peers);
            if (underlays.Learn(snapshot.Node))
            {
                inbox.PostFull();
            }
        }

        void OnOwnChanged(Lease lease, BackendState changed)
        {
            rules.Post(new SubnetPair(lease.Subnet, lease.IPv6Subnet));
            publisher.Post(lease, changed);
        }

        void OnReady()
        {
            manager.SetUp();
            systemd.Ready($"subnet {own.Subnet}{own.IPv6Subnet}");
        }
    }
}
