using System.Runtime.InteropServices;
using FlannelCni.Linux.Interop;

namespace FlannelCni.Linux.Processes;

/// <summary>The call of posix_spawn itself, with its C arrays.</summary>
internal static unsafe class Spawn
{
    internal static Errno Run(
        string path,
        IReadOnlyList<string> arguments,
        IReadOnlyList<string> environment,
        SafeFd input,
        SafeFd output,
        SafeFd error,
        int? inherited,
        out int pid)
    {
        pid = 0;
        byte** argv = ToNative([path, .. arguments]);
        byte** envp = ToNative(environment);
        PosixSpawnFileActions actions;
        PosixSpawnAttr attributes;
        Check(Libc.posix_spawn_file_actions_init(&actions));
        Check(Libc.posix_spawnattr_init(&attributes));
        try
        {
            Check(Libc.posix_spawn_file_actions_adddup2(&actions, input.Number, 0));
            Check(Libc.posix_spawn_file_actions_adddup2(&actions, output.Number, 1));
            Check(Libc.posix_spawn_file_actions_adddup2(&actions, error.Number, 2));
            if (inherited is int fd)
            {
                // A dup2 onto itself clears FD_CLOEXEC in the child (POSIX.1-2024; glibc 2.29, musl).
                Check(Libc.posix_spawn_file_actions_adddup2(&actions, fd, fd));
            }

            SigSet signals;
            _ = Libc.sigfillset(&signals);
            Check(Libc.posix_spawnattr_setsigdefault(&attributes, &signals));
            _ = Libc.sigemptyset(&signals);
            Check(Libc.posix_spawnattr_setsigmask(&attributes, &signals));
            Check(Libc.posix_spawnattr_setflags(
                &attributes, Libc.POSIX_SPAWN_SETSIGDEF | Libc.POSIX_SPAWN_SETSIGMASK));
            return Libc.posix_spawn(out pid, path, &actions, &attributes, argv, envp);
        }
        finally
        {
            _ = Libc.posix_spawn_file_actions_destroy(&actions);
            _ = Libc.posix_spawnattr_destroy(&attributes);
            Free(argv);
            Free(envp);
        }
    }

    private static void Check(Errno errno)
    {
        if (errno != Errno.None)
        {
            throw new LinuxException("posix_spawn set-up", errno);
        }
    }

    /// <summary>A NULL-terminated array of NUL-terminated strings.</summary>
    private static byte** ToNative(IReadOnlyList<string> strings)
    {
        byte** array = (byte**)NativeMemory.AllocZeroed((nuint)strings.Count + 1, (nuint)sizeof(byte*));
        for (int i = 0; i < strings.Count; i++)
        {
            array[i] = (byte*)Marshal.StringToCoTaskMemUTF8(strings[i]);
        }

        return array;
    }

    private static void Free(byte** array)
    {
        for (byte** item = array; *item is not null; item++)
        {
            Marshal.FreeCoTaskMem((nint)(*item));
        }

        NativeMemory.Free(array);
    }
}
