using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;

namespace FlannelCni.Agent.Leases.Kubernetes.Client.Access;

/// <summary>What an exec plugin prints: an ExecCredential with its status.</summary>
/// <param name="Expires">Null: it does not say.</param>
internal sealed record ExecAnswer(string? Token, ClientCertificate? Certificate, DateTimeOffset? Expires)
{
    /// <exception cref="FormatException">It is none, or of another version than was asked for.</exception>
    internal static ExecAnswer Read(byte[] output, string apiVersion)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(output);
            JsonElement root = document.RootElement;
            string version = Text(root, "apiVersion") ?? "";
            if (Text(root, "kind") != "ExecCredential" || version != apiVersion)
            {
                throw new FormatException($"it printed a {Text(root, "kind")} of {version}; {apiVersion} is expected");
            }

            return root.TryGetProperty("status", out JsonElement status) && status.ValueKind == JsonValueKind.Object
                ? ReadStatus(status)
                : throw new FormatException("what it printed has no status");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new FormatException($"what it printed is no ExecCredential: {e.Message}", e);
        }
        catch (CryptographicException e)
        {
            throw new FormatException($"clientCertificateData or clientKeyData: {e.Message}", e);
        }
    }

    /// <summary>Without its secrets.</summary>
    public override string ToString() => nameof(ExecAnswer);

    private static ExecAnswer ReadStatus(JsonElement status)
    {
        string? token = Text(status, "token");
        string? certificate = Text(status, "clientCertificateData");
        string? key = Text(status, "clientKeyData");
        if ((certificate is null) != (key is null))
        {
            throw new FormatException("clientCertificateData and clientKeyData go together; it printed one of them");
        }

        if (token is null && certificate is null)
        {
            throw new FormatException("it printed neither a token nor a certificate");
        }

        if (token is not null && token.AsSpan().ContainsAnyExceptInRange('!', '~'))
        {
            throw new FormatException("the token it printed holds a blank or a control character");
        }

        DateTimeOffset? expires = Text(status, "expirationTimestamp") switch
        {
            null => null,
            string text when DateTimeOffset.TryParse(
                text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset at) => at,
            string text => throw new FormatException($"expirationTimestamp {text} is no RFC 3339 time"),
        };
        return new ExecAnswer(
            token,
            certificate is null || key is null ? null : ClientCertificate.FromPem(certificate, key),
            expires);
    }

    private static string? Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String
            && value.GetString() is { Length: > 0 } text ? text : null;
}
