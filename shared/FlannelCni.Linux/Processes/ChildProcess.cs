// posix_spawn with default signal handling and an empty mask: .NET ignores SIGPIPE and may block signals on the calling
// thread, both of which a child would inherit. All descriptors of this project are close-on-exec; the child gets its
// three standard ones, the one named, and what this process itself was started with. It inherits the network namespace
// of the calling thread.
// The end of a child is not the end of its output: a program it left behind may hold the pipes open for ever. What
// counts is what is in them when the child has ended, which a pidfd tells. A pidfd also never names another process.

using FlannelCni.Linux.Interop;

namespace FlannelCni.Linux.Processes;

/// <summary>
/// A program that was started with some input and is read to its end: the only way to start one. Of its members only
/// <see cref="Kill"/> may be called while another thread is in <see cref="Wait"/>.
/// </summary>
public sealed class ChildProcess : IDisposable
{
    private const int PipeAtomicSize = 4096;    // PIPE_BUF

    private readonly string _path;
    private readonly int _pid;
    private readonly SafeFd _pidFd;
    private readonly SafeFd _stdin;
    private readonly SafeFd _stdout;
    private readonly SafeFd _stderr;
    private readonly byte[] _input;
    private readonly List<byte> _output = [];
    private readonly List<byte> _error = [];
    private int _written;
    private ChildResult? _result;
    private bool _isReaped;

    private ChildProcess(string path, int pid, SafeFd stdin, SafeFd stdout, SafeFd stderr, byte[] input)
    {
        _path = path;
        _pid = pid;
        _stdin = stdin;
        _stdout = stdout;
        _stderr = stderr;
        _input = input;

        // Nobody else reaps it: the number is its own until WaitPid.
        nint pidFd = Libc.syscall_pidfd_open(Libc.SYS_pidfd_open, pid, 0);
        Errno errno = Libc.LastError;
        if (pidFd < 0)
        {
            _ = Libc.kill(pid, Libc.SIGKILL);
            _ = WaitPid();
            throw new LinuxException($"pidfd_open of {path}", errno);
        }

        _pidFd = new SafeFd((int)pidFd);
    }

    /// <summary>Starts a program; its input is written by <see cref="Wait"/>, as fast as it reads.</summary>
    /// <param name="path">Of the file; nothing is searched.</param>
    /// <param name="arguments">Without the program's own name.</param>
    /// <param name="environment">All of it: NAME=VALUE.</param>
    /// <param name="input">What it finds on its standard input.</param>
    /// <param name="inheritedDescriptor">One more descriptor, from 3, that the child has under the same number.</param>
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
            Errno errno = Spawn.Run(
                path, arguments, environment, childIn, childOut, childErr, inheritedDescriptor, out int pid);
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

    /// <summary>
    /// Writes the input at once instead of in <see cref="Wait"/>, so that the child works meanwhile. For inputs that
    /// fit into a pipe; with a longer one this waits until the child has read it.
    /// </summary>
    public void Send()
    {
        while (_written < _input.Length)
        {
            WriteSome();
        }

        _stdin.Dispose();
    }

    /// <summary>Feeds the input, collects the output and waits for the end.</summary>
    public ChildResult Wait()
    {
        while (true)
        {
            if (_result is not null || Step())
            {
                return _result ?? throw new InvalidOperationException("the last step leaves a result");
            }
        }
    }

    /// <summary>As <see cref="Wait"/>, but only until the output is whole: the end takes time of its own.</summary>
    /// <param name="isWhole">Looks at the output so far.</param>
    /// <returns>The output so far; null: the child has ended before it was whole.</returns>
    public byte[]? WaitForOutput(Func<byte[], bool> isWhole)
    {
        int looked = 0;
        while (true)
        {
            if (_output.Count > looked)
            {
                looked = _output.Count;
                byte[] output = [.. _output];
                if (isWhole(output))
                {
                    return output;
                }
            }

            if (_result is not null || Step())
            {
                return null;
            }
        }
    }

