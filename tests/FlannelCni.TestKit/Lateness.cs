namespace FlannelCni.TestKit;

/// <summary>
/// How much later than asked for a timer of this process came, all in all: what a busy machine made it wait.
/// </summary>
internal sealed class Lateness : IAsyncDisposable
{
    private static readonly TimeSpan s_period = TimeSpan.FromMilliseconds(10);

    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;
    private long _ticks;

    internal Lateness() => _running = RunAsync();

    internal TimeSpan Total => TimeSpan.FromTicks(Interlocked.Read(ref _ticks));

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            long start = TimeProvider.System.GetTimestamp();
            await Task.Delay(s_period, TimeProvider.System, CancellationToken.None);
            TimeSpan late = TimeProvider.System.GetElapsedTime(start) - s_period;

            // A millisecond or two is what any timer has.
            Interlocked.Add(ref _ticks, late > s_period / 2 ? late.Ticks : 0);
        }
    }
}
