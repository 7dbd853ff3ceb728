using System.Text;
using FlannelCni.Linux;
using FlannelCni.Linux.Files;
using FlannelCni.Linux.Interop;
using FlannelCni.TestKit;

namespace FlannelCni.IntegrationTests.Files;

/// <summary>Files that are old or new, never half.</summary>
public sealed class AtomicFileTests : IDisposable
{
    private const UnixFileMode Readable =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_file_gets_content_and_mode_and_leaves_nothing_beside_it(bool durable)
    {
        string path = _folder.File("subnet.env");
        File.WriteAllText(path, "old and longer");
        File.SetUnixFileMode(path, UnixFileMode.UserRead);

        AtomicFile.Write(path, "new"u8, Readable | UnixFileMode.GroupWrite, durable);

        Assert.Equal("new", File.ReadAllText(path));
        Assert.Equal(Readable | UnixFileMode.GroupWrite, File.GetUnixFileMode(path));
        Assert.Equal([path], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void A_failure_leaves_the_target_as_it_was_and_nothing_beside_it()
    {
        string path = _folder.File("folder");
        Directory.CreateDirectory(path);

        LinuxException e = Assert.Throws<LinuxException>(() => AtomicFile.Write(path, "x"u8, Readable, durable: false));

        Assert.Equal(Errno.EISDIR, e.Errno);
        Assert.Equal([path], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void A_folder_that_does_not_exist_is_ENOENT()
    {
        LinuxException e = Assert.Throws<LinuxException>(
            () => AtomicFile.Write(_folder.File("missing/file"), "x"u8, Readable, durable: false));

        Assert.Equal(Errno.ENOENT, e.Errno);
    }

    [Fact]
    public void Several_writers_at_once_leave_one_whole_content()
    {
        string path = _folder.File("contended");
        byte[][] contents = [.. "abcd".Select(static c => Encoding.ASCII.GetBytes(new string(c, 50_000)))];

        Parallel.For(0, 200, i =>
        {
            AtomicFile.Write(path, contents[i % 4], Readable, durable: false);
            byte[] read = RawFile.ReadAllBytes(path);
            Assert.Equal(50_000, read.Length);
            Assert.Single(read.Distinct());
        });

        Assert.Equal([path], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void Files_are_read_whole_and_missing_ones_are_null()
    {
        byte[] content = new byte[100_000];
        new Random(1).NextBytes(content);
        File.WriteAllBytes(_folder.File("large"), content);

        Assert.Equal(content, RawFile.ReadAllBytes(_folder.File("large")));
        Assert.NotEmpty(RawFile.ReadAllBytes("/proc/self/status"));
        Assert.Null(RawFile.ReadAllBytesIfPresent(_folder.File("missing")));
        Assert.Null(RawFile.ReadAllBytesIfPresent(_folder.File("large/below")));
        Assert.False(RawFile.DeleteIfPresent(_folder.File("missing")));
        Assert.True(RawFile.DeleteIfPresent(_folder.File("large")));
        Assert.Equal(
            Errno.EISDIR, Assert.Throws<LinuxException>(() => RawFile.ReadAllBytes(_folder.Path)).Errno);
    }
}
