// One socket per group: a storm of links then cannot push out the notifications of routes. Sockets are opened by the
// constructor, before anything is read, so that nothing changes unseen between a first listing and the first wait.

using FlannelCni.Agent.Supervision;
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
    ];

    private readonly Inbox _inbox;
    private readonly List<(RtnlGroup Group, RtnlMonitor Monitor)> _monitors = [];

    public KernelMonitor(Inbox inbox)
    {
        _inbox = inbox;
        foreach (RtnlGroup group in s_groups)
        {
            _monitors.Add((group, RtnlMonitor.Open(group)));
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

    private (string Name, Func<CancellationToken, Task> Run) Loop((RtnlGroup Group, RtnlMonitor Monitor) listener) =>
        ($"{listener.Group}", token => ListenAsync(listener.Monitor, token));

    private async Task ListenAsync(RtnlMonitor monitor, CancellationToken cancellationToken)
    {
        List<RtnlEvent> events = [];
        while (true)
        {
            events.Clear();
            if (!await monitor.ReceiveAsync(events, cancellationToken))
            {
                _inbox.PostFull();
            }
            else if (events.Count > 0)
            {
                _inbox.Post(events);
            }
        }
    }
}
