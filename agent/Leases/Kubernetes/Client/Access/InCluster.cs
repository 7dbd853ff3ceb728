using FlannelCni.Agent.Supervision;

namespace FlannelCni.Agent.Leases.Kubernetes.Client.Access;

/// <summary>What a pod finds: the address in its environment, the rest in a mounted folder.</summary>
internal static class InCluster
{
    internal const string Folder = "/var/run/secrets/kubernetes.io/serviceaccount";

    private const string HostVariable = "KUBERNETES_SERVICE_HOST";
    private const string PortVariable = "KUBERNETES_SERVICE_PORT";

    /// <summary>Null: this is no pod.</summary>
    /// <exception cref="AgentFatalException">It is one, without a service account's token.</exception>
    internal static KubeAccess? Find(IReadOnlyDictionary<string, string> environment, string folder)
    {
        string host = environment.GetValueOrDefault(HostVariable, "");
        string port = environment.GetValueOrDefault(PortVariable, "");
        if (host.Length == 0 || port.Length == 0)
        {
            return null;
        }

        string bracketed = host.Contains(':') && !host.StartsWith('[') ? $"[{host}]" : host;
        if (!Uri.TryCreate($"https://{bracketed}:{port}/", UriKind.Absolute, out Uri? server))
        {
            throw new AgentFatalException($"{HostVariable}={host} and {PortVariable}={port} are no host and port");
        }

        string tokenFile = Path.Combine(folder, "token");
        if (!File.Exists(tokenFile))
        {
            throw new AgentFatalException(
                $"{HostVariable} is set, but there is no {tokenFile}: let the pod mount its service account's token"
                + " (automountServiceAccountToken), or give --kubeconfig-file");
        }

        string caFile = Path.Combine(folder, "ca.crt");
        bool hasRoots = File.Exists(caFile);
        return new KubeAccess(
            "in-cluster configuration",
            server,
            ServerTrust.In(hasRoots ? new Material("the cluster's CA", caFile, null) : null, serverName: null),
            new WrittenCredentials(new Material("the service account's token", tokenFile, null), null, null, null))
        {
            Warnings = hasRoots
                ? []
                : [$"there is no {caFile}: the API server must be signed by a root of this machine"],
        };
    }
}
