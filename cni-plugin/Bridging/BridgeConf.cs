using System.Text.Json;
using FlannelCni.Linux.Net;
using FlannelCni.Plugin.Json;
using FlannelCni.Plugin.Masquerade;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.Plugin.Bridging;

/// <summary>The bridge's part of a rendered configuration; keys and defaults are those of upstream's plugin.</summary>
internal sealed record BridgeConf
{
    private const string DefaultBridge = "cni0";
    private const int MinMtu = 68;       // ETH_MIN_MTU and ETH_MAX_MTU of linux/if_ether.h, which a veth pair takes
    private const int MaxMtu = 65535;

    /// <summary>Name of the bridge device.</summary>
    internal string Bridge { get; init; } = DefaultBridge;

    /// <summary>The bridge has the pods' gateway addresses, and the host forwards.</summary>
    internal bool IsGateway { get; init; }

    /// <summary>Pods get default routes through the bridge.</summary>
    internal bool IsDefaultGateway { get; init; }

    /// <summary>Replace a conflicting address of the bridge instead of failing.</summary>
    internal bool ForceAddress { get; init; }

    /// <summary>Of the veth pair; 0: the kernel's default.</summary>
    internal uint Mtu { get; init; }

    internal bool HairpinMode { get; init; }

    internal bool PromiscMode { get; init; }

    internal bool PortIsolation { get; init; }

    /// <summary>Detect duplicates of the pod's IPv6 addresses, which takes a second or two.</summary>
    internal bool EnableDad { get; init; }

    /// <summary>Leave the pod's end down.</summary>
    internal bool DisableContainerInterface { get; init; }

    /// <summary>Empty: the pod gets no addresses.</summary>
    internal string IpamType { get; init; } = "";

    /// <summary>Of the pod's end; null: any.</summary>
    internal MacAddress? Mac { get; init; }

    /// <summary>What the pod sends out of its subnet leaves with the host's address.</summary>
    internal bool IpMasq { get; init; }

    internal MasqueradeBackend IpMasqBackend { get; init; }

    /// <summary>The pod can send with its own MAC only.</summary>
    internal bool MacSpoofCheck { get; init; }

    /// <summary>Of the pod's port.</summary>
    internal PortVlans Vlans { get; init; } = new();

    /// <summary>Where the gateway addresses are.</summary>
    internal string GatewayDevice =>
        Vlans.Access == 0 ? Bridge : $"{Bridge}.{Vlans.Access.ToString(provider: null)}";

    /// <summary>Replaces IPAM's unless empty.</summary>
    internal CniDns Dns { get; init; } = new();

    /// <exception cref="CniException">Internal: a wrong type, a number out of range or a contradiction.</exception>
    internal static BridgeConf Read(JsonMap config, CniArgs args)
    {
        BridgeConf conf;
        try
        {
            conf = ReadFields(config, args);
        }
        catch (JsonException e)
        {
            throw new CniException(CniErrorCode.Internal, $"failed to load netconf: {e.Message}");
        }

        if (conf.HairpinMode && conf.PromiscMode)
        {
            throw new CniException(
                CniErrorCode.Internal, "cannot set hairpin mode and promiscuous mode at the same time.");
        }

        if (conf.DisableContainerInterface && conf.IpamType.Length > 0)
        {
            throw new CniException(
                CniErrorCode.Internal, "cannot use IPAM when DisableContainerInterface flag is set");
        }

        if (conf.IsGateway && conf.IpamType.Length > 0 && conf.GatewayDevice.Length > Identifiers.MaxInterfaceNameBytes)
        {
            throw new CniException(
                CniErrorCode.Internal,
                $"the gateway of VLAN {conf.Vlans.Access.ToString(provider: null)} would be \"{conf.GatewayDevice}\", "
                    + "which is too long for an interface's name: name the bridge shorter");
        }

        return conf;
    }

    private static BridgeConf ReadFields(JsonMap config, CniArgs args) => new()
    {
        Bridge = ReadBridge(config),
        IsGateway = config.Flag("isGateway") || config.Flag("isDefaultGateway"),
        IsDefaultGateway = config.Flag("isDefaultGateway"),
        ForceAddress = config.Flag("forceAddress"),
        Mtu = ReadMtu(config),
        HairpinMode = config.Flag("hairpinMode"),
        PromiscMode = config.Flag("promiscMode"),
        PortIsolation = config.Flag("portIsolation"),
        EnableDad = config.Flag("enabledad"),
        DisableContainerInterface = config.Flag("disableContainerInterface"),
        IpMasq = config.Flag("ipMasq"),
        IpMasqBackend = ReadBackend(config),
        MacSpoofCheck = config.Flag("macspoofchk"),
        Vlans = PortVlans.Read(config),
        IpamType = config.Object("ipam")?.Text("type") ?? "",
        Mac = ReadMac(config, args),
        Dns = ResultReader.ReadDns(config),
    };

    private static string ReadBridge(JsonMap config)
    {
        string name = config.Text("bridge");
        return name.Length == 0 ? DefaultBridge
            : Identifiers.IsLinkName(name) ? name
            : throw new JsonException(
                $"\"bridge\" is \"{name}\", which no interface can be called: 1 to 15 bytes are, but blanks and / : %");
    }

    private static MasqueradeBackend ReadBackend(JsonMap config) => config.Text("ipMasqBackend") switch
    {
        "" => MasqueradeBackend.Any,
        "nftables" => MasqueradeBackend.Nftables,
        "iptables" => MasqueradeBackend.Iptables,
        string other => throw new CniException(CniErrorCode.Internal, $"unknown ipmasq backend \"{other}\""),
    };

    private static uint ReadMtu(JsonMap config) => config.Integer("mtu") switch
    {
        null => 0,
        (0 or (>= MinMtu and <= MaxMtu)) and int mtu => (uint)mtu,
        int other => throw new JsonException(
            $"\"mtu\" is {GoNumber.Format(other)}, {GoNumber.Format(MinMtu)} to {GoNumber.Format(MaxMtu)} is expected"),
    };

    /// <summary>The runtime's wish counts before the user's, and that before the caller's arguments.</summary>
    private static MacAddress? ReadMac(JsonMap config, CniArgs args)
    {
        string? text = OrNull(config.Object("runtimeConfig")?.Text("mac"))
            ?? OrNull(config.Object("args")?.Object("cni")?.Text("mac"))
            ?? OrNull(args.Mac);
        return text is null ? null
            : MacAddress.TryParse(text, out MacAddress mac) ? mac
            : throw new CniException(
                CniErrorCode.Internal, $"failed to make veth pair: invalid MAC address: \"{text}\"");

        static string? OrNull(string? wish) => string.IsNullOrEmpty(wish) ? null : wish;
    }
}
