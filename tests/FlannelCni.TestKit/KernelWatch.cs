using System.Collections.Concurrent;
using FlannelCni.Linux.Rtnetlink;

namespace FlannelCni.TestKit;

/// <summary>Keeps all that a node's kernel announces, from its making on: <c>ip monitor</c>.</summary>
public sealed class KernelWatch : IAsyncDisposable
{
    private readonly ConcurrentQueue<RtnlEvent> _events = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly List<RtnlMonitor> _monitors;
    private readonly Task _running;

    public KernelWatch(TestNode node)
    {
        _monitors = node.Namespace.Run(
            static () => Enum.GetValues<RtnlGroup>().Select(static group => RtnlMonitor.Open(group)).ToList());
        _running = Task.WhenAll(_monitors.Select(ListenAsync));
    }

    /// <summary>All so far, in the order of their groups' own sockets.</summary>
    public IReadOnlyList<RtnlEvent> Events => [.. _events];

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        try
        {
            await _running;
        }
        catch (OperationCanceledException)
        {
            // As asked for.
        }

        _monitors.ForEach(static monitor => monitor.Dispose());
        _stop.Dispose();
    }

    private async Task ListenAsync(RtnlMonitor monitor)
    {
        List<RtnlEvent> events = [];
        while (true)
        {
            events.Clear();
            if (!await monitor.ReceiveAsync(events, _stop.Token))
            {
                throw new InvalidOperationException("the kernel announced more than was read");
            }

            events.ForEach(_events.Enqueue);
        }
    }
}
