using System.Security.Cryptography;
using System.Text;
using FlannelCni.Linux;
using FlannelCni.Linux.Files;
using FlannelCni.Linux.Net;

namespace FlannelCni.Agent.Backends.Vxlan;

/// <summary>
/// The MAC of each VXLAN device, on disk: peers have it as a permanent neighbour, so that it stays what it is when the
/// device is made anew, by us or after a reboot.
/// </summary>
/// <param name="directory">The agent's state directory, there already.</param>
internal sealed class VxlanMacFile(string directory)
{
    private readonly Dictionary<string, MacAddress> _known = [];

    /// <summary>The device's MAC: the one on disk, else the one it had before, else a new one.</summary>
    /// <param name="adopted">Of the device as it was found, or as peers know it; null: there is none.</param>
    /// <exception cref="LinuxException">It cannot be kept: the directory is not writable.</exception>
    public MacAddress Get(string device, MacAddress? adopted)
    {
        if (_known.TryGetValue(device, out MacAddress mac))
        {
            return mac;
        }

        string path = $"{directory}/{device}.mac";
        if (!TryRead(path, out mac))
        {
            mac = adopted is { IsUnicast: true } existing
                ? existing
                : MacAddress.LocallyAdministered(BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)));
            AtomicFile.Write(
                path,
                Encoding.ASCII.GetBytes($"{mac}\n"),
                UnixFileMode.UserRead | UnixFileMode.UserWrite,
                durable: true);
        }

        _known[device] = mac;
        return mac;
    }

    /// <summary>Is it the MAC that this node's device of that name was given?</summary>
    public bool Has(string device, MacAddress mac) =>
        TryRead($"{directory}/{device}.mac", out MacAddress known) && known == mac;

    private static bool TryRead(string path, out MacAddress mac)
    {
        mac = default;
        return RawFile.ReadAllBytesIfPresent(path) is { } bytes
            && MacAddress.TryParse(Encoding.ASCII.GetString(bytes).TrimEnd('\n'), out mac)
            && mac.IsUnicast;
    }
}
