// A runtime that loses patience kills this process, not the IPAM plugin that it started, and calls DEL at once.
// That DEL must not overtake the plugin: it would release an address that is reserved only afterwards. So ADD and DEL
// of one attachment hold a lock, and the IPAM plugin inherits it: the lock is free when both are gone.

using FlannelCni.Linux;
using FlannelCni.Linux.Files;
using FlannelCni.Linux.Interop;

namespace FlannelCni.Plugin.Attachments;

/// <summary>Keeps commands on one attachment apart. Its file is there while one runs, or if one was killed.</summary>
internal sealed class AttachmentLock : IDisposable
{
    private const uint FolderMode = 0b111_000_000;    // rwx------

    private readonly FileLock _lock;

    private AttachmentLock(FileLock fileLock) => _lock = fileLock;

    /// <summary>For a child to inherit.</summary>
    internal int Descriptor => _lock.Descriptor;

    /// <summary>Waits for it; makes the folder if there is none.</summary>
    internal static AttachmentLock Acquire(string dataDir, in Attachment attachment)
    {
        Folder.Ensure(dataDir, FolderMode);
        return new AttachmentLock(FileLock.Acquire(PathOf(dataDir, attachment)));
    }

    /// <summary>Null: there is no folder, so that no ADD has ever been here.</summary>
    internal static AttachmentLock? AcquireUnlessNew(string dataDir, in Attachment attachment)
    {
        try
        {
            return new AttachmentLock(FileLock.Acquire(PathOf(dataDir, attachment)));
        }
        catch (LinuxException e) when (e.Errno is Errno.ENOENT or Errno.ENOTDIR)
        {
            return null;
        }
    }

    public void Dispose() => _lock.DeleteAndRelease();

    // Container ids begin with a letter or digit, so that no scratch file can have this name.
    private static string PathOf(string dataDir, in Attachment attachment) => $"{dataDir}/.{attachment.Key}.lock";
}
