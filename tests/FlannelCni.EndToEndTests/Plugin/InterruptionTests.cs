using System.Diagnostics;
using FlannelCni.Linux.Processes;

namespace FlannelCni.EndToEndTests.Plugin;

/// <summary>A runtime that loses patience: SIGKILL for the plugin, not for what it started; then DEL.</summary>
public sealed class InterruptionTests : IDisposable
{
    private const int Rounds = 40;

    private readonly CniHost _host = new();

    public void Dispose() => _host.Dispose();

    [Fact]
    public void After_an_ADD_killed_at_any_moment_one_DEL_leaves_nothing()
    {
        CniPod pod = _host.NewPod();
        _host.Add(pod).Success();
        _host.Delete(pod).SilentSuccess();
        long length = Time(() => _host.Add(pod).Success());
        _host.Delete(pod).SilentSuccess();

        for (int round = 0; round < Rounds; round++)
        {
            KillAfter("ADD", pod, length * 3 / 2 * round / Rounds);

            _host.Delete(pod).SilentSuccess();

            _host.AssertClean();
        }
    }

    [Fact]
    public void After_a_DEL_killed_at_any_moment_the_next_leaves_nothing()
    {
        CniPod pod = _host.NewPod();
        _host.Add(pod).Success();
        long length = Time(() => _host.Delete(pod).SilentSuccess());

        for (int round = 0; round < Rounds; round++)
        {
            _host.Add(pod).Success();

            KillAfter("DEL", pod, length * round / Rounds);
            _host.Delete(pod).SilentSuccess();

            _host.AssertClean();
        }
    }

    [Fact]
    public void DEL_waits_for_the_IPAM_plugin_of_a_killed_ADD()
    {
        string log = _host.Folder.File("log");
        _host.InstallIpam(
            $$"""
            cat > /dev/null
            echo "$CNI_COMMAND begins" >> {{log}}
            if [ $CNI_COMMAND = ADD ]; then sleep 0.5; fi
            echo "$CNI_COMMAND ends" >> {{log}}
            echo '{"ips":[{"address":"10.42.3.9/24"}]}'
            """);
        CniPod pod = _host.NewPod();
        using (ChildProcess add = _host.Start("ADD", pod))
        {
            Assert.True(SpinWait.SpinUntil(() => File.Exists(log), TimeSpan.FromSeconds(10)));
            add.Kill();
            add.Wait();
        }

        _host.Delete(pod).SilentSuccess();

        Assert.Equal(["ADD begins", "ADD ends", "DEL begins", "DEL ends"], File.ReadAllLines(log));
        _host.AssertClean();
    }

    [Fact]
    public void The_IPAM_plugin_inherits_the_lock_and_nothing_else()
    {
        string log = _host.Folder.File("log");
        _host.InstallIpam(
            $$"""
            cat > /dev/null
            for fd in /proc/$$/fd/*; do readlink $fd; done > {{log}}
            echo '{"ips":[{"address":"10.42.3.9/24"}]}'
            """);
        CniPod pod = _host.NewPod();

        _host.Add(pod).Success();

        string[] open = [.. File.ReadAllLines(log).Where(static target =>
            !target.StartsWith("pipe:", StringComparison.Ordinal)
            && !target.EndsWith("host-local", StringComparison.Ordinal))];
        Assert.Contains(open, target => target.Contains($".{pod.Id}:eth0.lock", StringComparison.Ordinal));
        Assert.DoesNotContain(open, static target => target.Contains("socket:", StringComparison.Ordinal));
        Assert.DoesNotContain(open, static target => target.Contains("net:[", StringComparison.Ordinal));
    }

    private static long Time(Action action)
    {
        long start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetTimestamp() - start;
    }

    private void KillAfter(string verb, CniPod pod, long ticks)
    {
        using ChildProcess child = _host.Start(verb, pod);
        long start = Stopwatch.GetTimestamp();
        SpinWait.SpinUntil(() => Stopwatch.GetTimestamp() - start >= ticks);
        child.Kill();
        child.Wait();
    }
}
