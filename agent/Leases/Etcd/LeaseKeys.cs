using FlannelCni.Agent.Leases.Etcd.Protocol;

namespace FlannelCni.Agent.Leases.Etcd;

/// <summary>The keys below one prefix, which upstream's agents share with us.</summary>
internal sealed class LeaseKeys
{
    private readonly string _directory;

    /// <param name="prefix"><c>/coreos.com/network</c>; empty parts are dropped, as Go's path.Join does.</param>
    internal LeaseKeys(string prefix)
    {
        string joined = string.Join('/', prefix.Split('/', StringSplitOptions.RemoveEmptyEntries));
        string clean = prefix.StartsWith('/') ? "/" + joined : joined;
        string root = clean.EndsWith('/') || clean.Length == 0 ? clean : clean + "/";
        Config = root + "config";
        _directory = root + "subnets/";
    }

    /// <summary>The network config's key.</summary>
    internal string Config { get; }

    /// <summary>All leases.</summary>
    internal KeyRange All => KeyRange.Below(_directory);

    /// <summary>The whole key of the lease named <paramref name="name"/>.</summary>
    internal string Of(string name) => _directory + name;

    /// <summary>
    /// The keys that begin with the same IPv4 subnet's base, or where there is none, the same IPv6 subnet's: whatever
    /// prefix length and other family they have.
    /// </summary>
    internal KeyRange Like(SubnetPair pair)
    {
        string name = LeaseKey.Format(pair);
        string start = _directory + name[..(pair.Subnet.IsNone ? name.LastIndexOf('-') : name.IndexOf('-'))];
        return new KeyRange(start + '-', start + '.');    // '-' + 1
    }

    /// <inheritdoc cref="Of(string)"/>
    internal string Of(SubnetPair pair) => Of(LeaseKey.Format(pair));

    /// <summary>A lease's name: what is left of its key below the directory.</summary>
    internal string NameOf(string key) =>
        key.StartsWith(_directory, StringComparison.Ordinal) ? key[_directory.Length..] : key;
}
