using FlannelCni.Agent.Leases.Etcd.Grpc;

namespace FlannelCni.Agent.Leases.Etcd;

/// <summary>A call that etcd refused, or that never reached it. The message names call, endpoint and cause.</summary>
internal class EtcdException(GrpcStatus status, string message, Exception? innerException = null)
    : Exception(message, innerException)
{
    public GrpcStatus Status { get; } = status;

    /// <summary>Is it the endpoint that is at fault, so that another may do better?</summary>
    /// <remarks>Unknown is what etcd makes of raft's own errors, as a proposal dropped for want of a leader.</remarks>
    public bool IsUnavailable =>
        Status is GrpcStatus.Unavailable or GrpcStatus.DeadlineExceeded or GrpcStatus.Unknown or GrpcStatus.Internal
            or GrpcStatus.DataLoss or GrpcStatus.Unimplemented
        || (Status == GrpcStatus.FailedPrecondition && Says("not leader"));

    /// <summary>Is there such a grant already?</summary>
    public bool IsGranted => Status == GrpcStatus.FailedPrecondition && Says("lease already exists");

    /// <summary>Has the token run out, or lost its meaning with a restart of etcd?</summary>
    /// <remarks>The texts are etcd's, api/v3rpc/rpctypes/error.go; the codes alone mean other things too.</remarks>
    public bool WantsAuthentication =>
        Status == GrpcStatus.Unauthenticated
        || (Status == GrpcStatus.InvalidArgument
            && (Says("revision of auth store is old") || Says("user name is empty")));

    /// <summary>Has etcd thrown away what was asked for, because it is old?</summary>
    public bool IsCompacted => Status == GrpcStatus.OutOfRange && Says("compacted");

    /// <summary>Is user or password wrong?</summary>
    public bool IsWrongPassword => Status == GrpcStatus.InvalidArgument && Says("authentication failed");

    /// <summary>Does etcd know no users, so that a password is not wanted?</summary>
    public bool IsAuthenticationOff =>
        Status == GrpcStatus.FailedPrecondition && Says("authentication is not enabled");

    private bool Says(string text) => Message.Contains(text, StringComparison.Ordinal);
}
