using System.Globalization;

namespace FlannelCni.Benchmarks.Firewall;

/// <summary>
/// The most memory that any child was resident in, by looking at them all the time. (ru_maxrss counts the parent's own
/// memory for a child of vfork.)
/// </summary>
internal sealed class ChildMemory : IDisposable
{
    private readonly string _name;
    private readonly Thread _thread;
    private volatile bool _isOver;
    private long _kilobytes;

    /// <param name="name">How the children's names begin.</param>
    internal ChildMemory(string name)
    {
        _name = name;
        _thread = new Thread(Watch);
        _thread.Start();
    }

    internal double Megabytes => Interlocked.Read(ref _kilobytes) / 1024.0;

    public void Dispose()
    {
        _isOver = true;
        _thread.Join();
    }

    private void Watch()
    {
        while (!_isOver)
        {
            foreach (string task in Directory.EnumerateDirectories("/proc/self/task"))
            {
                foreach (string pid in Read($"{task}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries))
                {
                    Look(Read($"/proc/{pid}/status"));
                }
            }
        }
    }

    private void Look(string status)
    {
        // Until its exec a child has its parent's name and memory.
        if (!status.StartsWith($"Name:\t{_name}", StringComparison.Ordinal))
        {
            return;
        }

        string[] words = status.Split((char[])[' ', '\t', '\n'], StringSplitOptions.RemoveEmptyEntries);
        int at = Array.IndexOf(words, "VmHWM:");
        if (at >= 0)
        {
            long kilobytes = long.Parse(words[at + 1], CultureInfo.InvariantCulture);
            Interlocked.Exchange(ref _kilobytes, Math.Max(_kilobytes, kilobytes));
        }
    }

    private static string Read(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (IOException)
        {
            return "";    // it ended
        }
    }
}
