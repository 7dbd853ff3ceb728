using System.Text.Json;
using FlannelCni.Linux.Processes;

namespace FlannelCni.TestKit;

/// <summary>A member of an <see cref="EtcdCluster"/>: its clients at 127.0.0.1:2379, its peers by eth0.</summary>
public sealed class EtcdMember : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly string _cluster;
    private ChildProcess? _process;
    private bool _isPaused;
    private bool _isIsolated;

    internal EtcdMember(int number, TestNode net, int members)
    {
        (Number, Net) = (number, net);
        _cluster = string.Join(',', Enumerable.Range(1, members).Select(
            static i => $"member{i}={EtcdCluster.PeerUrl(i)}"));
    }

    /// <summary>From 1.</summary>
    public int Number { get; }

    public TestNode Net { get; }

    /// <summary>Runs, is not paused, and has its wire.</summary>
    public bool IsUp => _process is not null && !_isPaused && !_isIsolated;

    /// <summary>With the data it had; nothing if it runs.</summary>
    public void Start()
    {
        if (_process is not null)
        {
            return;
        }

        string peer = EtcdCluster.PeerUrl(Number);
        _process = Net.Start(
            $"echo $$ >{_folder.File("pid")}; "
            + $"exec /usr/bin/etcd --name=member{Number} --data-dir={_folder.File("data")} "
            + "--listen-client-urls=http://127.0.0.1:2379 --advertise-client-urls=http://127.0.0.1:2379 "
            + $"--listen-peer-urls={peer} --initial-advertise-peer-urls={peer} --initial-cluster={_cluster} "
            + "--heartbeat-interval=50 --election-timeout=500 --logger=zap "
            + $">>{_folder.File("log")} 2>&1");
        _isPaused = false;
    }

    /// <summary>SIGKILL, and its end.</summary>
    public void Kill()
    {
        _process?.Dispose();
        _process = null;
        _isPaused = false;
    }

    /// <summary>SIGSTOP.</summary>
    public void Pause() => Signal("STOP", isPaused: true);

    /// <summary>SIGCONT.</summary>
    public void Resume() => Signal("CONT", isPaused: false);

    /// <summary>Takes its wire to the other members away. Its clients still reach it.</summary>
    public void Isolate()
    {
        Net.Shell("ip link set eth0 down");
        _isIsolated = true;
    }

    public void Rejoin()
    {
        Net.Shell("ip link set eth0 up");
        _isIsolated = false;
    }

    /// <summary>Forgets all keys, while it is down.</summary>
    public void Wipe() => Directory.Delete(_folder.File("data"), recursive: true);

    /// <summary>What etcdctl prints, asking this member. Arguments go through a shell.</summary>
    public string Control(string arguments, string input = "") => Net.Shell(
        $"ETCDCTL_API=3 etcdctl --command-timeout=10s {ControlOptions} {arguments}", input).TrimEnd('\n');

    /// <summary>Options that every call of etcdctl gets.</summary>
    public string ControlOptions { get; set; } = "";

    /// <summary>Does it answer what takes a leader?</summary>
    public bool IsHealthy() => Net.Shell(
        $"ETCDCTL_API=3 etcdctl --command-timeout=1s {ControlOptions} get none >/dev/null 2>&1 && echo yes || true")
        .StartsWith("yes", StringComparison.Ordinal);

    internal bool IsLeader()
    {
        string text = Net.Shell(
            $"ETCDCTL_API=3 etcdctl --command-timeout=1s {ControlOptions} endpoint status -w json 2>/dev/null || true");
        if (!text.StartsWith('['))
        {
            return false;
        }

        using JsonDocument document = JsonDocument.Parse(text);
        JsonElement status = document.RootElement[0].GetProperty("Status");
        return status.TryGetProperty("leader", out JsonElement leader)
            && leader.GetUInt64() == status.GetProperty("header").GetProperty("member_id").GetUInt64();
    }

    public void Dispose()
    {
        Kill();
        _folder.Dispose();
    }

    private void Signal(string signal, bool isPaused)
    {
        if (_process is not null)
        {
            Shell.Run($"kill -{signal} $(cat {_folder.File("pid")})");
            _isPaused = isPaused;
        }
    }
}
