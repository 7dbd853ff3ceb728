// A runtime names the attachments that it knows of. All else of this network is taken down as its own DEL would, on
// behalf of a runtime that has forgotten it: scratch file, rules, address. Then the plugin that has the addresses is
// asked to do the same, if it can. What fails is said in the end and does not keep the rest from being done.

using FlannelCni.Contract;
using FlannelCni.Linux;
using FlannelCni.Linux.Files;
using FlannelCni.Plugin.Attachments;
using FlannelCni.Plugin.Delegates;
using FlannelCni.Plugin.Ipam;
using FlannelCni.Plugin.Json;
using FlannelCni.Plugin.Masquerade;
using FlannelCni.Plugin.Spec;
using FlannelCni.Plugin.SpoofCheck;

namespace FlannelCni.Plugin.Commands;

/// <summary>GC: everything of this network that no valid attachment has. SPEC.md, "GC".</summary>
internal sealed class GcCommand(CniEnvironment environment, NetConf conf)
{
    // What nearly every runtime calls a pod's interface, for files that do not say.
    private const string UsualInterface = "eth0";

    private readonly List<string> _failures = [];

    /// <param name="valid">Null: the runtime does not say, so that nothing is known to be garbage.</param>
    /// <exception cref="CniException">All that could not be done; the rest is.</exception>
    internal void Run(ValidAttachments? valid)
    {
        if (valid is null)
        {
            StandardError.Say("GC without a list of valid attachments: nothing is removed");
            return;
        }

        List<Attachment> kept = [.. valid.All];
        foreach (Attachment stale in ListStale(valid))
        {
            Try($"{stale.ContainerId} {stale.IfName}", () =>
            {
                Commander commander = new(environment.OnBehalfOf(stale.ContainerId, stale.IfName), conf);
                if (!commander.TryCollect(keepsScratch: valid.ContainsAnyOf(stale.ContainerId)))
                {
                    kept.Add(stale);
                }
            });
        }

        Try("masquerade rules", () => NftMasquerade.RemoveAllBut(kept, conf.Name));
        Try("masquerade rules of iptables", () => IptablesMasquerade.RemoveAllBut(kept, conf.Name));
        Try("spoof-check rules", () => NftSpoofCheck.RemoveStale(kept));
        Try("empty reservations", () => Store()?.ReleaseEmpty());
        Try("the plugin that was delegated to", () => Delegate(valid));
        if (_failures.Count > 0)
        {
            throw new CniException(CniErrorCode.Internal, $"GC: {string.Join("; ", _failures)}");
        }
    }

    private HostLocalStore? Store() => HostLocalStore.Of(conf.Ipam, conf.Name);

    /// <summary>Found by their scratch files, by files of commands that were killed, and by their addresses.</summary>
    private HashSet<Attachment> ListStale(ValidAttachments valid)
    {
        HashSet<Attachment> stale = [];
        List<string> names = [];
        Try("scratch files", () => names = Folder.ListNames(conf.DataDir));
        Try("reservations", () => AddOwners(stale, valid));
        foreach (string name in names)
        {
            if (AttachmentLock.TryReadName(name, out string containerId, out string ifName)
                && !valid.Contains(containerId, ifName))
            {
                AddIfSound(stale, containerId, ifName);
            }
        }

        foreach (string name in names)
        {
            bool isNamed = stale.Any(attachment => attachment.ContainerId == name);
            if (!isNamed && !valid.ContainsAnyOf(name) && Identifiers.IsContainerId(name))
            {
                Try(name, () => AddIfOurs(stale, name));
            }
        }

        return stale;
    }

    private void AddOwners(HashSet<Attachment> stale, ValidAttachments valid)
    {
        foreach ((string containerId, string ifName) in Store()?.ListOwners() ?? [])
        {
            bool isValid = ifName.Length > 0
                ? valid.Contains(containerId, ifName)
                : valid.ContainsAnyOf(containerId);
            if (!isValid)
            {
                AddIfSound(stale, containerId, ifName.Length > 0 ? ifName : UsualInterface);
            }
        }
    }

    /// <summary>What no attachment can be called, no plugin would take for one.</summary>
    private static void AddIfSound(HashSet<Attachment> stale, string containerId, string ifName)
    {
        if (Identifiers.IsContainerId(containerId) && Identifiers.IsLinkName(ifName))
        {
            _ = stale.Add(new Attachment(containerId, ifName, Sandbox: ""));
        }
    }

    private void AddIfOurs(HashSet<Attachment> stale, string containerId)
    {
        Attachment attachment = new(containerId, UsualInterface, Sandbox: "");
        byte[]? saved = new Scratch(conf.DataDir, attachment).Find();
        if (saved is not null && SavedConfig.BelongsTo(saved, conf.Name) is not false)
        {
            _ = stale.Add(attachment);
        }
    }

    /// <summary>A plugin that knows no GC has been called for each attachment.</summary>
    private void Delegate(ValidAttachments valid)
    {
        if (NodeSubnet.TryLoad(conf) is not SubnetEnv env)
        {
            // On a node that starts, with nothing that could be stale.
            return;
        }

        RenderedConfig config = new(DelegateConfig.Render(conf, env));
        string type = config.IsBridge ? config.IpamType : config.Type;
        if (type.Length == 0 || PluginVersions.Ask(type, environment)?.Contains(CniVersion.Newest) is not true)
        {
            return;
        }

        JsonMap full = config.Map.Copy();
        valid.AddTo(full);
        _ = PluginProgram.Run(type, "GC", environment, JsonPrinter.Compact(full));
    }

    private void Try(string what, Action action)
    {
        try
        {
            action();
        }
        catch (CniException e)
        {
            _failures.Add($"{what}: {e.Message}");
        }
        catch (LinuxException e)
        {
            _failures.Add($"{what}: {e.Message}");
        }
    }
}
