using FlannelCni.Plugin.Spec;

namespace FlannelCni.Plugin.Ipam;

/// <summary>Addresses of one attachment, from the IPAM plugin that its configuration names.</summary>
internal interface IIpam
{
    /// <summary>Can it be called before the pod has its interface?</summary>
    bool NeedsNoLink { get; }

    /// <summary>Starts an ADD and returns while it runs.</summary>
    IIpamCall StartAdd();

    /// <summary>Starts a DEL that waits for <see cref="IIpamCall.Complete"/> before it releases anything.</summary>
    IIpamCall PrepareDelete();
}

/// <summary>A call under way. Disposing of it waits for the end of one that has begun to act.</summary>
internal interface IIpamCall : IDisposable
{
    /// <summary>Of an ADD: the addresses and more, as soon as they are known.</summary>
    /// <exception cref="CniException">Its own error.</exception>
    CniResult Result();

    /// <summary>Lets it act, if it does not yet.</summary>
    void Begin();

    /// <summary>Lets it act, if it does not yet, and waits for its end.</summary>
    /// <exception cref="CniException">Its own error.</exception>
    void Complete();
}
