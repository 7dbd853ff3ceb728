// One socket per group: a storm of links then cannot push out the notifications of routes. Sockets are opened by the
// constructor, before anything is read, so that nothing changes unseen between a first listing and the first wait.

using FlannelCni.Agent.Metrics;
using FlannelCni.Agent.Supervision;
using FlannelCni.Linux;
using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Rtnetlink;

namespace FlannelCni.Agent.DataPlane;

/// <summary>Passes the kernel's notifications on to the inbox.</summary>
internal sealed class KernelMonitor : IDisposable
{
    private static readonly RtnlGroup[] s_groups =
    [
        RtnlGroup.RTNLGRP_LINK,
        RtnlGroup.RTNLGRP_NEIGH,
        RtnlGroup.RTNLGRP_IPV4_IFADDR,
        RtnlGroup.RTNLGRP_IPV4_ROUTE,
        RtnlGroup.RTNLGRP_IPV6_IFADDR,
        RtnlGroup.RTNLGRP_IPV6_ROUTE,
        RtnlGroup.RTNLGRP_NEXTHOP,
    ];

    private const int MaxSpareCapacity = 256;

    private readonly Inbox _inbox;
    private readonly AgentMetrics _metrics;
    private readonly List<(RtnlGroup Group, RtnlMonitor Monitor)> _monitors = [];

    /// <param name="ownPort">Of the socket that writes for us: we are not told what we did ourselves.</param>
    /// <param name="bufferSize">As of <see cref="RtnlMonitor.Open"/>.</param>
    public KernelMonitor(
        Inbox inbox, uint ownPort, AgentMetrics metrics, int bufferSize = RtnlMonitor.DefaultBufferSize)
    {
        (_inbox, _metrics) = (inbox, metrics);
        foreach (RtnlGroup group in s_groups)
        {
            if (Open(group, bufferSize, ownPort) is { } monitor)
            {
                _monitors.Add((group, monitor));
            }
        }
    }

    /// <summary>Ends only with the token.</summary>
    public Task RunAsync(CancellationToken cancellationToken) => Supervised.RunAllAsync(
        [.. _monitors.Select(Loop)], cancellationToken);

    public void Dispose()
    {
        foreach ((_, RtnlMonitor monitor) in _monitors)
        {
            monitor.Dispose();
        }
    }

    private static RtnlMonitor? Open(RtnlGroup group, int bufferSize, uint ownPort)
    {
        try
        {
            return RtnlMonitor.Open(group, bufferSize, ownPort);
        }
        catch (LinuxException e) when (e.Errno is Errno.EINVAL && group == RtnlGroup.RTNLGRP_NEXTHOP)
        {
            return null;    // before Linux 5.3
        }
    }

    private (string Name, Func<CancellationToken, Task> Run) Loop((RtnlGroup Group, RtnlMonitor Monitor) listener) =>
        ($"{listener.Group}", token => ListenAsync(listener.Monitor, token));

    private async Task ListenAsync(RtnlMonitor monitor, CancellationToken cancellationToken)
    {
        List<RtnlEvent> events = [];
        while (true)
        {
            events.Clear();
            events.Capacity = Math.Min(events.Capacity, MaxSpareCapacity);
            if (!await monitor.ReceiveAsync(events, cancellationToken))
            {
                _metrics.NotificationsLost();
                _inbox.PostFull();
            }
            else if (events.Count > 0)
            {
                _inbox.Post(events);
            }
        }
    }
}
