using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Netlink;
using static FlannelCni.Linux.Rtnetlink.NeighbourAttr;

namespace FlannelCni.Linux.Rtnetlink;

/// <summary>Writes and reads RTM_NEWNEIGH, RTM_DELNEIGH: neighbours and, of family AF_BRIDGE, FDB entries.</summary>
internal static class NeighbourMessages
{
    internal static Span<byte> Compose(Span<byte> buffer, ushort type, NlMsgFlags flags, in Neighbour neighbour)
    {
        NdMsg header = new()
        {
            Family = neighbour.Address.Is6 ? (byte)Libc.AF_INET6 : (byte)Libc.AF_INET,
            Index = neighbour.LinkIndex,
            State = neighbour.State,
            Flags = neighbour.Flags,
        };
        NetlinkWriter<NdMsg, NeighbourAttr> request = new(buffer, type, flags, header);
        request.Attributes.Write(NDA_DST, neighbour.Address);
        if (type == RtnlMsgType.RTM_NEWNEIGH)
        {
            request.Attributes.Write(NDA_LLADDR, neighbour.Mac);
        }

        return request.Written;
    }

    /// <summary>A deletion goes by MAC alone: one with another destination is answered 0 and deletes nothing.</summary>
    internal static Span<byte> Compose(Span<byte> buffer, ushort type, NlMsgFlags flags, in FdbEntry entry)
    {
        NdMsg header = new()
        {
            Family = Libc.AF_BRIDGE,
            Index = entry.LinkIndex,
            State = entry.State,
            Flags = entry.Flags,
        };
        NetlinkWriter<NdMsg, NeighbourAttr> request = new(buffer, type, flags, header);
        request.Attributes.Write(NDA_LLADDR, entry.Mac);
        bool isDeleteByMac = type == RtnlMsgType.RTM_DELNEIGH && !entry.Mac.IsZero;
        if (!entry.Destination.IsNone && !isDeleteByMac)
        {
            request.Attributes.Write(NDA_DST, entry.Destination);
        }

        if (entry.Port != 0)
        {
            request.Attributes.WriteBigEndian(NDA_PORT, entry.Port);
        }

        if (entry.Vni != 0)
        {
            request.Attributes.Write(NDA_VNI, entry.Vni);
        }

        return request.Written;
    }

    internal static bool TryReadNeighbour(in NetlinkMessage message, out Neighbour neighbour)
    {
        NdMsg header = message.Split<NdMsg, NeighbourAttr>(out AttributeReader<NeighbourAttr> attributes);
        IpAddr address = default;
        MacAddress mac = default;
        foreach (NetlinkAttribute<NeighbourAttr> attribute in attributes)
        {
            switch (attribute.Type)
            {
                case NDA_DST:
                    address = attribute.ReadIpAddr();
                    break;
                case NDA_LLADDR when attribute.Payload.Length == MacAddress.ByteLength:
                    mac = attribute.ReadMac();
                    break;
            }
        }

        neighbour = new Neighbour(header.Index, address, mac) { State = header.State, Flags = header.Flags };
        return header.Family is Libc.AF_INET or Libc.AF_INET6 && !address.IsNone;
    }

    internal static bool TryReadFdb(in NetlinkMessage message, out FdbEntry entry)
    {
        NdMsg header = message.Split<NdMsg, NeighbourAttr>(out AttributeReader<NeighbourAttr> attributes);
        entry = new FdbEntry(header.Index, default, default) { State = header.State, Flags = header.Flags };
        foreach (NetlinkAttribute<NeighbourAttr> attribute in attributes)
        {
            switch (attribute.Type)
            {
                case NDA_LLADDR when attribute.Payload.Length == MacAddress.ByteLength:
                    entry = entry with { Mac = attribute.ReadMac() };
                    break;
                case NDA_DST:
                    entry = entry with { Destination = attribute.ReadIpAddr() };
                    break;
                case NDA_PORT:
                    entry = entry with { Port = attribute.ReadUInt16BigEndian() };
                    break;
                case NDA_VNI:
                    entry = entry with { Vni = attribute.ReadUInt32() };
                    break;
                case NDA_MASTER:
                    entry = entry with { MasterIndex = attribute.ReadInt32() };
                    break;
            }
        }

        return header.Family == Libc.AF_BRIDGE;
    }
}
