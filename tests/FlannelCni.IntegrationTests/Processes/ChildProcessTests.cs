using System.Diagnostics;
using System.Text;
using FlannelCni.Linux;
using FlannelCni.Linux.Files;
using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Processes;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.Processes;

/// <summary>Programs, how they end and what they inherit.</summary>
public sealed class ChildProcessTests
{
    [Theory]
    [InlineData("exit 0", 0)]
    [InlineData("exit 3", 3)]
    [InlineData("exit 255", 255)]
    [InlineData("kill -TERM $$", 128 + 15)]
    [InlineData("kill -KILL $$", 128 + 9)]
    public void How_a_child_ended_is_its_status(string script, int status)
    {
        Assert.Equal(status, Run(script).ExitStatus);
    }

    [Fact]
    public void Output_and_error_are_collected_apart_however_they_come()
    {
        ChildResult result = Run(
            "i=0; while [ $i -lt 300 ]; do i=$((i+1)); printf '%01000d' 1; printf '%0500d' 2 >&2; done");

        Assert.Equal(300_000, result.Output.Length);
        Assert.Equal(150_000, result.Error.Length);
        Assert.Equal(300, result.Output.Count(static b => b == '1'));
        Assert.Equal(300, result.Error.Count(static b => b == '2'));
    }

    [Fact]
    public void Input_of_any_length_comes_back_from_cat()
    {
        byte[] input = new byte[1_000_000];
        new Random(1).NextBytes(input);
        using ChildProcess child = ChildProcess.Start("/bin/cat", [], [], input);

        Assert.Equal(input, child.Wait().Output);
    }

    [Theory]
    [InlineData("exit 0")]
    [InlineData("exec 0<&-; sleep 0.05; exit 0")]
    [InlineData("head -c 5 >/dev/null; sleep 0.05")]
    public void A_child_that_does_not_read_its_input_is_no_failure(string script)
    {
        Assert.Equal(0, Run(script, new byte[1_000_000]).ExitStatus);
    }

    [Fact]
    public void A_child_that_closes_its_output_is_waited_for()
    {
        ChildResult result = Run("echo said; exec 1>&- 2>&-; sleep 0.1; exit 7");

        Assert.Equal(7, result.ExitStatus);
        Assert.Equal("said\n", Encoding.UTF8.GetString(result.Output));
    }

    [Fact]
    public void A_grandchild_that_keeps_the_pipes_open_is_not_waited_for()
    {
        long start = Stopwatch.GetTimestamp();

        ChildResult result = Run("echo before; sleep 30 & echo $!; exit 4");

        Assert.Equal(4, result.ExitStatus);
        string[] lines = Encoding.UTF8.GetString(result.Output).Split('\n');
        Shell.Run($"kill {lines[1]}");
        Assert.Equal("before", lines[0]);
        Assert.InRange(Stopwatch.GetElapsedTime(start), TimeSpan.Zero, TimeSpan.FromSeconds(10));
    }

    [Fact]
    public void A_grandchild_that_goes_on_writing_is_not_waited_for()
    {
        ChildResult result = Run("echo $$; yes & echo $! >&2; exit 4");

        Shell.Run($"kill {Encoding.UTF8.GetString(result.Error).Trim()}");
        Assert.Equal(4, result.ExitStatus);
    }

    [Fact]
    public void Signals_are_what_a_program_expects()
    {
        ChildResult result = Run("yes | head -1; grep -E '^Sig(Blk|Ign)' /proc/self/status");

        // glibc ignores 32 and 33, its own, in every child of posix_spawn.
        Assert.Equal(
            "y\nSigBlk:\t0000000000000000\nSigIgn:\t0000000180000000\n", Encoding.UTF8.GetString(result.Output));
        Assert.Equal("", Encoding.UTF8.GetString(result.Error));
    }

    [Fact]
    public void A_child_has_the_environment_and_the_arguments_it_was_given_only()
    {
        using ChildProcess child = ChildProcess.Start(
            "/usr/bin/env",
            ["sh", "-c", "env | grep -v -E '^(PWD|_|SHLVL)='; echo \"$@\"", "sh", "ä b", "", "c"],
            ["A=1"],
            []);

        Assert.Equal("A=1\nä b  c\n", Encoding.UTF8.GetString(child.Wait().Output));
    }

    [Fact]
    public void A_child_has_none_of_our_descriptors()
    {
        using TestNode node = TestNode.Create();
        using TestFolder folder = new();
        using FileLock held = FileLock.Acquire(folder.File("lock"));

        string open = Encoding.UTF8.GetString(Run("ls -l /proc/self/fd").Output);

        Assert.DoesNotContain(folder.Path, open, StringComparison.Ordinal);
        Assert.DoesNotContain("net:[", open, StringComparison.Ordinal);
        Assert.DoesNotContain("pidfd", open, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/no/such/program", Errno.ENOENT)]
    [InlineData("/etc/passwd", Errno.EACCES)]
    [InlineData("/tmp", Errno.EACCES)]
    public void A_program_that_cannot_be_started_is_an_error_at_once(string path, Errno errno)
    {
        LinuxException e = Assert.Throws<LinuxException>(() => ChildProcess.Start(path, [], [], []));

        Assert.Equal(errno, e.Errno);
        Assert.StartsWith($"exec {path}: ", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_child_lives_in_the_namespace_of_the_thread_that_started_it()
    {
        using TestNode node = TestNode.Create();

        ChildResult inside = node.Namespace.Run(static () => Run("readlink /proc/self/ns/net"));

        Assert.Equal(node.Shell("readlink /proc/self/ns/net"), Encoding.UTF8.GetString(inside.Output));
        Assert.NotEqual(Run("readlink /proc/self/ns/net").Output, inside.Output);
    }

    [Fact]
    public async Task A_cancelled_wait_kills_the_child()
    {
        using CancellationTokenSource source = new();
        using ChildProcess child = ChildProcess.Start("/bin/sleep", ["60"], [], []);
        Task<ChildResult> waiting = child.WaitAsync(source.Token);

        await source.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => waiting.WaitAsync(
                TimeSpan.FromSeconds(10), TimeProvider.System, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task An_awaited_child_gives_its_result()
    {
        using ChildProcess child = ChildProcess.Start("/bin/cat", [], [], "hello"u8.ToArray());

        ChildResult result = await child.WaitAsync(TestContext.Current.CancellationToken);

        Assert.Equal("hello", Encoding.UTF8.GetString(result.Output));
    }

    [Fact]
    public void A_child_nobody_waited_for_is_killed()
    {
        ChildProcess child = ChildProcess.Start("/bin/sleep", ["61.5"], [], []);

        child.Dispose();

        Assert.Equal("none\n", Shell.Run("grep -l -a -x -z '[6]1[.]5' /proc/[0-9]*/cmdline 2>/dev/null || echo none"));
        child.Dispose();
    }

    private static ChildResult Run(string script, byte[]? input = null)
    {
        using ChildProcess child =
            ChildProcess.Start("/bin/sh", ["-c", script], ["PATH=/usr/bin:/bin", "LC_ALL=C"], input ?? []);
        return child.Wait();
    }
}
