using FlannelCni.Linux.Net;

namespace FlannelCni.Agent.Leases.Etcd;

/// <summary>One family's network cut into subnets of one length, and the range of them that may be leased.</summary>
/// <param name="Min">Base of the first subnet to lease.</param>
/// <param name="Max">Base of the last one.</param>
internal readonly record struct SubnetPool(IpPrefix Network, int Length, IpAddr Min, IpAddr Max)
{
    /// <summary>Is the family off?</summary>
    internal bool IsNone => Network.IsNone;

    /// <summary>Addresses in a subnet.</summary>
    internal UInt128 Step => UInt128.One << (Network.Address.BitLength - Length);

    /// <summary>Is it one of the subnets to lease? With the family off only "none" is.</summary>
    internal bool Holds(IpPrefix subnet) =>
        IsNone
            ? subnet.IsNone
            : subnet.Length == Length && subnet.Is4 == Network.Is4 && subnet.IsMasked
                && subnet.Address >= Min && subnet.Address <= Max;

    /// <summary>The pool that a network and its settings describe, the unset ones derived as upstream does.</summary>
    /// <param name="network">None: the family is off.</param>
    /// <exception cref="FormatException">They contradict each other; names the field and what to do.</exception>
    internal static SubnetPool Derive(IpPrefix network, SubnetSettings settings)
    {
        if (network.IsNone)
        {
            return default;
        }

        Fields fields = network.Is4 ? Fields.IPv4 : Fields.IPv6;
        int length = settings.Length is uint given ? Checked(given, network, fields) : Default(network, fields);
        UInt128 step = UInt128.One << (network.Address.BitLength - length);
        SubnetPool pool = new(
            network,
            length,
            settings.Min.IsNone ? network.Base.Add(step) : settings.Min,
            settings.Max.IsNone ? network.Last.Add(UInt128.One - step) : settings.Max);
        Check(fields.Prefix + "SubnetMin", pool.Min, pool);
        Check(fields.Prefix + "SubnetMax", pool.Max, pool);
        return pool.Min <= pool.Max
            ? pool
            : throw new FormatException(
                $"{fields.Prefix}SubnetMin {pool.Min} comes after {fields.Prefix}SubnetMax {pool.Max}: "
                + "swap or remove them");
    }

    private static int Checked(uint length, IpPrefix network, Fields fields)
    {
        if (length > fields.Longest)
        {
            throw new FormatException(
                $"{fields.Prefix}SubnetLen {length} leaves no room for pods: give {fields.Longest} or less");
        }

        return length >= network.Length + 2
            ? (int)length
            : throw new FormatException(
                $"{fields.Prefix}SubnetLen {length} cuts {fields.Prefix}Network {network} "
                + $"into fewer than four subnets: give {network.Length + 2} or more");
    }

    private static int Default(IpPrefix network, Fields fields)
    {
        if (network.Length > fields.Longest - 2)
        {
            throw new FormatException(
                $"{fields.Prefix}Network {network} is too small to be cut into subnets: "
                + $"give /{fields.Longest - 2} or larger");
        }

        return network.Length <= fields.Default - 2 ? fields.Default : network.Length + 2;
    }

    private static void Check(string field, IpAddr address, SubnetPool pool)
    {
        if (!pool.Network.Contains(address))
        {
            throw new FormatException($"{field} {address} is outside of {pool.Network}: give an address inside");
        }

        IpPrefix subnet = new(address, pool.Length);
        if (!subnet.IsMasked)
        {
            throw new FormatException(
                $"{field} {address} is not the start of a /{pool.Length} subnet: "
                + $"give {subnet.Base}, or another SubnetLen");
        }
    }

    /// <param name="Prefix">Of the fields' names.</param>
    /// <param name="Longest">Prefix length of the smallest subnet that still holds pods.</param>
    private sealed record Fields(string Prefix, int Longest, int Default)
    {
        internal static Fields IPv4 { get; } = new("", 30, 24);

        internal static Fields IPv6 { get; } = new("IPv6", 126, 64);
    }
}
