using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent.Logging;

/// <summary>Writes one category's messages as klog's lines.</summary>
internal sealed class KlogLogger(
    string category, LogLevel minimum, RepeatFilter repeats, LogWriter writer, TimeProvider time) : ILogger
{
    public bool IsEnabled(LogLevel logLevel) => logLevel >= minimum && logLevel != LogLevel.None;

    /// <summary>Scopes are not written.</summary>
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public void Log<TState>(
        LogLevel logLevel,
        EventId eventId,
        TState state,
        Exception? exception,
        Func<TState, Exception?, string> formatter)
    {
        if (!IsEnabled(logLevel))
        {
            return;
        }

        string text = formatter(state, exception);
        if (exception is not null)
        {
            text = $"{text}: {exception.Message}";
        }

        // Whoever asks for debug messages wants each of them.
        string unsaid = "";
        if (minimum >= LogLevel.Information && !repeats.ShouldWrite(text, out unsaid))
        {
            return;
        }

        string stack = exception is not null && ShowsStack(logLevel) ? $"\n{exception}" : "";
        writer.Write(KlogLine.Format(time.GetLocalNow(), logLevel, category, text + unsaid) + stack + "\n");
    }

    // A warning will be retried: its message is enough, unless somebody looks for the cause.
    private bool ShowsStack(LogLevel logLevel) => logLevel >= LogLevel.Error || minimum < LogLevel.Information;
}
