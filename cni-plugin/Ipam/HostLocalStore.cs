// host-local makes a file named as the address, exclusively, and writes into it whose it is: CONTAINERID CR LF IFNAME
// (versions of long ago: CONTAINERID). Killed between the two, or on a full disk, it leaves an empty file, which is
// nobody's, so that no DEL of its own ever removes it. It does both under a lock on the file "lock": whoever holds that
// and sees an empty file knows that nobody is about to write into it.

using System.Text;
using FlannelCni.Linux.Files;
using FlannelCni.Linux.Net;
using FlannelCni.Plugin.Json;

namespace FlannelCni.Plugin.Ipam;

/// <summary>The reservations of host-local in one network, for what host-local itself does not do.</summary>
internal sealed class HostLocalStore
{
    internal const string Type = "host-local";

    private const string DefaultFolder = "/var/lib/cni/networks";

    private readonly string _folder;

    private HostLocalStore(string folder) => _folder = folder;

    /// <param name="ipam">The section <c>ipam</c>, the user's or the rendered one.</param>
    /// <returns>Null: addresses come from another plugin, or there can be no such folder.</returns>
    internal static HostLocalStore? Of(JsonMap? ipam, string network)
    {
        string type = ipam?.Find("type")?.Text ?? Type;
        string folder = ipam?.Find("dataDir")?.Text is { Length: > 0 } users ? users : DefaultFolder;
        return type == Type && !folder.Contains('\0') ? new HostLocalStore($"{folder}/{network}") : null;
    }

    /// <summary>Who has addresses, each once. Without an interface: of a version of long ago.</summary>
    internal HashSet<(string ContainerId, string IfName)> ListOwners()
    {
        HashSet<(string ContainerId, string IfName)> owners = [];
        foreach (string path in ListReservations())
        {
            byte[]? content = RawFile.ReadAllBytesIfPresent(path);
            string text = Encoding.UTF8.GetString(content ?? []).Trim();
            if (text.Length > 0)
            {
                string[] parts = text.Split("\r\n");
                _ = owners.Add((parts[0], parts.Length > 1 ? parts[1] : ""));
            }
        }

        return owners;
    }

    /// <summary>Gives back what one attachment has, where host-local cannot be asked to.</summary>
    internal void Release(string containerId, string ifName)
    {
        string owner = $"{containerId}\r\n{ifName}";
        RemoveIf(path => RawFile.ReadAllBytesIfPresent(path) is { } content
            && Encoding.UTF8.GetString(content).Trim() == owner);
    }

    /// <summary>Gives back what nobody has.</summary>
    internal void ReleaseEmpty() => RemoveIf(static path => RegularFile.FindSize(path) == 0);

    /// <summary>Looks first without the lock, for most often there is nothing.</summary>
    private void RemoveIf(Predicate<string> condition)
    {
        List<string> found = ListReservations().FindAll(condition);
        if (found.Count == 0)
        {
            return;
        }

        using FileLock held = FileLock.Acquire($"{_folder}/lock");
        foreach (string path in found)
        {
            if (condition(path))
            {
                _ = RawFile.DeleteIfPresent(path);
            }
        }
    }

    private List<string> ListReservations()
    {
        List<string> paths = [];
        foreach (string name in Folder.ListNames(_folder))
        {
            if (IpAddr.TryParse(name, out _))
            {
                paths.Add($"{_folder}/{name}");
            }
        }

        return paths;
    }
}
