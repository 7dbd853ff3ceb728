using System.Security.Cryptography;
using System.Text.Json.Nodes;
using FlannelCni.TestKit.KubeApi.Objects;

namespace FlannelCni.TestKit.KubeApi.Registry;

/// <summary>Names of objects: given, or made from generateName.</summary>
internal static class ObjectNames
{
    // As apimachinery's: no vowels, nothing that looks like another.
    private const string Alphabet = "bcdfghjklmnpqrstvwxz2456789";

    /// <exception cref="ApiStatusException">422: neither name nor generateName, or no DNS subdomain.</exception>
    internal static void Settle(ResourceType type, JsonObject metadata)
    {
        if (metadata.Text("name") is not { Length: > 0 })
        {
            string prefix = metadata.Text("generateName") is { Length: > 0 } given
                ? given
                : throw ApiStatusException.Invalid(
                    type.Kind, "", "metadata.name: Required value: name or generateName is required");
            metadata["name"] = prefix + RandomNumberGenerator.GetString(Alphabet, 5);
        }

        // RBAC's names are path segments; all others DNS subdomains.
        string name = metadata.Text("name")!;
        if (!type.Group.StartsWith("rbac.", StringComparison.Ordinal) && !IsSubdomain(name))
        {
            throw ApiStatusException.Invalid(
                type.Kind,
                name,
                $"metadata.name: Invalid value: \"{name}\": a lowercase RFC 1123 subdomain is required");
        }
    }

    private static bool IsSubdomain(string name) => name.Length <= 253 && name.Split('.').All(static label =>
        label.Length > 0
        && label[0] != '-'
        && label[^1] != '-'
        && label.All(static c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-'));
}
