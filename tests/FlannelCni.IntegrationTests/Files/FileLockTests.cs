using FlannelCni.Linux.Files;
using FlannelCni.Linux.Processes;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.Files;

/// <summary>Exclusive locks between threads, processes and heirs.</summary>
public sealed class FileLockTests : IDisposable
{
    private readonly TestFolder _folder = new();

    private string Path => _folder.File("lock");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_lock_is_held_until_it_is_released()
    {
        using (FileLock held = FileLock.Acquire(Path))
        {
            Assert.Null(FileLock.TryAcquire(Path));
        }

        using FileLock? again = FileLock.TryAcquire(Path);
        Assert.NotNull(again);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path));
    }

    [Fact]
    public void Another_process_excludes_us_and_we_it()
    {
        Assert.Equal("1\n", Shell.Run($"flock {Path} sh -c 'echo 1'"));
        using (FileLock.Acquire(Path))
        {
            Assert.Equal("refused\n", Shell.Run($"flock --nonblock {Path} true || echo refused"));
        }
    }

    [Fact]
    public async Task Acquire_waits_for_the_holder()
    {
        FileLock held = FileLock.Acquire(Path);
        Task<FileLock> waiting = Task.Factory.StartNew(
            () => FileLock.Acquire(Path),
            TestContext.Current.CancellationToken,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
        await Wait.Until(
            () => File.ReadAllText("/proc/locks").Contains("-> FLOCK", StringComparison.Ordinal),
            TimeSpan.FromSeconds(5),
            "somebody waits for a lock");
        Assert.False(waiting.IsCompleted);

        held.Dispose();

        using FileLock next = await waiting.WaitAsync(
            TimeSpan.FromSeconds(5), TimeProvider.System, TestContext.Current.CancellationToken);
    }

    [Fact]
    public void Threads_that_take_delete_and_release_never_hold_it_together()
    {
        int holders = 0;
        int together = 0;
        int taken = 0;

        Parallel.For(0, 4, new ParallelOptions { MaxDegreeOfParallelism = 4 }, _ =>
        {
            for (int i = 0; i < 200; i++)
            {
                FileLock held = FileLock.Acquire(Path);
                together += Interlocked.Increment(ref holders) > 1 ? 1 : 0;
                taken++;
                Interlocked.Decrement(ref holders);
                if (i % 3 == 0)
                {
                    held.Dispose();
                }
                else
                {
                    held.DeleteAndRelease();
                }
            }
        });

        Assert.Equal(0, together);
        Assert.Equal(800, taken);
    }

    [Fact]
    public void A_child_that_inherited_the_lock_holds_it_after_we_let_go()
    {
        FileLock held = FileLock.Acquire(Path);
        using ChildProcess child = ChildProcess.Start("/bin/cat", [], [], [], held.Descriptor);
        held.Dispose();

        Assert.Null(FileLock.TryAcquire(Path));

        child.Wait();
        using FileLock? again = FileLock.TryAcquire(Path);
        Assert.NotNull(again);
    }

    [Fact]
    public void A_child_that_did_not_inherit_the_lock_does_not_hold_it()
    {
        FileLock held = FileLock.Acquire(Path);
        using ChildProcess child = ChildProcess.Start("/bin/cat", [], [], [1]);
        held.Dispose();

        using FileLock? again = FileLock.TryAcquire(Path);
        Assert.NotNull(again);
        child.Wait();
    }

    [Fact]
    public void A_folder_that_does_not_exist_is_an_error_with_the_path()
    {
        string missing = _folder.File("missing/lock");

        Exception e = Assert.ThrowsAny<Exception>(() => FileLock.Acquire(missing));

        Assert.Equal($"open {missing}: No such file or directory (ENOENT)", e.Message);
    }
}
