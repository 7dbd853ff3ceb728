using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;
using FlannelCni.Linux.Processes;
using Xunit;

namespace FlannelCni.TestKit.Cni;

/// <summary>
/// Many pods at once under a runtime that loses patience: some calls end by SIGKILL after a few milliseconds, and some
/// IPAM plugins too. As a runtime does, a failed ADD is followed by DELs until one succeeds, and then a new sandbox; a
/// failed DEL comes again.
/// </summary>
public sealed class Storm(CniHost host, int seed)
{
    private const int MaxTries = 60;
    private const int MaxMilliseconds = 40;

    // Pids are as good as dice here, and cost no program.
    private const string DyingIpam =
        $"""
        if [ $(($$ % 8)) = 0 ]; then exec timeout -s KILL 0.00$(($$ / 8 % 7 + 1)) {CniHost.PluginFolder}/host-local; fi
        exec {CniHost.PluginFolder}/host-local
        """;

    private int _kills;
    private int _calls;

    public int Kills => _kills;

    public int Calls => _calls;

    /// <summary>All come, then all go. Whatever is lost or left on the way is a failure.</summary>
    public void Run(int pods)
    {
        host.InstallIpam(DyingIpam);
        CniPod first = host.NewPod();
        Retry("ADD", first, new Random(seed));
        string bridge = BridgeIdentity();

        ConcurrentDictionary<int, CniPod> attached = [];
        AtOnce(pods, i => attached[i] = Attach(new Random((seed * 1000) + i)));

        Assert.Equal(pods + 1, host.Ports().Length);
        string[] addresses = [.. attached.Values.Append(first).SelectMany(static pod => pod.Addresses(is6: false))
            .Select(static address => address.Split('/')[0])];
        Assert.Equal(pods + 1, addresses.Distinct().Count());
        Assert.Equal(
            addresses.Order(StringComparer.Ordinal),
            host.ReservedAddresses().Where(static address => address.Contains('.')).Order(StringComparer.Ordinal));
        attached[0].Ping(addresses[^1]);

        AtOnce(pods, i => Detach(attached[i], new Random((seed * 2000) + i)));

        Assert.Equal(bridge, BridgeIdentity());
        Detach(first, new Random(seed));
        Assert.Equal(bridge, BridgeIdentity());
        host.AssertClean();
        Assert.DoesNotContain("saddr", host.Node.Shell("nft list ruleset"), StringComparison.Ordinal);
    }

    private CniPod Attach(Random random)
    {
        for (int tries = 0; tries < MaxTries; tries++)
        {
            CniPod pod = host.NewPod();
            if (Call("ADD", pod, random) is { ExitStatus: 0 })
            {
                return pod;
            }

            Detach(pod, random);
        }

        throw new InvalidOperationException("no ADD succeeds");
    }

    private void Detach(CniPod pod, Random random)
    {
        for (int tries = 0; tries < MaxTries; tries++)
        {
            if (Call("DEL", pod, random) is { ExitStatus: 0 })
            {
                return;
            }
        }

        throw new InvalidOperationException("no DEL succeeds");
    }

    private void Retry(string verb, CniPod pod, Random random)
    {
        while (Call(verb, pod, random) is not { ExitStatus: 0 })
        {
            Detach(pod, random);
        }
    }

    private CniAnswer Call(string verb, CniPod pod, Random random)
    {
        using ChildProcess child = host.Start(verb, pod);
        Interlocked.Increment(ref _calls);
        if (random.Next(3) == 0)
        {
            TimeSpan patience = TimeSpan.FromMilliseconds(random.NextDouble() * MaxMilliseconds);
            long start = Stopwatch.GetTimestamp();
            SpinWait.SpinUntil(() => Stopwatch.GetElapsedTime(start) > patience);
            child.Kill();
            Interlocked.Increment(ref _kills);
        }

        return CniAnswer.Of(child.Wait());
    }

    private static void AtOnce(int count, Action<int> action)
    {
        ConcurrentQueue<Exception> failures = [];
        Thread[] threads = [.. Enumerable.Range(0, count).Select(i => new Thread(() =>
        {
            try
            {
                action(i);
            }
            catch (Exception e)
            {
                failures.Enqueue(e);
            }
        }))];
        foreach (Thread thread in threads)
        {
            thread.Start();
        }

        foreach (Thread thread in threads)
        {
            thread.Join();
        }

        if (!failures.IsEmpty)
        {
            throw new AggregateException(failures);
        }
    }

    private string BridgeIdentity()
    {
        JsonElement link = host.Node.ShellJson("ip -json link show cni0")[0];
        return $"{link.GetProperty("ifindex")} {link.GetProperty("address")}";
    }
}
