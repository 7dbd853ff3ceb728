using FlannelCni.Linux.Net;

namespace FlannelCni.Plugin.Masquerade;

/// <summary>Lets what a pod sends out of its subnet leave with the host's address.</summary>
internal interface IMasquerade
{
    /// <param name="addresses">The pod's, each with the prefix of its subnet.</param>
    /// <exception cref="Spec.CniException">Internal: the kernel refused. Nothing was added.</exception>
    void Add(IReadOnlyList<IpPrefix> addresses);

    /// <summary>Takes away what any plugin added for this attachment. There being nothing is as good.</summary>
    /// <exception cref="Spec.CniException">Internal: the kernel refused.</exception>
    void Remove();
}
