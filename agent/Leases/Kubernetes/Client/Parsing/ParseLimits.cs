namespace FlannelCni.Agent.Leases.Kubernetes.Client.Parsing;

/// <summary>What a server may make us hold. Beyond these it is no API server, or a Node is made to harm.</summary>
internal static class ParseLimits
{
    /// <summary>Bytes of one object, or of one text in JSON. etcd takes 1.5 MiB, and the API server 3 MiB.</summary>
    internal const int ObjectSize = 8 << 20;

    /// <summary>Bytes of one value that we keep: an annotation, a name.</summary>
    internal const int TextSize = 16 << 10;

    /// <summary>Pod CIDRs of a Node; one of each family is all that makes sense.</summary>
    internal const int PodCidrs = 16;
}
