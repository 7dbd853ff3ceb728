using FlannelCni.Agent.Leases.Etcd.Grpc;

namespace FlannelCni.Agent.Leases.Etcd;

/// <summary>A call that etcd refused, or that never reached it. The message names call, endpoint and cause.</summary>
internal sealed class EtcdException(GrpcStatus status, string message, Exception? innerException = null)
    : Exception(message, innerException)
{
    public GrpcStatus Status { get; } = status;

    /// <summary>Is it the endpoint that is at fault, so that another may do better?</summary>
    public bool IsUnavailable => Status is GrpcStatus.Unavailable or GrpcStatus.DeadlineExceeded;

    /// <summary>Has the token run out, or lost its meaning with a restart of etcd?</summary>
    /// <remarks>The texts are etcd's, api/v3rpc/rpctypes/error.go; the codes alone mean other things too.</remarks>
    public bool WantsAuthentication =>
        Status == GrpcStatus.Unauthenticated
        || (Status == GrpcStatus.InvalidArgument
            && (Says("revision of auth store is old") || Says("user name is empty")));

    /// <summary>Is user or password wrong?</summary>
    public bool IsWrongPassword => Status == GrpcStatus.InvalidArgument && Says("authentication failed");

    /// <summary>Does etcd know no users, so that a password is not wanted?</summary>
    public bool IsAuthenticationOff =>
        Status == GrpcStatus.FailedPrecondition && Says("authentication is not enabled");

    private bool Says(string text) => Message.Contains(text, StringComparison.Ordinal);
}
