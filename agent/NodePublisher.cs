using System.Threading.Channels;
using FlannelCni.Agent.Backends;
using FlannelCni.Agent.Leases;
using FlannelCni.Agent.Supervision;
using FlannelCni.Contract;
using FlannelCni.Linux;
using FlannelCni.Linux.Net;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent;

/// <summary>
/// Tells others what this node is: the plugin by subnet.env, the peers by the lease. In a loop of its own, so that a
/// slow datastore or disk delays no route.
/// </summary>
internal sealed partial class NodePublisher(
    string subnetFile,
    bool ipMasq,
    NetworkConfig network,
    ISubnetManager manager,
    TimeProvider time,
    ILogger<NodePublisher> logger)
{
    private static readonly TimeSpan s_longestWait = TimeSpan.FromSeconds(10);

    private readonly Channel<(Lease Own, BackendState State)> _news = Channel.CreateBounded<(Lease, BackendState)>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });

    private SubnetEnv? _written;
    private LeaseAttributes? _published;

    public static NodePublisher For(AgentContext agent, NetworkConfig network, ISubnetManager manager) => new(
        agent.Paths.SubnetFile,
        agent.Options.IPMasq,
        network,
        manager,
        agent.Time,
        agent.Loggers.CreateLogger<NodePublisher>());

    /// <summary>The lease, the attributes or the MTU are others now. Returns at once; the newest counts.</summary>
    public void Post(Lease own, BackendState state) => _news.Writer.TryWrite((own, state));

    /// <summary>
    /// Writes subnet.env as soon as pods can reach their peers, and follows every change. Ends only with the token.
    /// </summary>
    /// <param name="published">What the acquisition of the lease published.</param>
    /// <param name="firstSync">The first complete list of leases is in the kernel.</param>
    /// <param name="onWritten">Called each time that subnet.env is as it has to be.</param>
    /// <param name="onReady">Called once, when the lease is published as well.</param>
    public async Task RunAsync(
        LeaseAttributes published,
        Task firstSync,
        Action onWritten,
        Action onReady,
        CancellationToken cancellationToken)
    {
        // A datastore that stalls now must not keep pods from starting: they reach this node's at least.
        await Task.WhenAny(firstSync, Task.Delay(s_longestWait, time, cancellationToken));
        cancellationToken.ThrowIfCancellationRequested();
        _published = published;
        Backoff backoff = Backoff.ForRequests(time);
        await foreach ((Lease own, BackendState state) in _news.Reader.ReadAllAsync(cancellationToken))
        {
            try
            {
                Write(own, state.Mtu);
                onWritten();
                if (state.Attributes != _published)
                {
                    await manager.PublishAsync(state.Attributes, cancellationToken);
                    _published = state.Attributes;
                    Log.Published(logger, state.Attributes.PublicIP.ToString(), state.Attributes.BackendData ?? "");
                }

                backoff.Reset();
                onReady();
                onReady = static () => { };
            }
            catch (LinuxException e)
            {
                Log.NotWritten(logger, subnetFile, e.Message);
                await backoff.WaitAsync(cancellationToken);
                if (!_news.Reader.TryPeek(out _))
                {
                    Post(own, state);    // nothing newer has come meanwhile
                }
            }
        }
    }

    private void Write(Lease own, uint mtu)
    {
        SubnetEnv env = new(mtu, ipMasq)
        {
            Networks = network.EnableIPv4 ? [network.Network] : [],
            Subnet = network.EnableIPv4 ? FirstAddress(own.Subnet) : default,
            IPv6Networks = network.EnableIPv6 ? [network.IPv6Network] : [],
            IPv6Subnet = network.EnableIPv6 ? FirstAddress(own.IPv6Subnet) : default,
        };
        string text = SubnetEnvFile.Format(env);
        if (_written is null || SubnetEnvFile.Format(_written) != text)
        {
            SubnetEnvFile.Save(subnetFile, env);
            _written = env;
            Log.Written(logger, subnetFile, own.Subnet.IsNone ? $"{own.IPv6Subnet}" : $"{own.Subnet}", mtu);
        }
    }

    // The bridge's address, from which the pods' follow.
    private static IpPrefix FirstAddress(IpPrefix subnet) => new(subnet.Base.Add(1), subnet.Length);

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Information, "Subnet file {Path} written: subnet {Subnet}, MTU {Mtu}")]
        internal static partial void Written(ILogger logger, string path, string subnet, uint mtu);

        [LoggerMessage(LogLevel.Warning, "Subnet file {Path} not written, trying again: {Reason}")]
        internal static partial void NotWritten(ILogger logger, string path, string reason);

        [LoggerMessage(LogLevel.Information, "Lease published anew: public IP {PublicIP}, {BackendData}")]
        internal static partial void Published(ILogger logger, string publicIP, string backendData);
    }
}
