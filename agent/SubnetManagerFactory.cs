using FlannelCni.Agent.Leases;
using FlannelCni.Agent.Leases.Etcd;
using FlannelCni.Agent.Leases.Kubernetes;
using FlannelCni.Agent.Leases.Kubernetes.Client;
using FlannelCni.Agent.Leases.Kubernetes.Client.Access;
using FlannelCni.Agent.Options;
using FlannelCni.Contract;
using FlannelCni.Linux.Net;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent;

/// <summary>The subnet manager that the options ask for.</summary>
internal static partial class SubnetManagerFactory
{
    /// <exception cref="Supervision.AgentFatalException">The options cannot be used.</exception>
    internal static ISubnetManager Create(AgentContext agent) =>
        agent.Options.KubeSubnetMgr ? CreateKube(agent) : CreateEtcd(agent);

    private static KubeSubnetManager CreateKube(AgentContext agent)
    {
        AgentOptions options = agent.Options;
        ILogger logger = agent.Loggers.CreateLogger<KubeSubnetManager>();
        AnnotationNames names = AnnotationNames.Of(options.KubeAnnotationPrefix);
        KubeSettings settings = new(
            options.NetConfigPath,
            options.NodeName,
            options is { PodName: { } pod, PodNamespace: { } podNamespace } ? (podNamespace, pod) : null,
            names,
            options.SetNodeNetworkUnavailable,
            agent.Paths.StateDirectory);
        KubeAccess access = KubeAccessFinder.Find(
            options.KubeApiUrl, options.KubeconfigFile, agent.Variables, InCluster.Folder, agent.Time);
        KubeNodeApi api = new(access, names, agent.Time, logger, agent.Metrics.DatastoreUp);
        return new KubeSubnetManager(
            settings,
            api,
            agent.Time,
            logger,
            agent.Metrics.DatastoreUp,
            agent.Health.Starting,
            agent.Health.Troubled);
    }

    private static EtcdSubnetManager CreateEtcd(AgentContext agent)
    {
        AgentOptions options = agent.Options;
        EtcdOptions etcd = new(
            options.EtcdEndpoints,
            options.EtcdPrefix,
            options.EtcdCAFile,
            options.EtcdCertFile,
            options.EtcdKeyFile,
            options.EtcdUsername,
            options.EtcdPassword,
            options.SubnetLeaseRenewMargin);
        ILogger logger = agent.Loggers.CreateLogger<EtcdSubnetManager>();
        SubnetPair previous = ReadPrevious(agent.Paths.SubnetFile, logger);
        return new EtcdSubnetManager(
            etcd, previous, agent.Time, logger, agent.Metrics.DatastoreUp, agent.Metrics.OwnLeaseLost);
    }

    /// <summary>What this node had before: the subnets of the file that its last agent wrote.</summary>
    private static SubnetPair ReadPrevious(string subnetFile, ILogger logger)
    {
        if (!File.Exists(subnetFile))
        {
            return default;
        }

        try
        {
            SubnetEnv env = SubnetEnvFile.Load(subnetFile);
            return new SubnetPair(Masked(env.Subnet), Masked(env.IPv6Subnet));
        }
        catch (SubnetEnvException e)
        {
            Log.NotUsed(logger, e.Message);
            return default;
        }
    }

    private static IpPrefix Masked(IpPrefix prefix) => prefix.IsNone ? prefix : prefix.Masked;

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Warning, "The previous subnet is unknown: {Reason}")]
        internal static partial void NotUsed(ILogger logger, string reason);
    }
}
