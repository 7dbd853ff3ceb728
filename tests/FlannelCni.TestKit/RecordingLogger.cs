using System.Collections.Concurrent;
using FlannelCni.Agent.DataPlane;
using Microsoft.Extensions.Logging;

namespace FlannelCni.TestKit;

/// <summary>Keeps what was logged, for a test to read.</summary>
internal sealed class RecordingLogger : ILogger<Reconciler>
{
    private readonly ConcurrentQueue<string> _lines = [];

    /// <summary>In their order: <c>Warning: Lease node2 refused: …</c>.</summary>
    internal IReadOnlyList<string> Lines => [.. _lines];

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel,
        EventId eventId,
        TState state,
        Exception? exception,
        Func<TState, Exception?, string> formatter) => _lines.Enqueue($"{logLevel}: {formatter(state, exception)}");
}
