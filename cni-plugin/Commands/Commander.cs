using FlannelCni.Plugin.Attachments;
using FlannelCni.Plugin.Bridging;
using FlannelCni.Plugin.Delegates;
using FlannelCni.Plugin.Ipam;
using FlannelCni.Plugin.Json;
using FlannelCni.Plugin.Masquerade;
using FlannelCni.Plugin.Spec;
using FlannelCni.Plugin.SpoofCheck;

namespace FlannelCni.Plugin.Commands;

/// <summary>Puts the parts of a command together for one attachment, under its lock.</summary>
internal sealed class Commander(CniEnvironment environment, NetConf conf)
{
    private readonly Attachment _attachment = new(environment.ContainerId, environment.IfName, environment.NetNs);

    /// <returns>The result to print.</returns>
    internal byte[] Add()
    {
        using SandboxHandle sandbox = SandboxHandle.Open(environment);
        RenderedConfig config = new(DelegateConfig.Render(conf, NodeSubnet.WaitFor(conf)));
        if (!config.IsBridge)
        {
            using AttachmentLock held = AttachmentLock.Acquire(conf.DataDir, _attachment);
            return new DelegateCommand(config, environment, held.Descriptor).Add(Scratch(), StandardError.Say);
        }

        BridgeConf bridge = BridgeConf.Read(config.Map, CniArgs.Read(environment.Args));
        _ = sandbox.GetPod();
        using AttachmentLock attachmentLock = AttachmentLock.Acquire(conf.DataDir, _attachment);
        using PodNetwork network = new(bridge, _attachment, sandbox);
        IpamPlugin? ipam = IpamPlugin.Of(config, environment, attachmentLock.Descriptor);
        IMasquerade? masquerade = bridge.IpMasq
            ? new PodMasquerade(bridge.IpMasqBackend, config.Network, _attachment)
            : null;
        ISpoofCheck? spoofCheck = bridge.MacSpoofCheck ? new NftSpoofCheck(_attachment) : null;
        return new AddCommand(Scratch(), ipam, network, masquerade, spoofCheck, StandardError.Say).Run(
            bridge, config.Bytes, config.Version);
    }

    internal void Delete()
    {
        using SandboxHandle sandbox = SandboxHandle.Open(environment);
        _ = AttachmentLock.AcquireForRemoval(
            conf.DataDir, _attachment, waits: true, out AttachmentLock? attachmentLock);
        using (attachmentLock)
        {
            Delete(sandbox, attachmentLock?.Descriptor, keepsScratch: false);
        }
    }

    /// <summary>As <see cref="Delete()"/>, of an attachment whose namespace is gone.</summary>
    /// <param name="keepsScratch">The scratch file is another attachment's of the same container.</param>
    /// <returns>False: a command on it is at work.</returns>
    internal bool TryCollect(bool keepsScratch)
    {
        using SandboxHandle sandbox = SandboxHandle.Open(environment);
        if (!AttachmentLock.AcquireForRemoval(
            conf.DataDir, _attachment, waits: false, out AttachmentLock? attachmentLock))
        {
            return false;
        }

        using (attachmentLock)
        {
            Delete(sandbox, attachmentLock?.Descriptor, keepsScratch);
            return true;
        }
    }

    internal void Check()
    {
        // It changes nothing, so that it may look at the host's own namespace.
        using SandboxHandle sandbox = SandboxHandle.Open(environment with { NetNsOverride = "1" });
        SavedConfig chosen = SavedConfig.Choose(Scratch().Find(), conf, () => NodeSubnet.Load(conf));
        CheckCommand command = new(environment, conf, _attachment);
        command.Run(chosen.Config ?? new RenderedConfig(DelegateConfig.Render(conf, NodeSubnet.Load(conf))), sandbox);
    }

    private void Delete(SandboxHandle sandbox, int? lockDescriptor, bool keepsScratch)
    {
        Scratch scratch = Scratch();
        SavedConfig chosen = SavedConfig.Choose(scratch.Find(), conf, () => NodeSubnet.Load(conf));
        if (chosen.Config is { IsBridge: false } others)
        {
            new DelegateCommand(others, environment, lockDescriptor).Delete(chosen.IsKnown);
        }
        else if (chosen.Config is not null || conf.DelegatesToBridge)
        {
            DeleteFromBridge(chosen, sandbox, lockDescriptor);
        }

        if (chosen.IsConsumed && !keepsScratch)
        {
            scratch.Delete();
        }

        scratch.DeleteTemporary();
    }

    private void DeleteFromBridge(SavedConfig chosen, SandboxHandle sandbox, int? lockDescriptor)
    {
        RenderedConfig? config = chosen.Config;
        IIpam? ipam = config is null ? null : IpamPlugin.Of(config, environment, lockDescriptor);
        using PodNetwork network = new(new BridgeConf(), _attachment, sandbox);

        // Where ADD's configuration is unknown, so is whether there are rules.
        IMasquerade? masquerade = MayHave("ipMasq")
            ? new PodMasquerade(MasqueradeBackend.Any, conf.Name, _attachment)
            : null;
        ISpoofCheck? spoofCheck = MayHave("macspoofchk") ? new NftSpoofCheck(_attachment) : null;
        new DelCommand(ipam, network, masquerade, spoofCheck, StandardError.Say).Run(chosen.IsKnown);
        if (config is null)
        {
            // Without a configuration that host-local would take.
            HostLocalStore.Of(conf.Ipam, conf.Name)?.Release(_attachment.ContainerId, _attachment.IfName);
        }

        bool MayHave(string option) => !chosen.IsKnown || (config is not null && config.Map.Flag(option));
    }

    private Scratch Scratch() => new(conf.DataDir, _attachment);
}
