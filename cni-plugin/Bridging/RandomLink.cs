using System.Globalization;
using FlannelCni.Linux.Files;
using FlannelCni.Linux.Net;

namespace FlannelCni.Plugin.Bridging;

/// <summary>Names and addresses that nobody else on the node has.</summary>
internal static class RandomLink
{
    /// <summary>Unicast, locally administered.</summary>
    internal static MacAddress Mac() => MacAddress.LocallyAdministered(RandomBits.Get());

    /// <summary>Upstream's form: <c>veth</c> and eight hexadecimal digits.</summary>
    internal static string VethName() =>
        $"veth{((uint)RandomBits.Get()).ToString("x8", CultureInfo.InvariantCulture)}";
}
