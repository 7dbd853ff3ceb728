namespace FlannelCni.Agent.Leases.Kubernetes.Client.Transport;

/// <summary>Ends a call that makes no progress for a time. Set anew with each step. One owner.</summary>
internal sealed class ReadTimer : IDisposable
{
    private readonly CancellationTokenSource _elapsed;
    private readonly CancellationTokenSource _either;

    internal ReadTimer(TimeSpan limit, TimeProvider time, CancellationToken cancellationToken)
    {
        Limit = limit;
        _elapsed = new CancellationTokenSource(limit, time);
        _either = CancellationTokenSource.CreateLinkedTokenSource(_elapsed.Token, cancellationToken);
    }

    /// <summary>Cancelled by the caller, or by the time.</summary>
    internal CancellationToken Token => _either.Token;

    /// <summary>Has the time run out?</summary>
    internal bool IsElapsed => _elapsed.IsCancellationRequested;

    internal TimeSpan Limit { get; private set; }

    /// <summary>Something came: the time begins again.</summary>
    internal void Restart() => _elapsed.CancelAfter(Limit);

    /// <summary>From now on another time holds.</summary>
    internal void Restart(TimeSpan limit)
    {
        Limit = limit;
        Restart();
    }

    public void Dispose()
    {
        _either.Dispose();
        _elapsed.Dispose();
    }
}
