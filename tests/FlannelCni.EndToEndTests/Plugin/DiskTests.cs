using FlannelCni.Linux.Processes;
using FlannelCni.TestKit;

namespace FlannelCni.EndToEndTests.Plugin;

/// <summary>Disks that are full or read-only: a clear error, and nothing half done.</summary>
public sealed class DiskTests : IDisposable
{
    private const string Size = "size=64k";

    private readonly CniHost _host = new(CniHost.IPv4);
    private readonly ChildProcess _holder;
    private readonly string _pid;

    public DiskTests()
    {
        string pid = _host.Folder.File("pid");
        Directory.CreateDirectory(_host.DataDir);
        Directory.CreateDirectory(_host.IpamDir);
        _holder = _host.Node.Start(
            "exec unshare --mount --propagation private "
            + $"sh -c 'echo $$ > {pid}.new; mv {pid}.new {pid}; exec sleep 600'");
        Assert.True(SpinWait.SpinUntil(() => File.Exists(pid), TimeSpan.FromSeconds(10)));
        _pid = File.ReadAllText(pid).Trim();
        _host.Executable = Wrapper($"exec nsenter --mount=/proc/{_pid}/ns/mnt {_host.Executable}");
    }

    public void Dispose()
    {
        _holder.Dispose();
        _host.Dispose();
    }

    [Fact]
    public void A_read_only_folder_is_named_and_nothing_is_touched()
    {
        Inside($"mount -t tmpfs -o ro none {_host.DataDir}");

        CniAnswer answer = _host.Add(_host.NewPod());

        AssertUnusable(answer, "Read-only file system (EROFS)");
        Assert.Empty(_host.Ports());
        Assert.Empty(_host.ReservedAddresses());
    }

    [Fact]
    public void A_folder_that_becomes_read_only_does_not_keep_a_pod_from_going()
    {
        Inside($"mount -t tmpfs none {_host.DataDir}");
        CniPod pod = _host.NewPod();
        _host.Add(pod).Success();
        Inside($"mount -o remount,ro {_host.DataDir}");

        CniAnswer answer = _host.Delete(pod);

        Assert.Equal(1, answer.ExitStatus);
        Assert.Contains("Read-only file system", answer.Message, StringComparison.Ordinal);
        Assert.Empty(_host.Ports());
        Assert.Empty(_host.ReservedAddresses());
        Inside($"mount -o remount,rw {_host.DataDir}");
        _host.Delete(pod).SilentSuccess();
        Assert.Equal("", Inside($"ls -A {_host.DataDir}"));
    }

    [Fact]
    public void A_full_disk_is_named_and_nothing_stays()
    {
        Inside($"mount -t tmpfs -o {Size} none {_host.DataDir}");
        Fill(_host.DataDir);

        CniAnswer answer = _host.Add(_host.NewPod());

        AssertUnusable(answer, "No space left on device (ENOSPC)");
        Assert.Empty(_host.Ports());
        Assert.Empty(_host.ReservedAddresses());
        Assert.Equal("filler\n", Inside($"ls -A {_host.DataDir}"));
    }

    [Fact]
    public void A_pod_can_go_on_a_full_disk()
    {
        Inside($"mount -t tmpfs -o {Size} none {_host.DataDir}; mount -t tmpfs -o {Size} none {_host.IpamDir}");
        CniPod pod = _host.NewPod();
        _host.Add(pod).Success();
        Fill(_host.DataDir);
        Fill(_host.IpamDir);

        _host.Delete(pod).SilentSuccess();

        Assert.Equal("filler\n", Inside($"ls -A {_host.DataDir}"));
        Assert.Empty(_host.Ports());
        Assert.DoesNotContain("10.42.3.2", Inside($"ls {_host.IpamDir}/cbr0"), StringComparison.Ordinal);
    }

    [Fact]
    public void An_address_that_IPAM_could_not_write_down_is_not_lost()
    {
        // Its folder takes new files and nothing in them: what it then leaves is empty and nobody's.
        Inside($"mount -t tmpfs -o {Size} none {_host.IpamDir}");
        Fill(_host.IpamDir);

        CniAnswer answer = _host.Add(_host.NewPod());

        Assert.Contains("no space left on device", answer.Message, StringComparison.Ordinal);
        Assert.Empty(_host.Ports());
        Assert.Empty(_host.DataFiles());
        Assert.DoesNotContain("10.42.3.", Inside($"ls {_host.IpamDir}/cbr0"), StringComparison.Ordinal);
    }

    [Fact]
    public void STATUS_tells_of_a_full_disk()
    {
        _host.Version = "1.1.0";
        _host.InstallNewestIpam();
        Inside($"mount -t tmpfs -o {Size} none {_host.DataDir}");
        _host.Call("STATUS", _host.NewPod()).SilentSuccess();
        Fill(_host.DataDir);

        CniAnswer answer = _host.Call("STATUS", _host.NewPod());

        answer.Failure(50, "no pod can be attached: the state of pods cannot be kept");
        Assert.Contains("No space left on device", answer.Details, StringComparison.Ordinal);
        Assert.Equal("filler\n", Inside($"ls -A {_host.DataDir}"));
    }

    private void AssertUnusable(CniAnswer answer, string because)
    {
        Assert.Equal(5, answer.Code);
        Assert.StartsWith(
            $"cannot keep a pod's state in \"dataDir\" {_host.DataDir}: ", answer.Message, StringComparison.Ordinal);
        Assert.EndsWith(because, answer.Message, StringComparison.Ordinal);
        Assert.Contains("make room", answer.Details, StringComparison.Ordinal);
    }

    private void Fill(string folder) => Inside($"dd if=/dev/zero of={folder}/filler bs=4k 2> /dev/null || true");

    private string Inside(string command) => Shell.Run($"nsenter --mount=/proc/{_pid}/ns/mnt sh -c '{command}'");

    private string Wrapper(string script)
    {
        string file = _host.Folder.File("wrapper");
        File.WriteAllText(file, $"#!/bin/sh\n{script}\n");
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        return file;
    }
}