    /// <summary><see cref="Wait"/> on a thread of its own; when cancelled, the child is killed.</summary>
    /// <exception cref="OperationCanceledException">Cancelled; the child has ended.</exception>
    public async Task<ChildResult> WaitAsync(CancellationToken cancellationToken)
    {
        using CancellationTokenRegistration registration = cancellationToken.Register(Kill);
        ChildResult result = await Task.Factory.StartNew(
            Wait, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        cancellationToken.ThrowIfCancellationRequested();
        return result;
    }

    /// <summary>SIGKILL, unless it has ended.</summary>
    public void Kill()
    {
        // ESRCH: it has ended and was reaped.
        _ = Libc.syscall_pidfd_send_signal(Libc.SYS_pidfd_send_signal, _pidFd, Libc.SIGKILL, 0, 0);
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

        _pidFd.Dispose();
    }

    /// <summary>Waits for something to happen and deals with it. True: that was the end.</summary>
    private bool Step()
    {
        CloseInputAt(_written == _input.Length);
        Span<PollFd> polled =
        [
            new() { Fd = Number(_stdin), Events = Libc.POLLOUT },
            new() { Fd = Number(_stdout), Events = Libc.POLLIN },
            new() { Fd = Number(_stderr), Events = Libc.POLLIN },
            new() { Fd = Number(_pidFd), Events = Libc.POLLIN },
        ];
        Poll(polled);
        if (polled[3].ReturnedEvents != 0)
        {
            ReadRest(_stdout, _output);
            ReadRest(_stderr, _error);
            _result = new ChildResult(WaitPid(), [.. _output], [.. _error]);
            return true;
        }

        if (polled[0].ReturnedEvents != 0)
        {
            WriteSome();
        }

        ReadIf(polled[1].ReturnedEvents != 0, _stdout, _output);
        ReadIf(polled[2].ReturnedEvents != 0, _stderr, _error);
        return false;
    }

    /// <summary>For poll: -1, which it passes by, when closed.</summary>
    private static int Number(SafeFd fd) => fd.IsClosed ? -1 : fd.Number;

    private void Poll(Span<PollFd> polled)
    {
        while (Libc.poll(polled, (nuint)polled.Length, -1) < 0)
        {
            Errno errno = Libc.LastError;
            if (errno != Errno.EINTR)
            {
                throw new LinuxException($"poll {_path}", errno);
            }
        }
    }

    private void CloseInputAt(bool isEnd)
    {
        if (isEnd)
        {
            _stdin.Dispose();
        }
    }

    private void WriteSome()
    {
        // No more than a pipe's atomic size: poll promised room for that much, and a longer write would block.
        int size = Math.Min(_input.Length - _written, PipeAtomicSize);
        nint count = Libc.write(_stdin, _input.AsSpan(_written, size), size);
        Errno errno = Libc.LastError;
        _written += count >= 0 ? (int)count : errno switch
        {
            Errno.EINTR => 0,
            Errno.EPIPE => _input.Length - _written,    // it does not want the rest
            _ => throw new LinuxException($"write input of {_path}", errno),
        };
    }

    private void ReadIf(bool isReady, SafeFd fd, List<byte> into)
    {
        if (isReady && Read(fd, into, int.MaxValue) == 0)
        {
            fd.Dispose();
        }
    }

    /// <summary>Reads what is in the pipe now, and not what others go on writing.</summary>
    private void ReadRest(SafeFd fd, List<byte> into)
    {
        int rest = 0;
        if (!fd.IsClosed && Libc.ioctl(fd, Libc.FIONREAD, ref rest) < 0)
        {
            throw new LinuxException($"ioctl(FIONREAD) of output of {_path}", Libc.LastError);
        }

        while (rest > 0)
        {
            rest -= Read(fd, into, rest);
        }
    }

    /// <summary>Reads what is there, up to a limit; waits for a byte. 0: the end.</summary>
    private int Read(SafeFd fd, List<byte> into, int limit)
    {
        Span<byte> buffer = stackalloc byte[PipeAtomicSize];
        while (true)
        {
            nint count = Libc.read(fd, buffer, Math.Min(buffer.Length, limit));
            Errno errno = Libc.LastError;
            if (count >= 0)
            {
                into.AddRange(buffer[..(int)count]);
                return (int)count;
            }

            if (errno != Errno.EINTR)
            {
                throw new LinuxException($"read output of {_path}", errno);
            }
        }
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
            : (FromThree(fds[0]), FromThree(fds[1]));
    }

    // In a program that was started without its standard descriptors a pipe may get one of their numbers, where the
    // child's own would overwrite it.
    private static SafeFd FromThree(int fd)
    {
        if (fd > 2)
        {
            return new SafeFd(fd);
        }

        using SafeFd low = new(fd);
        int moved = Libc.fcntl(fd, Libc.F_DUPFD_CLOEXEC, 3);
        return moved < 0 ? throw new LinuxException("fcntl(F_DUPFD_CLOEXEC)", Libc.LastError) : new SafeFd(moved);
    }
}

/// <summary>How a child ended.</summary>
/// <param name="ExitStatus">0..255; 128 + N: killed by signal N.</param>
/// <param name="Output">All that was on its standard output when it ended.</param>
/// <param name="Error">All that was on its standard error when it ended.</param>
public sealed record ChildResult(int ExitStatus, byte[] Output, byte[] Error);
