using FlannelCni.Agent.Supervision;

namespace FlannelCni.Agent.Leases.Kubernetes.Client.Access;

/// <summary>The API server's address as users write it.</summary>
internal static class ServerAddress
{
    /// <param name="name">Of the setting, for messages.</param>
    /// <param name="isTlsExpected">What an address without a scheme means: https or http.</param>
    /// <returns>Ends in a slash.</returns>
    /// <exception cref="AgentFatalException">It is none.</exception>
    internal static Uri Read(string name, string text, bool isTlsExpected)
    {
        string whole = text.Contains("://", StringComparison.Ordinal) ? text
            : isTlsExpected ? "https://" + text
            : "http://" + text;
        return Uri.TryCreate(whole.TrimEnd('/') + "/", UriKind.Absolute, out Uri? server)
            && (server.Scheme == Uri.UriSchemeHttps || server.Scheme == Uri.UriSchemeHttp)
            && server.Query.Length == 0 && server.Fragment.Length == 0
            ? server
            : throw new AgentFatalException(
                $"{name}: {text} is no address of an API server; https://HOST:PORT is expected");
    }
}
