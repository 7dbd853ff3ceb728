using System.Buffers;
using FlannelCni.Agent.Supervision;

namespace FlannelCni.Agent.Leases.Kubernetes;

/// <summary>The names of our annotations: the completed <c>--kube-annotation-prefix</c>, and a suffix.</summary>
internal sealed class AnnotationNames
{
    private static readonly SearchValues<char> s_wordCharacters =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789_-");

    private AnnotationNames(string prefix)
    {
        Prefix = prefix;
        KubeSubnetManager = prefix + "kube-subnet-manager";
        BackendType = prefix + "backend-type";
        BackendData = prefix + "backend-data";
        BackendV6Data = prefix + "backend-v6-data";
        PublicIP = prefix + "public-ip";
        PublicIPv6 = prefix + "public-ipv6";
        PublicIPOverwrite = prefix + "public-ip-overwrite";
        PublicIPv6Overwrite = prefix + "public-ipv6-overwrite";
        NodePublicIP = prefix + "node-public-ip";
        NodePublicIPv6 = prefix + "node-public-ipv6";
    }

    /// <summary>Ends in <c>/</c> or <c>-</c>.</summary>
    internal string Prefix { get; }

    internal string KubeSubnetManager { get; }

    internal string BackendType { get; }

    internal string BackendData { get; }

    internal string BackendV6Data { get; }

    internal string PublicIP { get; }

    internal string PublicIPv6 { get; }

    internal string PublicIPOverwrite { get; }

    internal string PublicIPv6Overwrite { get; }

    internal string NodePublicIP { get; }

    internal string NodePublicIPv6 { get; }

    /// <summary>
    /// Completes a prefix as upstream does: without a <c>/</c> one is added; then, unless it ends in <c>/</c> or
    /// <c>-</c>, a <c>-</c>. <c>flannel.alpha.coreos.com</c>, <c>example.com/site-a</c>.
    /// </summary>
    /// <exception cref="AgentFatalException">Another form.</exception>
    internal static AnnotationNames Of(string prefix)
    {
        int slash = prefix.IndexOf('/');
        string completed = slash < 0 ? prefix + "/"
            : prefix[^1] is '/' or '-' ? prefix
            : prefix + "-";
        int end = completed.IndexOf('/');
        return IsDomain(completed[..end]) && IsOfWord(completed[(end + 1)..])
            ? new AnnotationNames(completed)
            : throw new AgentFatalException(
                $"--kube-annotation-prefix {prefix}: it has to be a domain in lower case, such as"
                + " flannel.alpha.coreos.com, and may have one word behind a slash: example.com/site-a");
    }

    private static bool IsDomain(string text)
    {
        string[] labels = text.Split('.');
        return labels.Length >= 2 && labels.All(label => label.Length > 0 && IsOfWord(label));
    }

    private static bool IsOfWord(string text) => !text.AsSpan().ContainsAnyExcept(s_wordCharacters);
}
