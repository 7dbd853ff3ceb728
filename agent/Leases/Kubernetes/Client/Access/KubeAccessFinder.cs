using FlannelCni.Agent.Supervision;

namespace FlannelCni.Agent.Leases.Kubernetes.Client.Access;

/// <summary>
/// Finds the API server as client-go does for upstream: without flags in the pod; with <c>--kubeconfig-file</c> there;
/// <c>--kube-api-url</c> replaces the address, or is all there is. KUBECONFIG is not looked at.
/// </summary>
internal static class KubeAccessFinder
{
    /// <param name="url">Of <c>--kube-api-url</c>; null or empty: not given.</param>
    /// <param name="kubeconfig">Of <c>--kubeconfig-file</c>; null or empty: not given.</param>
    /// <param name="serviceAccountFolder">Where a pod has token and CA.</param>
    /// <exception cref="AgentFatalException">There is nothing to be used; the message says what to do.</exception>
    internal static KubeAccess Find(
        string? url,
        string? kubeconfig,
        IReadOnlyDictionary<string, string> environment,
        string serviceAccountFolder,
        TimeProvider time)
    {
        string? address = string.IsNullOrEmpty(url) ? null : url;
        if (!string.IsNullOrEmpty(kubeconfig))
        {
            return KubeconfigReader.Read(kubeconfig, address, time);
        }

        if (address is not null)
        {
            Uri server = ServerAddress.Read("--kube-api-url", address, isTlsExpected: false);
            return new KubeAccess(
                "--kube-api-url", server, ServerTrust.In(null, null), new WrittenCredentials(null, null, null, null));
        }

        return InCluster.Find(environment, serviceAccountFolder) ?? throw new AgentFatalException(
            "--kube-subnet-mgr: this is no pod (KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set):"
            + " give --kubeconfig-file or --kube-api-url");
    }
}
