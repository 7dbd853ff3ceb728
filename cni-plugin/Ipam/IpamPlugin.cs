using System.Text.Json;
using FlannelCni.Plugin.Delegates;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.Plugin.Ipam;

/// <summary>IPAM by an executable, which gets the bytes that upstream's bridge would give it.</summary>
/// <param name="type">Name of the executable.</param>
/// <param name="input">The rendered configuration.</param>
/// <param name="lockDescriptor">Of the attachment's lock, if it is held.</param>
internal sealed class IpamPlugin(
    string type, string configVersion, CniEnvironment environment, byte[] input, int? lockDescriptor) : IIpam
{
    // These two read nothing but their configuration. Others may look at the interface, as dhcp does.
    public bool NeedsNoLink => type is "host-local" or "static";

    public IIpamCall StartAdd()
    {
        PluginCall call = PluginProgram.Start(type, "ADD", environment, input, lockDescriptor);
        call.Send();
        return new Call(call, configVersion);
    }

    public IIpamCall PrepareDelete() =>
        new Call(PluginProgram.Start(type, "DEL", environment, input, lockDescriptor), configVersion);

    private sealed class Call(PluginCall call, string configVersion) : IIpamCall
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

        public void Complete() => _ = call.Result();

        public void Dispose() => call.Dispose();
    }
}
