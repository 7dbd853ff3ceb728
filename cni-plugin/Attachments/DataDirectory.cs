using FlannelCni.Linux;
using FlannelCni.Linux.Files;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.Plugin.Attachments;

/// <summary>The folder of locks and scratch files.</summary>
internal static class DataDirectory
{
    private const uint Mode = 0b111_000_000;    // rwx------

    /// <summary>Makes it if there is none.</summary>
    /// <exception cref="LinuxException">EROFS, ENOTDIR: a file is in the way.</exception>
    internal static void Ensure(string dataDir) => Folder.Ensure(dataDir, Mode);

    /// <summary>Does it take a file as large as those that an ADD writes?</summary>
    /// <exception cref="CniException">IoFailure: it does not.</exception>
    internal static void RequireWritable(string dataDir)
    {
        string probe = PathOf(dataDir, ".status");
        try
        {
            Ensure(dataDir);
            AtomicFile.Write(probe, new byte[1024], UnixFileMode.UserRead | UnixFileMode.UserWrite, durable: false);
            _ = RawFile.DeleteIfPresent(probe);
        }
        catch (LinuxException e)
        {
            throw Unusable(dataDir, e);
        }
    }

    /// <summary>In an empty one there is no file and can be none: not the root's.</summary>
    internal static string PathOf(string dataDir, string name) =>
        string.Concat(dataDir.Length > 0 ? dataDir : "/dev/null", "/", name);

    /// <summary>What a runtime is told when a file of it could not be written.</summary>
    internal static CniException Unusable(string dataDir, LinuxException because) => new(
        CniErrorCode.IoFailure,
        $"cannot keep a pod's state in \"dataDir\" {dataDir}: {because.Message}",
        "make the folder writable, make room on its file system, or name another one in the network configuration");
}
