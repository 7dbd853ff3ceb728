using System.Globalization;
using FlannelCni.TestKit.KubeApi.Objects;

namespace FlannelCni.TestKit.KubeApi.Requests;

/// <summary>The query of a list or watch, checked as the API server checks it.</summary>
internal sealed class ListOptions
{
    /// <exception cref="ApiStatusException">400: an unreadable value. 422: values that do not go together.</exception>
    internal ListOptions(KubeRequest request, ResourceType type, bool allowsWatchList)
    {
        string? Value(string name) => request.Query.GetValueOrDefault(name);

        Selector = Selector.Parse(type, Value("labelSelector"), Value("fieldSelector"));
        ResourceVersion = Value("resourceVersion") ?? "";
        Match = Value("resourceVersionMatch") ?? "";
        Continue = Value("continue") ?? "";
        Limit = (int)Math.Min(Number(Value("limit"), "limit"), int.MaxValue);
        TimeoutSeconds = (int)Math.Min(Number(Value("timeoutSeconds"), "timeoutSeconds"), int.MaxValue);
        AllowsBookmarks = Value("allowWatchBookmarks") is "true" or "1";
        SendsInitialEvents = Value("sendInitialEvents") switch
        {
            null => null,
            "true" or "1" => true,
            _ => false,
        };
        Revision = Number(ResourceVersion, "resourceVersion");
        Check(request.Verb == "watch", allowsWatchList);
    }

    internal Selector Selector { get; }

    /// <summary>Empty: not given.</summary>
    internal string ResourceVersion { get; }

    /// <summary>As a number; 0 also when it was not given.</summary>
    internal long Revision { get; }

    /// <summary>Exact, NotOlderThan or empty.</summary>
    internal string Match { get; }

    internal string Continue { get; }

    /// <summary>0: none.</summary>
    internal int Limit { get; }

    /// <summary>0: not given.</summary>
    internal int TimeoutSeconds { get; }

    internal bool AllowsBookmarks { get; }

    /// <summary>Null: not given.</summary>
    internal bool? SendsInitialEvents { get; }

    private static long Number(string? text, string name) =>
        string.IsNullOrEmpty(text)
            ? 0
            : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number)
                ? number
                : throw ApiStatusException.BadRequest($"{name}: Invalid value: \"{text}\": invalid number");

    private void Check(bool isWatch, bool allowsWatchList)
    {
        string? why = (SendsInitialEvents is not null, isWatch) switch
        {
            (true, false) => Forbidden("sendInitialEvents", "for list"),
            (true, true) when !allowsWatchList =>
                Forbidden("sendInitialEvents", "for watch unless the WatchList feature gate is enabled"),
            (true, true) when Match != "NotOlderThan" =>
                "resourceVersionMatch: Forbidden: sendInitialEvents requires setting "
                + "resourceVersionMatch to NotOlderThan",
            (false, true) when Match.Length > 0 =>
                Forbidden("resourceVersionMatch", "for watch unless sendInitialEvents is provided"),
            (false, false) when Match.Length > 0 => CheckMatch(),
            _ => null,
        };
        if (why is not null)
        {
            throw ApiStatusException.Invalid("ListOptions.meta.k8s.io", "", why);
        }
    }

    private string? CheckMatch() => Match switch
    {
        not ("Exact" or "NotOlderThan") =>
            $"resourceVersionMatch: Unsupported value: \"{Match}\": "
            + "supported values: \"Exact\", \"NotOlderThan\", \"\"",
        _ when Continue.Length > 0 => Forbidden("resourceVersionMatch", "when continue is provided"),
        _ when ResourceVersion.Length == 0 => Forbidden("resourceVersionMatch", "unless resourceVersion is provided"),
        "Exact" when ResourceVersion == "0" =>
            "resourceVersionMatch: Forbidden: resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
        _ => null,
    };

    private static string Forbidden(string field, string when) => $"{field}: Forbidden: {field} is forbidden {when}";
}
