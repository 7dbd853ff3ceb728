using System.Collections.Immutable;

namespace FlannelCni.Agent.Leases.Kubernetes.Client.Access;

/// <summary>A program that tells credentials: <c>users[].user.exec</c> of a kubeconfig.</summary>
/// <param name="ApiVersion"><c>client.authentication.k8s.io/v1</c> or <c>v1beta1</c>.</param>
/// <param name="Command">A path, or a name to be looked for in PATH.</param>
/// <param name="Environment">NAME=VALUE, besides those of this process.</param>
/// <param name="InstallHint">What to tell one who does not have it; null: nothing.</param>
/// <param name="ExecInfo">JSON for KUBERNETES_EXEC_INFO.</param>
internal sealed record ExecPlugin(
    string ApiVersion,
    string Command,
    ImmutableArray<string> Arguments,
    ImmutableArray<string> Environment,
    string? InstallHint,
    string ExecInfo);
