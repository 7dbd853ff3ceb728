using System.Text.Json.Nodes;

namespace FlannelCni.TestKit.KubeApi.Objects;

/// <summary>An answer that is no success: what becomes a <c>metav1.Status</c>.</summary>
/// <param name="reason">The word that programs compare: <c>NotFound</c>.</param>
/// <remarks>apimachinery, pkg/api/errors: codes, reasons and sentences.</remarks>
public sealed class ApiStatusException(int code, string reason, string message) : Exception(message)
{
    public int Code => code;

    public string Reason => reason;

    /// <summary>When to come again; also sent as Retry-After. 0: it does not say.</summary>
    public int RetryAfterSeconds { get; init; }

    /// <summary>About whom: name and group of the kind.</summary>
    public string? Name { get; init; }

    public ResourceType? Type { get; init; }

    /// <summary>A reason within the reason: <c>ResourceVersionTooLarge</c>.</summary>
    public string? Cause { get; init; }

    public static ApiStatusException NotFound(ResourceType type, string name) =>
        new(404, "NotFound", $"{type.QualifiedName} \"{name}\" not found") { Type = type, Name = name };

    public static ApiStatusException NoSuchPath() =>
        new(404, "NotFound", "the server could not find the requested resource");

    public static ApiStatusException AlreadyExists(ResourceType type, string name) =>
        new(409, "AlreadyExists", $"{type.QualifiedName} \"{name}\" already exists") { Type = type, Name = name };

    public static ApiStatusException Conflict(ResourceType type, string name, string why) =>
        new(409, "Conflict", $"Operation cannot be fulfilled on {type.QualifiedName} \"{name}\": {why}")
        {
            Type = type,
            Name = name,
        };

    public static ApiStatusException Invalid(string kind, string name, string why) =>
        new(422, "Invalid", $"{kind} \"{name}\" is invalid: {why}") { Name = name };

    public static ApiStatusException BadRequest(string why) => new(400, "BadRequest", why);

    public static ApiStatusException Unauthorized() => new(401, "Unauthorized", "Unauthorized");

    public static ApiStatusException Forbidden(string who, string what) =>
        new(403, "Forbidden", $"{what} is forbidden: {who}");

    public static ApiStatusException MethodNotAllowed() =>
        new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource");

    /// <summary>Of a list or watch: that version's past is no longer known.</summary>
    public static ApiStatusException Expired(string message) => new(410, "Expired", message);

    public static ApiStatusException NotAcceptable(IEnumerable<string> accepted) => new(
        406, "NotAcceptable", $"only the following media types are accepted: {string.Join(", ", accepted)}");

    public static ApiStatusException UnsupportedMediaType(IEnumerable<string> accepted) => new(
        415,
        "UnsupportedMediaType",
        "the body of the request was in an unknown format - accepted media types include: "
        + string.Join(", ", accepted));

    /// <summary>Of a list that must not be older than a version which is yet to come.</summary>
    public static ApiStatusException TooLargeResourceVersion(long asked, long current) =>
        new(504, "Timeout", $"Timeout: Too large resource version: {asked}, current: {current}")
        {
            RetryAfterSeconds = 1,
            Cause = "ResourceVersionTooLarge",
        };

    /// <summary>The <c>metav1.Status</c>.</summary>
    public JsonObject ToJson()
    {
        JsonObject details = [];
        if (Name is not null)
        {
            details["name"] = Name;
        }

        if (Type is not null)
        {
            details["group"] = Type.Group.Length == 0 ? null : Type.Group;
            details["kind"] = Type.Plural;
        }

        if (Cause is not null)
        {
            details["causes"] = new JsonArray(new JsonObject { ["reason"] = Cause, ["message"] = Message });
        }

        if (RetryAfterSeconds > 0)
        {
            details["retryAfterSeconds"] = RetryAfterSeconds;
        }

        JsonObject status = new()
        {
            ["kind"] = "Status",
            ["apiVersion"] = "v1",
            ["metadata"] = new JsonObject(),
            ["status"] = "Failure",
            ["message"] = Message,
            ["reason"] = Reason,
            ["code"] = Code,
        };
        if (details.Count > 0)
        {
            status["details"] = details;
        }

        return status;
    }
}
