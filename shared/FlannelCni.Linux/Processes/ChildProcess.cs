// posix_spawn with default signal handling and an empty mask: .NET ignores SIGPIPE and may block signals on the calling
// thread, both of which a child would inherit. All descriptors of this project are close-on-exec; the child gets its
// three standard ones and those named. It inherits the network namespace of the calling thread.

using FlannelCni.Linux.Interop;

namespace FlannelCni.Linux.Processes;

/// <summary>A program that was started with some input and is read to its end: the only way to start one.</summary>
public sealed class ChildProcess : IDisposable
{
    private readonly string _path;
    private readonly int _pid;
    private readonly SafeFd _stdin;
    private readonly SafeFd _stdout;
    private readonly SafeFd _stderr;
    private readonly byte[] _input;
    private bool _isReaped;

    private ChildProcess(string path, int pid, SafeFd stdin, SafeFd stdout, SafeFd stderr, byte[] input)
    {
        _path = path;
        _pid = pid;
        _stdin = stdin;
        _stdout = stdout;
        _stderr = stderr;
        _input = input;
    }

    /// <summary>Starts a program; its input is written by <see cref="Wait"/>, as fast as it reads.</summary>
    /// <param name="path">Of the file; nothing is searched.</param>
    /// <param name="arguments">Without the program's own name.</param>
    /// <param name="environment">All of it: NAME=VALUE.</param>
    /// <param name="input">What it finds on its standard input.</param>
    /// <param name="inheritedDescriptor">One more descriptor that stays open in the child, under the same number.</param>
    /// <exception cref="LinuxException">ENOENT, EACCES, ENOEXEC; ETXTBSY: the file is being written.</exception>
    public static ChildProcess Start(
        string path,
        IReadOnlyList<string> arguments,
        IReadOnlyList<string> environment,
        byte[] input,
        int? inheritedDescriptor = null)
    {
        (SafeFd childIn, SafeFd stdin) = Pipe();
        (SafeFd stdout, SafeFd childOut) = Pipe();
        (SafeFd stderr, SafeFd childErr) = Pipe();
        using (childIn)
        using (childOut)
        using (childErr)
        {
            Errno errno = Spawn.Run(path, arguments, environment, childIn, childOut, childErr, inheritedDescriptor, out int pid);
            if (errno == Errno.None)
            {
                return new ChildProcess(path, pid, stdin, stdout, stderr, input);
            }

            stdin.Dispose();
            stdout.Dispose();
            stderr.Dispose();
            throw new LinuxException($"exec {path}", errno);
        }
    }

    /// <summary>Feeds the input, collects the output and waits for the end.</summary>
    public ChildResult Wait()
    {
        List<byte> output = [];
        List<byte> error = [];
        int written = 0;
        bool outOpen = true;
        bool errOpen = true;
        CloseInputAt(_input.Length == 0);
        while (outOpen || errOpen)
        {
            Span<PollFd> polled =
            [
                new() { Fd = _stdin.IsClosed ? -1 : Number(_stdin), Events = Libc.POLLOUT },
                new() { Fd = outOpen ? Number(_stdout) : -1, Events = Libc.POLLIN },
                new() { Fd = errOpen ? Number(_stderr) : -1, Events = Libc.POLLIN },
            ];
            if (Libc.poll(polled, (nuint)polled.Length, -1) < 0)
            {
                Errno errno = Libc.LastError;
                if (errno != Errno.EINTR)
                {
                    throw new LinuxException($"poll output of {_path}", errno);
                }

                continue;
            }

            if (polled[0].ReturnedEvents != 0)
            {
                written += WriteSome(written);
                CloseInputAt(written == _input.Length);
            }

            outOpen = outOpen && (polled[1].ReturnedEvents == 0 || ReadSome(_stdout, output));
            errOpen = errOpen && (polled[2].ReturnedEvents == 0 || ReadSome(_stderr, error));
        }

        return new ChildResult(WaitPid(), [.. output], [.. error]);
    }

    /// <summary>SIGKILL, unless it has ended.</summary>
    public void Kill()
    {
        if (!_isReaped)
        {
            _ = Libc.kill(_pid, Libc.SIGKILL);
        }
    }

    /// <summary>A child that nobody waited for is killed and reaped.</summary>
    public void Dispose()
    {
        _stdin.Dispose();
        _stdout.Dispose();
        _stderr.Dispose();
        if (!_isReaped)
        {
            Kill();
            _ = WaitPid();
        }
    }

    private static int Number(SafeFd fd) => (int)fd.DangerousGetHandle();

    private void CloseInputAt(bool isEnd)
    {
        if (isEnd)
        {
            _stdin.Dispose();
        }
    }

    private int WriteSome(int from)
    {
        // No more than a pipe's atomic size: poll promised room for that much, and a longer write would block.
        int size = Math.Min(_input.Length - from, 4096);
        nint count = Libc.write(_stdin, _input.AsSpan(from, size), size);
        Errno errno = Libc.LastError;
        return count >= 0 ? (int)count : errno switch
        {
            Errno.EINTR => 0,
            Errno.EPIPE => _input.Length - from,    // it does not want the rest
            _ => throw new LinuxException($"write input of {_path}", errno),
        };
    }

    /// <summary>False: the end.</summary>
    private bool ReadSome(SafeFd fd, List<byte> into)
    {
        Span<byte> buffer = stackalloc byte[4096];
        nint count = Libc.read(fd, buffer, buffer.Length);
        Errno errno = Libc.LastError;
        if (count < 0)
        {
            return errno == Errno.EINTR ? true : throw new LinuxException($"read output of {_path}", errno);
        }

        into.AddRange(buffer[..(int)count]);
        return count > 0;
    }

    /// <summary>
    /// Writes the input at once instead of in <see cref="Wait"/>, so that the child works meanwhile. For inputs that
    /// fit into a pipe; with a longer one this waits until the child has read it.
    /// </summary>
    public void Send()
    {
        int written = 0;
        while (written < _input.Length)
        {
            written += WriteSome(written);
        }

        _stdin.Dispose();
    }

    private int WaitPid()
    {
        int status;
        while (Libc.waitpid(_pid, out status, 0) < 0)
        {
            Errno errno = Libc.LastError;
            if (errno != Errno.EINTR)
            {
                throw new LinuxException($"wait for {_path}", errno);
            }
        }

        _isReaped = true;

        // sys/wait.h: WIFEXITED, WEXITSTATUS, WTERMSIG.
        return (status & 0x7F) == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F);
    }

    private static (SafeFd Read, SafeFd Write) Pipe()
    {
        Span<int> fds = stackalloc int[2];
        return Libc.pipe2(fds, Libc.O_CLOEXEC) < 0
            ? throw new LinuxException("pipe2", Libc.LastError)
            : (new SafeFd(fds[0]), new SafeFd(fds[1]));
    }
}

/// <summary>How a child ended.</summary>
/// <param name="ExitStatus">0..255; 128 + N: killed by signal N.</param>
/// <param name="Output">All of its standard output.</param>
/// <param name="Error">All of its standard error.</param>
public sealed record ChildResult(int ExitStatus, byte[] Output, byte[] Error);
