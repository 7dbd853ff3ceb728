using System.Text;
using FlannelCni.Linux.Processes;
using FlannelCni.TestKit;

namespace FlannelCni.EndToEndTests.Image;

/// <summary><c>flanneld install-cni</c> where it cannot write: it says so, and nothing half-done stays.</summary>
public sealed class InstallFailureTests : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly TestNode _node = TestNode.Create();

    public void Dispose()
    {
        _node.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("mount -t tmpfs -o size=1m none bin", "No space left on device (ENOSPC)")]
    [InlineData("mount -t tmpfs -o ro none bin", "Read-only file system (EROFS)")]
    public void A_folder_that_takes_no_plugin_gets_nothing_half(string mount, string because)
    {
        (int exitCode, string said, string left) = Install(mount);

        Assert.Equal(1, exitCode);
        Assert.Contains(because, said, StringComparison.Ordinal);
        Assert.Contains("/bin/.flannel.new", said, StringComparison.Ordinal);
        Assert.Equal("", left);
    }

    [Fact]
    public void A_folder_that_takes_no_configuration_keeps_what_it_has()
    {
        File.WriteAllText(Directory.CreateDirectory(_folder.File("net.d")) + "/10-flannel.conflist", "theirs");

        (int exitCode, string said, string left) =
            Install("mount --bind net.d net.d && mount -o remount,ro,bind net.d");

        Assert.Equal(1, exitCode);
        Assert.Contains("Read-only file system (EROFS)", said, StringComparison.Ordinal);
        Assert.Equal("bin/flannel\nnet.d/10-flannel.conflist\n", left);
        Assert.Equal("theirs", File.ReadAllText(_folder.File("net.d/10-flannel.conflist")));
    }

    /// <returns>Its exit code, what it said, and the files in both folders after it.</returns>
    private (int ExitCode, string Said, string Left) Install(string mount)
    {
        File.Copy(Repository.Executable("flannel"), Directory.CreateDirectory(_folder.File("image")) + "/flannel");
        File.WriteAllText(_folder.File("cni-conf.json"), """{"name":"n","plugins":[{"type":"flannel"}]}""");
        string script =
            $"cd {_folder.Path} && mkdir -p bin net.d && {mount} && {{ {Repository.Executable("flanneld")} install-cni "
            + $"--cni-plugins {_folder.Path}/image --cni-bin-dir {_folder.Path}/bin "
            + $"--cni-conf {_folder.Path}/cni-conf.json --cni-conf-file {_folder.Path}/net.d/10-flannel.conflist; "
            + "status=$?; find bin net.d -type f | sort; exit $status; }";
        using ChildProcess child = _node.Start($"exec unshare --mount --propagation private sh -c '{script}'");
        ChildResult result = child.Wait();
        return (result.ExitStatus, Encoding.UTF8.GetString(result.Error), Encoding.UTF8.GetString(result.Output));
    }
}
