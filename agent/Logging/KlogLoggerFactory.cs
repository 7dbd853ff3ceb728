using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent.Logging;

/// <summary>
/// Loggers that write klog's lines. Nothing is configurable, so there is no builder and no container.
/// </summary>
/// <param name="minimum">The least level that is written.</param>
/// <param name="writer">Owned: disposing of the factory writes what is waiting.</param>
internal sealed class KlogLoggerFactory(LogLevel minimum, LogWriter writer, TimeProvider time) : ILoggerFactory
{
    private readonly RepeatFilter _repeats = new(time);

    public ILogger CreateLogger(string categoryName)
    {
        // Types' names are long and a line is not: the last part says enough.
        string category = categoryName[(categoryName.LastIndexOf('.') + 1)..];
        return new KlogLogger(category, minimum, _repeats, writer, time);
    }

    /// <exception cref="NotSupportedException">Always: there is one place to write to.</exception>
    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public void Dispose() => writer.Dispose();
}
