// A runtime that loses patience kills this process, not the IPAM plugin that it started, and calls DEL at once.
// That DEL must not overtake the plugin: it would release an address that is reserved only afterwards. So ADD and DEL
// of one attachment hold a lock, and the IPAM plugin inherits it: the lock is free when both are gone.

using FlannelCni.Linux;
using FlannelCni.Linux.Files;
using FlannelCni.Linux.Interop;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.Plugin.Attachments;

/// <summary>Keeps commands on one attachment apart. Its file is there while one runs, or if one was killed.</summary>
internal sealed class AttachmentLock : IDisposable
{
    private const string Ending = ".lock";

    private readonly FileLock _lock;
    private readonly bool _canDelete;

    private AttachmentLock(FileLock fileLock, bool canDelete = true)
    {
        _lock = fileLock;
        _canDelete = canDelete;
    }

    /// <summary>For a child to inherit.</summary>
    internal int Descriptor => _lock.Descriptor;

    /// <summary>Waits for it; makes the folder if there is none.</summary>
    /// <exception cref="CniException">IoFailure: the folder takes no files.</exception>
    internal static AttachmentLock Acquire(string dataDir, in Attachment attachment)
    {
        try
        {
            DataDirectory.Ensure(dataDir);
            return new AttachmentLock(FileLock.Acquire(PathOf(dataDir, attachment)));
        }
        catch (LinuxException e) when (e.Errno is Errno.ENAMETOOLONG)
        {
            throw new CniException(
                CniErrorCode.InvalidEnvironment,
                "the container's id is too long for the name of a file",
                attachment.ContainerId);
        }
        catch (LinuxException e)
        {
            throw DataDirectory.Unusable(dataDir, e);
        }
    }

    /// <summary>For a command that needs no room: it goes on where nothing can be written.</summary>
    /// <param name="attachmentLock">Null: nobody can hold it, as there is no folder, or no room for the file.</param>
    /// <param name="waits">Otherwise, if somebody holds it, false comes back.</param>
    internal static bool AcquireForRemoval(
        string dataDir, in Attachment attachment, bool waits, out AttachmentLock? attachmentLock)
    {
        string path = PathOf(dataDir, attachment);
        attachmentLock = null;
        try
        {
            FileLock? acquired = waits ? FileLock.Acquire(path) : FileLock.TryAcquire(path);
            attachmentLock = acquired is null ? null : new AttachmentLock(acquired);
            return acquired is not null;
        }
        catch (LinuxException e) when (RawFile.MeansAbsent(e.Errno))
        {
            return true;
        }
        catch (LinuxException e) when (e.Errno is Errno.EROFS or Errno.ENOSPC or Errno.EDQUOT)
        {
            attachmentLock = AcquireExisting(path, isReadOnly: e.Errno is Errno.EROFS);
            return true;
        }
    }

    /// <summary>The attachment that a file of the folder locks; false: it is no lock.</summary>
    internal static bool TryReadName(string name, out string containerId, out string ifName)
    {
        int colon = name.IndexOf(':', StringComparison.Ordinal);
        bool isLock = colon > 1 && name[0] == '.' && name.EndsWith(Ending, StringComparison.Ordinal);
        containerId = isLock ? name[1..colon] : "";
        ifName = isLock ? name[(colon + 1)..^Ending.Length] : "";
        return isLock;
    }

    public void Dispose()
    {
        if (_canDelete)
        {
            _lock.DeleteAndRelease();
        }
        else
        {
            _lock.Dispose();
        }
    }

    private static AttachmentLock? AcquireExisting(string path, bool isReadOnly)
    {
        try
        {
            return new AttachmentLock(FileLock.AcquireExisting(path), canDelete: !isReadOnly);
        }
        catch (LinuxException e) when (e.Errno is Errno.ENOENT)
        {
            return null;
        }
    }

    // Container ids begin with a letter or digit, so that no scratch file can have this name.
    private static string PathOf(string dataDir, in Attachment attachment) =>
        DataDirectory.PathOf(dataDir, $".{attachment.Key}{Ending}");
}
