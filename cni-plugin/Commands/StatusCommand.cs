// Of a runtime that asks every few seconds, and whose node is not ready while the answer is an error: it must be
// cheap, and a condition that pods themselves bring about, as that there is no address left, must not be in it.

using FlannelCni.Contract;
using FlannelCni.Linux;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Rtnetlink;
using FlannelCni.Plugin.Attachments;
using FlannelCni.Plugin.Bridging;
using FlannelCni.Plugin.Delegates;
using FlannelCni.Plugin.Ipam;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.Plugin.Commands;

/// <summary>STATUS: could a pod be attached now? SPEC.md, "STATUS".</summary>
internal sealed class StatusCommand(CniEnvironment environment, NetConf conf)
{
    /// <exception cref="CniException">
    /// PluginNotAvailable, LimitedConnectivity: it could not, and why; another code: the configuration is wrong.
    /// </exception>
    internal void Run()
    {
        SubnetEnv env = Require("flannel has not said yet which subnet this node has", () => NodeSubnet.Load(conf));
        RenderedConfig config = new(DelegateConfig.Render(conf, env));
        BridgeConf? bridge = config.IsBridge ? BridgeConf.Read(config.Map, CniArgs.Read("")) : null;
        _ = Require("the state of pods cannot be kept", () =>
        {
            DataDirectory.RequireWritable(conf.DataDir);
            return true;
        });
        if (bridge is null)
        {
            RequireReady(config.Type, config);
            return;
        }

        RequireBridge(bridge, env);
        if (config.IpamType.Length > 0)
        {
            RequireReady(config.IpamType, config);
        }
    }

    /// <summary>The commonest cause of pods that do not start: the node has another subnet than it had.</summary>
    private static void RequireBridge(BridgeConf bridge, SubnetEnv env) => _ = Require(
        $"bridge {bridge.Bridge} is not as pods need it",
        () =>
        {
            using RtnlSocket socket = RtnlSocket.Open();
            new HostBridge(socket, bridge).RequireUsable(GatewaysOf(bridge, env));
            return true;
        });

    /// <summary>Those that host-local will name; what others will is not known before they are asked.</summary>
    private static List<IpPrefix> GatewaysOf(BridgeConf bridge, SubnetEnv env)
    {
        List<IpPrefix> gateways = [];
        foreach (IpPrefix subnet in (IpPrefix[])[env.Subnet, env.IPv6Subnet])
        {
            if (bridge.IsGateway && bridge.IpamType == HostLocalStore.Type && !subnet.IsNone)
            {
                gateways.Add(new IpPrefix(subnet.Masked.Address.Add(1), subnet.Length));
            }
        }

        return gateways;
    }

    /// <summary>Is another plugin there, does it know the version, and is it ready if it can say so?</summary>
    private void RequireReady(string type, RenderedConfig config)
    {
        IReadOnlyList<string>? versions = Require(
            $"plugin {type} cannot be executed", () => PluginVersions.Ask(type, environment));
        if (versions is not null && !versions.Contains(config.Version))
        {
            throw NotAvailable(
                $"plugin {type} does not know the network's CNI version",
                $"\"cniVersion\" is {config.Version}, {type} supports {string.Join(", ", versions)}");
        }

        try
        {
            _ = PluginProgram.Run(type, "STATUS", environment, config.Bytes);
        }
        catch (CniException e) when (e.Message == "unknown CNI_COMMAND: STATUS")
        {
            // Its answer to VERSION could not be understood, but this says that it is an old one.
        }
        catch (CniException e) when (e.Code is CniErrorCode.PluginNotAvailable or CniErrorCode.LimitedConnectivity)
        {
            throw new CniException(e.Code, $"plugin {type} is not ready: {e.Message}", e.Details);
        }
        catch (CniException e)
        {
            throw NotAvailable($"plugin {type} is not ready: {e.Message}", e.Details);
        }
    }

    private static T Require<T>(string otherwise, Func<T> work)
    {
        try
        {
            return work();
        }
        catch (CniException e)
        {
            throw NotAvailable(otherwise, e.Details.Length == 0 ? e.Message : $"{e.Message}; {e.Details}");
        }
        catch (LinuxException e)
        {
            throw NotAvailable(otherwise, e.Message);
        }
    }

    private static CniException NotAvailable(string message, string details) =>
        new(CniErrorCode.PluginNotAvailable, $"no pod can be attached: {message}", details);
}
