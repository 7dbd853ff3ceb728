using System.Globalization;

namespace FlannelCni.Plugin.Spec;

/// <summary>A version of the protocol as a configuration names it, and what it allows.</summary>
internal static class CniVersion
{
    /// <summary>The newest known, and the one that internal work is done in.</summary>
    internal const string Newest = "1.1.0";

    private const string Oldest = "0.1.0";

    private static readonly string[] s_supported = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", Newest];

    internal static IReadOnlyList<string> Supported => s_supported;

    /// <summary>A configuration without one means the first.</summary>
    internal static string OrOldest(string version) => version.Length == 0 ? Oldest : version;

    /// <summary>Those whose results have the same keys.</summary>
    internal static IReadOnlyList<string> OfSameShape(string version) => version switch
    {
        "0.1.0" or "0.2.0" => ["0.1.0", "0.2.0"],
        "0.3.0" or "0.3.1" or "0.4.0" => ["0.3.0", "0.3.1", "0.4.0"],
        _ => ["1.0.0", Newest],
    };

    /// <summary>May this verb be called under a configuration of this version?</summary>
    /// <exception cref="CniException">IncompatibleVersion, DecodingFailure: not a version.</exception>
    internal static void Require(string version, string verb)
    {
        string? since = verb switch
        {
            "CHECK" => "0.4.0",
            "GC" or "STATUS" => "1.1.0",
            _ => null,
        };
        if (since is not null)
        {
            if (Number(version) < Number(since))
            {
                throw new CniException(CniErrorCode.IncompatibleVersion, $"config version does not allow {verb}");
            }

            if (Number(version) > Number(Newest))
            {
                throw new CniException(CniErrorCode.IncompatibleVersion, $"plugin version does not allow {verb}");
            }
        }

        if (!s_supported.Contains(version))
        {
            throw new CniException(
                CniErrorCode.IncompatibleVersion,
                "incompatible CNI versions",
                $"config is \"{version}\", plugin supports [\"{string.Join("\" \"", s_supported)}\"]");
        }
    }

    /// <summary>One to three numbers with dots between, as one number that compares as they do.</summary>
    private static long Number(string version)
    {
        string[] parts = version.Split('.');
        long number = 0;
        for (int i = 0; i < 3; i++)
        {
            int part = 0;
            bool isNumber = i >= parts.Length
                || int.TryParse(parts[i], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out part);
            if (!isNumber || part is < 0 or > 0xFFFFF || parts.Length > 3)
            {
                throw new CniException(CniErrorCode.DecodingFailure, $"invalid version \"{version}\"");
            }

            number = (number << 20) + part;
        }

        return number;
    }
}
