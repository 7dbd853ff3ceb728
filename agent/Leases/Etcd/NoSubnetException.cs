using FlannelCni.Agent.Leases.Etcd.Grpc;

namespace FlannelCni.Agent.Leases.Etcd;

/// <summary>All subnets are taken.</summary>
/// <param name="revision">Of the store when they were.</param>
internal sealed class NoSubnetException(string message, long revision)
    : EtcdException(GrpcStatus.FailedPrecondition, message)
{
    public long Revision { get; } = revision;
}
