using System.Text.Json;
using FlannelCni.Linux;
using FlannelCni.Plugin.Delegates;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.Plugin.Ipam;

/// <summary>IPAM by an executable, which gets the bytes that upstream's bridge would give it.</summary>
/// <param name="lockDescriptor">Of the attachment's lock, if it is held.</param>
internal sealed class IpamPlugin(RenderedConfig config, CniEnvironment environment, int? lockDescriptor) : IIpam
{
    // These two read nothing but their configuration. Others may look at the interface, as dhcp does.
    public bool NeedsNoLink => config.IpamType is HostLocalStore.Type or "static";

    /// <summary>Null: the network has none.</summary>
    internal static IpamPlugin? Of(RenderedConfig config, CniEnvironment environment, int? lockDescriptor) =>
        config.IpamType.Length == 0 ? null : new IpamPlugin(config, environment, lockDescriptor);

    public IIpamCall StartAdd()
    {
        PluginCall call = Start("ADD");
        call.Send();
        return new Call(call, config.Version, store: null);
    }

    public IIpamCall PrepareDelete() => new Call(
        Start("DEL"), config.Version, HostLocalStore.Of(config.Map.Find("ipam")?.Map, config.Network));

    private PluginCall Start(string verb) =>
        PluginProgram.Start(config.IpamType, verb, environment, config.Bytes, lockDescriptor);

    /// <param name="store">To be rid of what a killed host-local left; null: not that plugin, or not the time.</param>
    private sealed class Call(PluginCall call, string configVersion, HostLocalStore? store) : IIpamCall
    {
        public CniResult Result()
        {
            try
            {
                return ResultReader.Read(call.EarlyResult(), configVersion, out _);
            }
            catch (JsonException e)
            {
                throw new CniException(CniErrorCode.Internal, $"the IPAM plugin's result: {e.Message}");
            }
        }

        public void Begin() => call.Send();

        public void Complete()
        {
            _ = call.Result();
            try
            {
                store?.ReleaseEmpty();
            }
            catch (LinuxException e)
            {
                // Not this attachment's: a later DEL finds it.
                StandardError.Say($"release empty reservations: {e.Message}");
            }
        }

        public void Dispose() => call.Dispose();
    }
}
