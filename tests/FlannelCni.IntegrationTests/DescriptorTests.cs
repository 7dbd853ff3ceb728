using FlannelCni.Linux.Files;
using FlannelCni.Linux.Rtnetlink;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests;

/// <summary>Not beside other tests: it counts what the whole process has open.</summary>
[CollectionDefinition(nameof(DescriptorTests), DisableParallelization = true)]
[Collection(nameof(DescriptorTests))]
public sealed class DescriptorTests
{
    [Fact]
    public void Nothing_stays_open()
    {
        UseEverything();
        int before = Count();

        for (int i = 0; i < 20; i++)
        {
            UseEverything();
        }

        Assert.Equal(before, Count());
    }

    private static int Count() => Directory.GetFileSystemEntries("/proc/self/fd").Length;

    private static void UseEverything()
    {
        using TestFolder folder = new();
        using TestNode node = TestNode.Create();
        using RtnlMonitor monitor = node.Namespace.Run(static () => RtnlMonitor.Open(RtnlGroup.RTNLGRP_LINK));
        node.Shell("true");
        Assert.ThrowsAny<Exception>(() => node.Shell("false"));
        AtomicFile.Write(folder.File("file"), "x"u8, UnixFileMode.UserRead, durable: true);
        using FileLock held = FileLock.Acquire(folder.File("lock"));
        Assert.Null(FileLock.TryAcquire(folder.File("lock")));
        held.DeleteAndRelease();
        Assert.ThrowsAny<Exception>(static () => FlannelCni.Linux.Namespaces.NetNamespace.Open("/etc/passwd"));
        Assert.ThrowsAny<Exception>(static () => FlannelCni.Linux.Processes.ChildProcess.Start("/missing", [], [], []));
    }
}
