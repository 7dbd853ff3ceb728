using System.Text.Json;
using FlannelCni.Plugin.Attachments;
using FlannelCni.Plugin.Bridging;
using FlannelCni.Plugin.Delegates;
using FlannelCni.Plugin.Json;
using FlannelCni.Plugin.Masquerade;
using FlannelCni.Plugin.Spec;
using FlannelCni.Plugin.SpoofCheck;

namespace FlannelCni.Plugin.Commands;

/// <summary>CHECK: is the pod attached as its ADD said? SPEC.md, "CHECK".</summary>
/// <param name="conf">Of today; what the runtime remembers of the ADD is in it.</param>
internal sealed class CheckCommand(CniEnvironment environment, NetConf conf, Attachment attachment)
{
    /// <param name="config">What ADD went by.</param>
    /// <exception cref="CniException">What is not as it was, or IPAM's own error.</exception>
    internal void Run(RenderedConfig config, SandboxHandle sandbox)
    {
        CniResult previous = ReadPrevious(config);
        JsonMap full = config.Map.Copy();
        full.Set("prevResult", conf.PrevResult ?? new JsonMap());
        byte[] input = JsonPrinter.Compact(full);
        if (!config.IsBridge)
        {
            _ = PluginProgram.Run(config.Type, "CHECK", environment, input);
            return;
        }

        BridgeConf bridge = BridgeConf.Read(config.Map, CniArgs.Read(environment.Args));
        _ = sandbox.GetPod();
        if (config.IpamType.Length > 0)
        {
            _ = PluginProgram.Run(config.IpamType, "CHECK", environment, input);
        }

        using PodNetwork network = new(bridge, attachment, sandbox);
        CheckRules(bridge, config.Network, network.Check(previous));
    }

    private void CheckRules(BridgeConf bridge, string network, in CheckedPod pod)
    {
        if (bridge.MacSpoofCheck)
        {
            Require(new NftSpoofCheck(attachment).FindFault(pod.Pair));
        }

        if (bridge.IpMasq && pod.Addresses.Count > 0)
        {
            Require(new PodMasquerade(bridge.IpMasqBackend, network, attachment).FindFault(pod.Addresses));
        }

        static void Require(string? fault) => PodCheck.Require(fault is null, fault ?? "");
    }

    private CniResult ReadPrevious(RenderedConfig config)
    {
        if (conf.PrevResult is null)
        {
            throw new CniException(CniErrorCode.Internal, "Required prevResult missing");
        }

        try
        {
            return ResultReader.ReadPrevious(conf.PrevResult, config.Version);
        }
        catch (JsonException e)
        {
            throw new CniException(CniErrorCode.DecodingFailure, $"could not parse prevResult: {e.Message}");
        }
    }
}
