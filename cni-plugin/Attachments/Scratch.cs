// Upstream's place, name and shape, so that either program takes down what the other set up: dataDir/CONTAINERID holds
// the rendered configuration. Not upstream's way of writing: truncating in place leaves half a file when the node dies,
// and the fsync meant against that costs more than all netlink calls together. A rename leaves the old file or the new
// one; should a power failure take it back altogether, DEL renders the configuration again.

using FlannelCni.Linux;
using FlannelCni.Linux.Files;
using FlannelCni.Linux.Interop;

namespace FlannelCni.Plugin.Attachments;

/// <summary>What DEL must know of an attachment, kept from before its ADD touches anything else.</summary>
internal interface IScratch
{
    /// <summary>Null: there is none.</summary>
    byte[]? Find();

    void Save(byte[] config);

    void Delete();
}

/// <summary>The scratch file of a container. Its folder is there: the lock is in it.</summary>
internal sealed class Scratch(string dataDir, Attachment attachment) : IScratch
{
    private readonly string _path = DataDirectory.PathOf(dataDir, attachment.ContainerId);
    private readonly string _temporary = DataDirectory.PathOf(dataDir, $".{attachment.Key}.tmp");

    public byte[]? Find()
    {
        try
        {
            return RawFile.ReadAllBytesIfPresent(_path);
        }
        catch (LinuxException e) when (e.Errno is Errno.EISDIR)
        {
            return null;    // no plugin made that
        }
    }

    public void Save(byte[] config)
    {
        try
        {
            SoleWriterFile.Write(_path, _temporary, config, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
        catch (LinuxException e)
        {
            throw DataDirectory.Unusable(dataDir, e);
        }
    }

    public void Delete() => RawFile.DeleteIfPresent(_path);

    /// <summary>What an ADD leaves that was killed just before there was a scratch file.</summary>
    internal void DeleteTemporary() => RawFile.DeleteIfPresent(_temporary);
}

/// <summary>The scratch file as a step of a command.</summary>
internal static class ScratchStep
{
    /// <summary>Saves, and undoes it when the command fails and nothing else is left for DEL to do.</summary>
    internal static void Save(this IScratch scratch, byte[] config, Rollback rollback)
    {
        // The file is the container's: a second network of the same pod overwrites the first one's.
        byte[]? others = scratch.Find();
        scratch.Save(config);
        rollback.AddIfClean("forget the attachment", () =>
        {
            scratch.Delete();
            if (others is not null)
            {
                scratch.Save(others);
            }
        });
    }
}
