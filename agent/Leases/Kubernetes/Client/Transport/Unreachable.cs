using System.Net.Sockets;
using System.Security.Authentication;

namespace FlannelCni.Agent.Leases.Kubernetes.Client.Transport;

/// <summary>What is said of a request that got no answer.</summary>
internal static class Unreachable
{
    internal static KubeApiException From(string what, Uri server, Exception e) =>
        new(0, "", $"{what} at {server}: {Describe(e)}", innerException: e);

    private static string Describe(Exception e)
    {
        Exception cause = e;
        while (cause.InnerException is { } inner && cause is not AuthenticationException)
        {
            cause = inner;
        }

        return cause switch
        {
            AuthenticationException => $"TLS: {Innermost(cause).Message}",
            SocketException socket => socket.Message,
            OperationCanceledException => "no answer in time",
            _ => cause.Message,
        };
    }

    private static Exception Innermost(Exception e) => e.InnerException is { } inner ? Innermost(inner) : e;
}
