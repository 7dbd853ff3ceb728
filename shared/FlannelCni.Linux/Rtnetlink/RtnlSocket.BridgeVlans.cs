using System.Runtime.InteropServices;
using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Netlink;
using static FlannelCni.Linux.Rtnetlink.BridgeSpecAttr;
using static FlannelCni.Linux.Rtnetlink.BridgeVlanFlags;
using static FlannelCni.Linux.Rtnetlink.LinkAttr;
using static FlannelCni.Linux.Rtnetlink.RtnlMsgType;

namespace FlannelCni.Linux.Rtnetlink;

/// <content>The VLANs of a bridge's port, in RTM_{SET,DEL,GET}LINK of family AF_BRIDGE.</content>
public sealed partial class RtnlSocket
{
    private const uint RTEXT_FILTER_BRVLAN_COMPRESSED = 1 << 2;    // linux/rtnetlink.h: ranges where they are

    private const int BytesPerVlan = 2 * (4 + 4);    // two attributes of struct bridge_vlan_info

    /// <summary>
    /// <c>bridge vlan add dev INDEX vid FIRST-LAST</c>, or <c>vid FIRST pvid untagged</c>; one that is there already
    /// gets the flags.
    /// </summary>
    /// <exception cref="NetlinkException">EOPNOTSUPP: not a bridge's port, or no VLANs in this kernel.</exception>
    public void AddBridgeVlans(int index, IReadOnlyList<BridgeVlan> vlans) =>
        ChangeBridgeVlans(RTM_SETLINK, index, vlans, "add VLANs");

    /// <summary><c>bridge vlan del dev INDEX vid FIRST-LAST</c>; VLANs that it does not have are no error.</summary>
    /// <inheritdoc cref="AddBridgeVlans" path="/exception"/>
    public void DeleteBridgeVlans(int index, IReadOnlyList<BridgeVlan> vlans) =>
        ChangeBridgeVlans(RTM_DELLINK, index, vlans, "delete VLANs");

    /// <summary><c>bridge -compressvlans vlan show dev INDEX</c>; none where it is no bridge's port.</summary>
    public List<BridgeVlan> ListBridgeVlans(int index)
    {
        // The kernel lists those of all ports, whatever one asks for.
        NetlinkWriter<IfInfoMsg, LinkAttr> request = new(
            stackalloc byte[MessageSize],
            RTM_GETLINK,
            NlMsgFlags.NLM_F_REQUEST | NlMsgFlags.NLM_F_DUMP,
            new IfInfoMsg { Family = Libc.AF_BRIDGE });
        request.Attributes.Write(IFLA_EXT_MASK, RTEXT_FILTER_BRVLAN_COMPRESSED);
        List<BridgeVlan> vlans = [];
        foreach ((int Index, List<BridgeVlan> Vlans) port in _socket.Dump<(int Index, List<BridgeVlan> Vlans)>(
            request.Written, "list VLANs", TryReadBridgeVlans))
        {
            if (port.Index == index)
            {
                vlans.AddRange(port.Vlans);
            }
        }

        return vlans;
    }

    internal static bool TryReadBridgeVlans(in NetlinkMessage message, out (int Index, List<BridgeVlan> Vlans) port)
    {
        IfInfoMsg header = message.Split<IfInfoMsg, LinkAttr>(out AttributeReader<LinkAttr> attributes);
        port = (header.Index, []);
        foreach (NetlinkAttribute<LinkAttr> attribute in attributes)
        {
            if (attribute.Type == IFLA_AF_SPEC)
            {
                ReadVlans(attribute.Nested<BridgeSpecAttr>(), port.Vlans);
            }
        }

        return port.Vlans.Count > 0;
    }

    internal static Span<byte> ComposeBridgeVlans(
        Span<byte> buffer, ushort type, int index, IReadOnlyList<BridgeVlan> vlans)
    {
        NetlinkWriter<IfInfoMsg, LinkAttr> request = new(
            buffer, type, Change, new IfInfoMsg { Family = Libc.AF_BRIDGE, Index = index });
        using (AttributeWriter<BridgeSpecAttr> spec = request.Attributes.Nest<BridgeSpecAttr>(IFLA_AF_SPEC))
        {
            foreach (BridgeVlan vlan in vlans)
            {
                BridgeVlanFlags flags = (vlan.IsNative ? BRIDGE_VLAN_INFO_PVID : None)
                    | (vlan.IsUntagged ? BRIDGE_VLAN_INFO_UNTAGGED : None);
                if (vlan.First == vlan.Last)
                {
                    WriteVlan(spec, flags, vlan.First);
                }
                else
                {
                    WriteVlan(spec, flags | BRIDGE_VLAN_INFO_RANGE_BEGIN, vlan.First);
                    WriteVlan(spec, flags | BRIDGE_VLAN_INFO_RANGE_END, vlan.Last);
                }
            }
        }

        return request.Written;
    }

    private static void ReadVlans(AttributeReader<BridgeSpecAttr> attributes, List<BridgeVlan> vlans)
    {
        ushort first = 0;
        foreach (NetlinkAttribute<BridgeSpecAttr> attribute in attributes)
        {
            if (attribute.Type != IFLA_BRIDGE_VLAN_INFO || attribute.Payload.Length < 2 * sizeof(ushort))
            {
                continue;
            }

            BridgeVlanFlags flags = (BridgeVlanFlags)MemoryMarshal.Read<ushort>(attribute.Payload);
            ushort id = MemoryMarshal.Read<ushort>(attribute.Payload[sizeof(ushort)..]);
            if ((flags & BRIDGE_VLAN_INFO_RANGE_BEGIN) != 0)
            {
                first = id;
                continue;
            }

            vlans.Add(new BridgeVlan(
                (flags & BRIDGE_VLAN_INFO_RANGE_END) != 0 ? first : id,
                id,
                IsNative: (flags & BRIDGE_VLAN_INFO_PVID) != 0,
                IsUntagged: (flags & BRIDGE_VLAN_INFO_UNTAGGED) != 0));
        }
    }

    /// <summary><c>struct bridge_vlan_info { u16 flags; u16 vid; }</c>.</summary>
    private static void WriteVlan(AttributeWriter<BridgeSpecAttr> spec, BridgeVlanFlags flags, ushort id) =>
        spec.Write(IFLA_BRIDGE_VLAN_INFO, MemoryMarshal.AsBytes<ushort>([(ushort)flags, id]));

    private void ChangeBridgeVlans(ushort type, int index, IReadOnlyList<BridgeVlan> vlans, string operation)
    {
        byte[] buffer = new byte[MessageSize + (vlans.Count * BytesPerVlan)];
        _socket.Execute(ComposeBridgeVlans(buffer, type, index, vlans), operation, index);
    }
}

/// <summary>VLANs of a bridge's port.</summary>
/// <param name="First">1..4094.</param>
/// <param name="Last">From <paramref name="First"/>.</param>
/// <param name="IsNative">Of one VLAN only: frames that come without a tag are its (<c>pvid</c>).</param>
/// <param name="IsUntagged">Its frames go out without a tag.</param>
public readonly record struct BridgeVlan(
    ushort First, ushort Last, bool IsNative = false, bool IsUntagged = false);
