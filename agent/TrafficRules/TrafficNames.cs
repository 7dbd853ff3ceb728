using System.Globalization;
using System.Text;
using FlannelCni.Contract;

namespace FlannelCni.Agent.TrafficRules;

/// <summary>
/// Names of tables and chains: upstream's for the usual subnet file, and for any other the same with a suffix that
/// follows from its path, so that two agents on a host keep out of each other's way.
/// </summary>
internal sealed class TrafficNames
{
    private readonly string _suffix;

    /// <param name="subnetFile">Full path.</param>
    public TrafficNames(string subnetFile) => _suffix = subnetFile == FlannelPaths.SubnetFile
        ? ""
        : string.Create(CultureInfo.InvariantCulture, $"-{Hash(subnetFile):x8}");

    /// <summary>Of nftables, one a family.</summary>
    public string Table(bool is6) => (is6 ? "flannel-ipv6" : "flannel-ipv4") + _suffix;

    /// <summary>Of iptables, where POSTROUTING jumps to; 28 characters at the most.</summary>
    public string PostroutingChain => "FLANNEL-POSTRTG" + _suffix.ToUpperInvariant();

    /// <summary>Of iptables, where FORWARD jumps to.</summary>
    public string ForwardChain => "FLANNEL-FWD" + _suffix.ToUpperInvariant();

    /// <summary>FNV-1a: the same on every machine and in every version.</summary>
    private static uint Hash(string text)
    {
        uint hash = 2166136261;
        foreach (byte b in Encoding.UTF8.GetBytes(text))
        {
            hash = (hash ^ b) * 16777619;
        }

        return hash;
    }
}
