using FlannelCni.Linux.Net;

namespace FlannelCni.Plugin.SpoofCheck;

/// <summary>Lets a pod send with its own MAC only.</summary>
internal interface ISpoofCheck
{
    /// <param name="port">Name of the pair's end on the host.</param>
    /// <param name="mac">Of the pod.</param>
    /// <exception cref="Spec.CniException">Internal: the kernel refused. Nothing was added.</exception>
    void Add(string port, MacAddress mac);

    /// <summary>Takes away what any plugin added for this attachment. There being nothing is as good.</summary>
    /// <exception cref="Spec.CniException">Internal: the kernel refused.</exception>
    void Remove();
}
