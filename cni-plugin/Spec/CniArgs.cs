namespace FlannelCni.Plugin.Spec;

/// <summary>CNI_ARGS: pairs KEY=VALUE with semicolons between. Of its keys one is known here.</summary>
/// <param name="Mac">Wanted for the pod's interface; null: not given.</param>
internal sealed record CniArgs(string? Mac)
{
    /// <exception cref="CniException">Internal: not pairs, or unknown keys without IgnoreUnknown.</exception>
    internal static CniArgs Read(string args)
    {
        string? mac = null;
        bool ignoresUnknown = false;
        List<string> unknown = [];
        foreach (string pair in args.Length == 0 ? [] : args.Split(';'))
        {
            string[] parts = pair.Split('=');
            if (parts.Length != 2)
            {
                throw new CniException(CniErrorCode.Internal, $"ARGS: invalid pair \"{pair}\"");
            }

            switch (parts[0])
            {
                case "MAC":
                    mac = parts[1];
                    break;
                case "IgnoreUnknown":
                    ignoresUnknown = ReadFlag(pair, parts[1]);
                    break;
                default:
                    unknown.Add(pair);
                    break;
            }
        }

        return unknown.Count == 0 || ignoresUnknown
            ? new CniArgs(mac)
            : throw new CniException(
                CniErrorCode.Internal, $"ARGS: unknown args [\"{string.Join("\" \"", unknown)}\"]");
    }

    private static bool ReadFlag(string pair, string value) => value.ToUpperInvariant() switch
    {
        "1" or "TRUE" => true,
        "0" or "FALSE" => false,
        _ => throw new CniException(
            CniErrorCode.Internal,
            $"ARGS: error parsing value of pair \"{pair}\": boolean unmarshal error: invalid input {value}"),
    };
}
