using System.Text;
using FlannelCni.Contract;
using FlannelCni.Linux.Files;
using FlannelCni.Plugin.Attachments;
using FlannelCni.Plugin.Bridging;
using FlannelCni.Plugin.Delegates;
using FlannelCni.Plugin.Ipam;
using FlannelCni.Plugin.Json;
using FlannelCni.Plugin.Masquerade;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.Plugin.Commands;

/// <summary>Puts the parts of a command together for one attachment, under its lock.</summary>
internal sealed class Commander(CniEnvironment environment, NetConf conf)
{
    private readonly Attachment _attachment = new(environment.ContainerId, environment.IfName, environment.NetNs);

    /// <returns>The result to print.</returns>
    internal byte[] Add()
    {
        using SandboxHandle sandbox = SandboxHandle.Open(environment);
        JsonMap config = DelegateConfig.Render(conf, LoadSubnetEnv());
        byte[] bytes = JsonPrinter.Compact(config);
        string type = config.Find("type")?.Text ?? "";
        string version = VersionOf(config);
        if (type != DelegateConfig.Bridge)
        {
            using AttachmentLock held = AttachmentLock.Acquire(conf.DataDir, _attachment);
            return new DelegateCommand(type, environment, held.Descriptor).Add(bytes, version, Scratch(), Warn);
        }

        BridgeConf bridge = BridgeConf.Read(config, CniArgs.Read(environment.Args));
        _ = sandbox.GetPod();
        using AttachmentLock attachmentLock = AttachmentLock.Acquire(conf.DataDir, _attachment);
        using PodNetwork network = new(bridge, _attachment, sandbox);
        IpamPlugin? ipam = Ipam(config, bytes, attachmentLock);
        IMasquerade? masquerade = bridge.IpMasq ? Masquerade(config) : null;
        return new AddCommand(Scratch(), ipam, network, masquerade, Warn).Run(bridge, bytes, version);
    }

    internal void Delete()
    {
        using SandboxHandle sandbox = SandboxHandle.Open(environment);
        using AttachmentLock? attachmentLock = AttachmentLock.AcquireUnlessNew(conf.DataDir, _attachment);
        Scratch scratch = Scratch();
        byte[]? saved = scratch.Find();
        SavedConfig chosen = SavedConfig.Choose(saved, conf, LoadSubnetEnv);
        JsonMap config = chosen.Config ?? conf.Delegate ?? new JsonMap();
        byte[] bytes = chosen.IsKnown && saved is not null ? saved : JsonPrinter.Compact(config);
        string type = config.Find("type")?.Text ?? DelegateConfig.Bridge;
        if (type == DelegateConfig.Bridge)
        {
            IIpam? ipam = chosen.Config is null ? null : Ipam(config, bytes, attachmentLock);
            using PodNetwork network = new(new BridgeConf(), _attachment, sandbox);
            IMasquerade? masquerade = chosen.Config is { } known && known.Flag("ipMasq") ? Masquerade(known) : null;
            new DelCommand(ipam, network, masquerade, Warn).Run(chosen.IsKnown);
        }
        else if (chosen.Config is not null)
        {
            new DelegateCommand(type, environment, attachmentLock?.Descriptor).Delete(bytes);
        }

        if (chosen.IsConsumed)
        {
            scratch.Delete();
        }
    }

    private static void Warn(string sentence) => RawFile.WriteStandardError(Encoding.UTF8.GetBytes(sentence + "\n"));

    private static string VersionOf(JsonMap config) => CniVersion.OrOldest(config.Find("cniVersion")?.Text ?? "");

    private Scratch Scratch() => new(conf.DataDir, _attachment);

    private NftMasquerade Masquerade(JsonMap config) => new(config.Text("name") ?? "", _attachment);

    private IpamPlugin? Ipam(JsonMap config, byte[] bytes, AttachmentLock? attachmentLock)
    {
        string type = config.Find("ipam")?.Map?.Text("type") ?? "";
        return type.Length == 0
            ? null
            : new IpamPlugin(type, VersionOf(config), environment, bytes, attachmentLock?.Descriptor);
    }

    private SubnetEnv LoadSubnetEnv()
    {
        try
        {
            return SubnetEnvFile.Load(conf.SubnetFile);
        }
        catch (SubnetEnvException e)
        {
            throw new CniException(
                CniErrorCode.Internal,
                $"failed to load flannel 'subnet.env' file: {e.Message}. Check the flannel pod log for this node.");
        }
    }
}
