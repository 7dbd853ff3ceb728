using System.Diagnostics.CodeAnalysis;
using FlannelCni.Agent.Leases.Etcd.Protocol;

namespace FlannelCni.Agent.Leases.Etcd;

/// <summary>Makes leases of keys and values, which anybody may have written.</summary>
internal static class LeaseReader
{
    /// <param name="name">Of the lease: its key below the directory.</param>
    internal static bool TryRead(
        string name, KeyValue kv, [NotNullWhen(true)] out Lease? lease, [NotNullWhen(false)] out string? reason)
    {
        lease = null;
        if (!LeaseKey.TryParse(name, out SubnetPair pair))
        {
            reason = "the key names no subnet as 10.5.52.0-24 does";
            return false;
        }

        try
        {
            lease = Compose(name, pair, LeaseValue.Read(kv.Value), kv.CreateRevision);
            reason = null;
            return true;
        }
        catch (FormatException e)
        {
            reason = e.Message;
            return false;
        }
    }

    internal static Lease Compose(string name, SubnetPair pair, LeaseAttributes attributes, long createRevision) =>
        new(name, pair.Subnet, pair.IPv6Subnet, attributes, new Seniority(createRevision, name));
}
