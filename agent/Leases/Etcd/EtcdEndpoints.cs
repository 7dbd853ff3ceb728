using FlannelCni.Agent.Supervision;

namespace FlannelCni.Agent.Leases.Etcd;

/// <summary>The endpoints as given on the command line. Each speaks for itself: http and https may be mixed.</summary>
internal static class EtcdEndpoints
{
    /// <exception cref="AgentFatalException">One is no http or https URL, or there is none.</exception>
    internal static IReadOnlyList<Uri> Parse(IReadOnlyList<string> endpoints)
    {
        List<Uri> uris =
        [
            .. endpoints.Select(static text => text.Trim()).Where(static text => text.Length > 0).Select(Parse),
        ];
        return uris.Count > 0 ? uris : throw new AgentFatalException("--etcd-endpoints names no endpoint");
    }

    private static Uri Parse(string text)
    {
        string url = text.Contains("://", StringComparison.Ordinal) ? text : "http://" + text;
        return Uri.TryCreate(url, UriKind.Absolute, out Uri? uri)
            && uri.Scheme is "http" or "https" && uri.Host.Length > 0
            ? uri
            : throw new AgentFatalException(
                $"--etcd-endpoints: \"{text}\" is no URL: give it as http://127.0.0.1:2379 or https://10.0.0.1:2379");
    }
}
