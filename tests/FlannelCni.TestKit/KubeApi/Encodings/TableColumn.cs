using System.Globalization;
using System.Text.Json.Nodes;
using FlannelCni.TestKit.KubeApi.Objects;

namespace FlannelCni.TestKit.KubeApi.Encodings;

/// <summary>A column of a table and how its cell is read from an object, now.</summary>
internal sealed record TableColumn(string Name, Func<JsonObject, DateTimeOffset, string> Read)
{
    private static readonly TableColumn s_name = new("Name", static (whole, _) => whole.TextAt("metadata.name"));
    private static readonly TableColumn s_age =
        new("Age", static (whole, now) => Age(whole, "metadata.creationTimestamp", now));

    private static readonly Dictionary<ResourceType, TableColumn[]> s_columns = new()
    {
        [ResourceTypes.Nodes] =
        [
            s_name,
            new("Status", static (whole, _) => NodeStatus(whole)),
            new("Roles", static (_, _) => "<none>"),
            s_age,
            At("Version", "status.nodeInfo.kubeletVersion"),
        ],
        [ResourceTypes.Namespaces] = [s_name, At("Status", "status.phase"), s_age],
        [ResourceTypes.Pods] = [s_name, At("Status", "status.phase"), s_age],
        [ResourceTypes.Events] =
        [
            new("Last Seen", static (whole, now) => Age(whole, "lastTimestamp", now)),
            At("Type", "type"),
            At("Reason", "reason"),
            new("Object", static (whole, _) =>
                $"{whole.TextAt("involvedObject.kind").ToLowerInvariant()}/{whole.TextAt("involvedObject.name")}"),
            At("Message", "message"),
        ],
    };

    /// <summary>Those of a kind; name and age for kinds that nothing more is known about.</summary>
    internal static IReadOnlyList<TableColumn> Of(ResourceType type) =>
        s_columns.TryGetValue(type, out TableColumn[]? columns) ? columns : [s_name, s_age];

    internal JsonNode ToJson() => new JsonObject
    {
        ["name"] = Name,
        ["type"] = "string",
        ["format"] = Name == "Name" ? "name" : "",
        ["description"] = Name,
        ["priority"] = 0,
    };

    private static TableColumn At(string name, string path) => new(name, (whole, _) => whole.TextAt(path));

    private static string NodeStatus(JsonObject node)
    {
        string ready = (node["status"]?["conditions"] as JsonArray ?? [])
            .OfType<JsonObject>()
            .FirstOrDefault(static condition => condition.Text("type") == "Ready")?
            .Text("status") ?? "Unknown";
        string text = ready == "True" ? "Ready" : ready == "False" ? "NotReady" : "Unknown";
        return node.TextAt("spec.unschedulable") == "true" ? text + ",SchedulingDisabled" : text;
    }

    private static string Age(JsonObject whole, string path, DateTimeOffset now)
    {
        if (!DateTimeOffset.TryParse(whole.TextAt(path), CultureInfo.InvariantCulture, out DateTimeOffset then))
        {
            return "<unknown>";
        }

        TimeSpan age = now - then;
        (double count, string unit) = age switch
        {
            { TotalMinutes: < 2 } => (age.TotalSeconds, "s"),
            { TotalHours: < 2 } => (age.TotalMinutes, "m"),
            { TotalDays: < 2 } => (age.TotalHours, "h"),
            _ => (age.TotalDays, "d"),
        };
        return ((int)Math.Max(count, 0)).ToString(CultureInfo.InvariantCulture) + unit;
    }
}
