using System.Globalization;
using FlannelCni.Linux.Processes;

namespace FlannelCni.TestKit;

/// <summary>One run of the published <c>flanneld</c> on a node, from its start to its end.</summary>
public sealed class AgentProcess : IDisposable
{
    private readonly ChildProcess _child;
    private readonly Task<int> _end;
    private readonly string _pidFile;
    private readonly string _log;

    private AgentProcess(ChildProcess child, string pidFile, string log)
    {
        _child = child;
        _pidFile = pidFile;
        _log = log;

        // A thread that only waits: with many agents it must not be one of the pool's.
        TaskCompletionSource<int> end = new(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(() => end.SetResult(child.Wait().ExitStatus)) { IsBackground = true }.Start();
        _end = end.Task;
    }

    /// <summary>Of flanneld itself; known once it has begun to log.</summary>
    public int Pid => int.Parse(File.ReadAllText(_pidFile), CultureInfo.InvariantCulture);

    public bool HasEnded => _end.IsCompleted;

    /// <summary>Descriptors that it has open.</summary>
    public int Descriptors => Directory.GetFiles($"/proc/{Pid}/fd").Length;

    /// <summary>Its resident memory in kB.</summary>
    public int ResidentKilobytes
    {
        get
        {
            string line = File.ReadLines($"/proc/{Pid}/status").First(IsResident);
            return int.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
        }
    }

    internal static AgentProcess Start(TestNode node, string home, string arguments, string environment, string log)
    {
        string pidFile = Path.Combine(home, $"pid-{Guid.NewGuid():n}");
        string script =
            $"mount --bind {home}/run /run && mount --bind {home}/lib /var/lib && echo $$ >{pidFile} && "
            + $"exec env {environment} {Repository.Executable("flanneld")} {arguments} >>{log} 2>&1";
        return new AgentProcess(
            node.Start($"exec unshare --mount --propagation private sh -c '{script}'"), pidFile, log);
    }

    /// <summary>For who measures it: what is not there any more is told with all that is left of it.</summary>
    /// <exception cref="InvalidOperationException">It has ended; with what status, and its log.</exception>
    public void MustRun()
    {
        if (_end.IsCompleted)
        {
            throw new InvalidOperationException($"flanneld has ended with {_end.Result}:\n{File.ReadAllText(_log)}");
        }
    }

    /// <summary>SIGTERM.</summary>
    public void Terminate() => Shell.Run($"kill -TERM {Pid}");

    /// <summary>SIGSTOP.</summary>
    public void Pause() => Shell.Run($"kill -STOP {Pid}");

    /// <summary>SIGCONT.</summary>
    public void Resume() => Shell.Run($"kill -CONT {Pid}");

    /// <summary>SIGKILL.</summary>
    public void Kill() => _child.Kill();

    /// <summary>Waits for its end: 0..255, or 128 + N after signal N.</summary>
    public Task<int> EndAsync() => _end.WaitAsync(TimeSpan.FromSeconds(10), TimeProvider.System);

    public void Dispose()
    {
        if (!_end.IsCompleted)
        {
            Kill();
            _ = _end.Wait(TimeSpan.FromSeconds(10));
        }

        _child.Dispose();
    }

    private static bool IsResident(string line) => line.StartsWith("VmRSS:", StringComparison.Ordinal);
}
