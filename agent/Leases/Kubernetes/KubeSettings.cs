using FlannelCni.Agent.Supervision;

namespace FlannelCni.Agent.Leases.Kubernetes;

/// <summary>How this node takes part in a cluster whose leases are Node objects.</summary>
/// <param name="NetConfigPath">The file with the network config.</param>
/// <param name="NodeName">This node's; null: <paramref name="Pod"/> tells.</param>
/// <param name="Pod">The agent's own, by namespace and name; null: not given.</param>
/// <param name="SaysUp">The condition NetworkUnavailable is ours to clear.</param>
/// <param name="StateDirectory">Survives a reboot, there already.</param>
internal sealed record KubeSettings(
    string NetConfigPath,
    string? NodeName,
    (string Namespace, string Name)? Pod,
    AnnotationNames Annotations,
    bool SaysUp,
    string StateDirectory)
{
    /// <summary>This node's name, of the API, where nobody gave it.</summary>
    /// <exception cref="AgentFatalException">Nobody gave the pod either.</exception>
    /// <exception cref="KubeApiException">404: there is no such pod, or it is on no node yet.</exception>
    internal async Task<string> AskNodeNameAsync(INodeApi api, CancellationToken cancellationToken)
    {
        (string podNamespace, string podName) = Pod ?? throw new AgentFatalException(
            "this node's name is not known: set the variable NODE_NAME (spec.nodeName, by the downward API), "
            + "or POD_NAME and POD_NAMESPACE");
        string pod = $"{podNamespace}/{podName}";
        try
        {
            return await api.FindNodeNameOfPodAsync(podNamespace, podName, cancellationToken)
                ?? throw new KubeApiException(404, "NotFound", $"pod {pod} is on no node yet");
        }
        catch (KubeApiException e)
        {
            // Upstream's words first, which its users search for.
            throw new KubeApiException(
                e.Status,
                e.Reason,
                $"error retrieving pod spec for {pod}: {e.Message}; set NODE_NAME and it is not needed",
                e.RetryAfter,
                e);
        }
    }

    /// <summary>The network config.</summary>
    /// <exception cref="AgentFatalException">The file is not there, or is no config.</exception>
    internal NetworkConfig ReadNetworkConfig()
    {
        try
        {
            return NetworkConfigReader.Parse(File.ReadAllBytes(NetConfigPath));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new AgentFatalException(
                $"failed to read net conf: {e.Message}: mount the ConfigMap with net-conf.json there, "
                + "or give the file's place by --net-config-path",
                e);
        }
        catch (FormatException e)
        {
            throw new AgentFatalException($"error parsing subnet config: {NetConfigPath}: {e.Message}", e);
        }
    }
}
