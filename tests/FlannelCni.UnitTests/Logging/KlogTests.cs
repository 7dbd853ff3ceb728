using System.Globalization;
using System.Text;
using FlannelCni.Agent.Logging;
using FlannelCni.TestKit;
using Microsoft.Extensions.Logging;

namespace FlannelCni.UnitTests.Logging;

public sealed class KlogTests
{
    private static readonly DateTimeOffset s_at =
        new DateTimeOffset(2026, 8, 21, 14, 3, 5, TimeSpan.Zero).AddTicks(1_234_567);

    [Theory]
    [InlineData(LogLevel.Trace, 'I')]
    [InlineData(LogLevel.Debug, 'I')]
    [InlineData(LogLevel.Information, 'I')]
    [InlineData(LogLevel.Warning, 'W')]
    [InlineData(LogLevel.Error, 'E')]
    [InlineData(LogLevel.Critical, 'F')]
    public void A_line_is_klog_s(LogLevel level, char letter)
    {
        string process = Environment.ProcessId.ToString(CultureInfo.InvariantCulture).PadLeft(7);

        Assert.Equal(
            $"{letter}0821 14:03:05.123456 {process} Reconciler] Peer added",
            KlogLine.Format(s_at, level, "Reconciler", "Peer added"));
    }

    [Theory]
    [InlineData("a\nE0821 b", "a\\nE0821 b")]
    [InlineData("a\r\nb", "a\\r\\nb")]
    [InlineData("\u001b[31mred", "\\x1b[31mred")]
    [InlineData("tab\tgrün", "tab\tgrün")]
    [InlineData("\u009b", "\\x9b")]
    public void A_text_cannot_make_lines_of_its_own(string text, string expected)
    {
        string line = KlogLine.Format(s_at, LogLevel.Information, "c", text);

        Assert.EndsWith("] " + expected, line, StringComparison.Ordinal);
    }

    [Fact]
    public void The_factory_writes_what_is_of_its_level_under_the_last_part_of_the_category()
    {
        string written = Write(LogLevel.Information, static logger =>
        {
            logger.LogDebug("unseen");
            logger.LogWarning("Lease {Lease} refused", "worker");
        });

        Assert.EndsWith(" KlogTests] Lease worker refused\n", written, StringComparison.Ordinal);
        Assert.Single(written.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public void An_exception_is_its_message_and_for_an_error_its_stack_too()
    {
        InvalidOperationException cause = new("broken");

        string warning = Write(LogLevel.Information, logger => logger.LogWarning(cause, "Trying again"));
        string error = Write(LogLevel.Information, logger => logger.LogError(cause, "Giving up"));

        Assert.EndsWith("] Trying again: broken\n", warning, StringComparison.Ordinal);
        Assert.EndsWith(
            "] Giving up: broken\nSystem.InvalidOperationException: broken\n", error, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_said_over_and_over_is_held_back()
    {
        string written = Write(LogLevel.Information, static logger =>
        {
            for (int i = 0; i < 100; i++)
            {
                logger.LogWarning("again");
            }
        });

        Assert.Equal(5, written.Split("again").Length - 1);
    }

    [Fact]
    public void Debugging_holds_nothing_back()
    {
        string written = Write(LogLevel.Debug, static logger =>
        {
            for (int i = 0; i < 100; i++)
            {
                logger.LogWarning("again");
            }
        });

        Assert.Equal(100, written.Split("again").Length - 1);
    }

    [Fact]
    public async Task A_reader_that_stands_still_does_not_stop_the_writers()
    {
        using BlockedStream output = new();
        using LogWriter writer = new(output, TimeProvider.System);
        writer.Write("line\n");
        await Wait.Until(() => output.IsBlocked, TimeSpan.FromSeconds(20), "the first line is not taken");

        for (int i = 0; i < 10_000; i++)
        {
            writer.Write("line\n");
        }

        output.Release();
        writer.Dispose();
        Assert.Contains("lines dropped: nobody read them", output.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(typeof(IOException))]
    [InlineData(typeof(UnauthorizedAccessException))]
    [InlineData(typeof(ArgumentOutOfRangeException))]
    public async Task What_cannot_be_written_is_counted_and_what_comes_later_is_written(Type fault)
    {
        using FaultyStream output = new((Exception)Activator.CreateInstance(fault)!);
        using LogWriter writer = new(output, TimeProvider.System);

        writer.Write("lost\n");
        await Wait.Until(() => output.Faults == 1, TimeSpan.FromSeconds(20), "the first line is refused");
        output.HasRoom = true;
        writer.Write("written\n");

        writer.Dispose();
        Assert.Contains("] 1 lines dropped: ", output.Text, StringComparison.Ordinal);
        Assert.EndsWith("\nwritten\n", output.Text, StringComparison.Ordinal);
    }

    private static string Write(LogLevel minimum, Action<ILogger> log)
    {
        using MemoryStream output = new();
        LogWriter writer = new(output, TimeProvider.System);
        using (KlogLoggerFactory factory = new(minimum, writer, TimeProvider.System))
        {
            log(factory.CreateLogger<KlogTests>());
        }

        return Encoding.UTF8.GetString(output.ToArray());
    }

    private sealed class FaultyStream(Exception fault) : MemoryStream
    {
        private int _faults;

        internal int Faults => Volatile.Read(ref _faults);

        internal bool HasRoom { get; set; }

        internal string Text => Encoding.UTF8.GetString(ToArray());

        public override void Write(byte[] buffer, int offset, int count)
        {
            if (!HasRoom)
            {
                Interlocked.Increment(ref _faults);
                throw fault;
            }

            base.Write(buffer, offset, count);
        }

        public override void Write(ReadOnlySpan<byte> buffer) => Write(buffer.ToArray(), 0, buffer.Length);
    }

    private sealed class BlockedStream : MemoryStream
    {
        private readonly ManualResetEventSlim _released = new();

        internal string Text => Encoding.UTF8.GetString(ToArray());

        internal bool IsBlocked { get; private set; }

        internal void Release() => _released.Set();

        public override void Write(byte[] buffer, int offset, int count)
        {
            IsBlocked = true;
            _released.Wait();
            base.Write(buffer, offset, count);
        }

        protected override void Dispose(bool disposing)
        {
            _released.Dispose();
            base.Dispose(disposing);
        }
    }
}
