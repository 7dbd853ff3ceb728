// Who logs must not wait for who reads: a container runtime that stops reading our standard error would stop the
// routes. Lines go to a queue, one thread writes them; when the queue is full, lines are dropped and counted.

using System.Globalization;
using System.Text;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent.Logging;

/// <summary>Writes lines to a stream from a thread of its own. Any thread may call <see cref="Write"/>.</summary>
internal sealed class LogWriter : IDisposable
{
    private const int MaxWaiting = 4096;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    private readonly Channel<string> _lines = Channel.CreateBounded<string>(
        new BoundedChannelOptions(MaxWaiting) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });

    private readonly Stream _output;
    private readonly TimeProvider _time;
    private readonly Thread _thread;
    private int _dropped;

    /// <param name="output">Not closed by this.</param>
    internal LogWriter(Stream output, TimeProvider time)
    {
        _output = output;
        _time = time;
        _thread = new Thread(Run) { IsBackground = true, Name = "log" };
        _thread.Start();
    }

    /// <summary>Takes a line, its newline included, or drops it. Never waits.</summary>
    internal void Write(string line)
    {
        if (!_lines.Writer.TryWrite(line))
        {
            Interlocked.Increment(ref _dropped);
        }
    }

    /// <summary>Waits until all is written, five seconds at most.</summary>
    public void Dispose()
    {
        _lines.Writer.TryComplete();
        _thread.Join(s_patience);
    }

    private void Run()
    {
        StringBuilder text = new();
        while (_lines.Reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult())
        {
            text.Clear();
            int lines = AddDropped(text);
            for (; text.Length < 1 << 16 && _lines.Reader.TryRead(out string? line); lines++)
            {
                text.Append(line);
            }

            if (!TryWrite(text.ToString()))
            {
                Interlocked.Add(ref _dropped, lines);
            }
        }

        text.Clear();
        if (AddDropped(text) > 0)
        {
            _ = TryWrite(text.ToString());
        }
    }

    /// <summary>False: nobody reads any more, or there is no room. The agent's work is not to be heard.</summary>
    private bool TryWrite(string text)
    {
        try
        {
            _output.Write(Encoding.UTF8.GetBytes(text));
            _output.Flush();
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            // What a stream makes of errno: EFBIG, for one, is an argument out of range to it.
            return false;
        }
    }

    /// <returns>How many.</returns>
    private int AddDropped(StringBuilder text)
    {
        int dropped = Interlocked.Exchange(ref _dropped, 0);
        if (dropped > 0)
        {
            string message = string.Create(
                CultureInfo.InvariantCulture, $"{dropped} lines dropped: nobody read them, or there was no room");
            text.Append(KlogLine.Format(_time.GetLocalNow(), LogLevel.Warning, nameof(LogWriter), message));
            text.Append('\n');
        }

        return dropped;
    }
}
