using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Netlink;
using static FlannelCni.Linux.Netlink.NlMsgFlags;
using static FlannelCni.Linux.Rtnetlink.AddressAttr;
using static FlannelCni.Linux.Rtnetlink.RtnlMsgType;

namespace FlannelCni.Linux.Rtnetlink;

/// <content>RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR, RTM_GETMULTICAST.</content>
public sealed partial class RtnlSocket
{
    /// <summary><c>ip address add PREFIX dev INDEX [broadcast BRD] [nodad]</c>.</summary>
    /// <exception cref="NetlinkException">EEXIST: the link has it. EACCES: IPv6 is disabled on the link.</exception>
    public void AddAddress(in LinkAddress address)
    {
        Span<byte> buffer = stackalloc byte[MessageSize];
        _socket.Execute(
            ComposeAddress(buffer, RTM_NEWADDR, Create, address),
            "add address",
            new OnLink<IpPrefix>(address.Prefix, address.LinkIndex));
    }

    /// <summary>As <see cref="AddAddress"/>; flags and lifetime of one that is there become those given.</summary>
    public void ReplaceAddress(in LinkAddress address)
    {
        Span<byte> buffer = stackalloc byte[MessageSize];
        _socket.Execute(
            ComposeAddress(buffer, RTM_NEWADDR, Replace, address),
            "replace address",
            new OnLink<IpPrefix>(address.Prefix, address.LinkIndex));
    }

    /// <summary><c>ip address del PREFIX dev INDEX</c>.</summary>
    /// <returns>False: the link had no such address.</returns>
    public bool DeleteAddressIfPresent(int linkIndex, IpPrefix prefix)
    {
        Span<byte> buffer = stackalloc byte[MessageSize];
        return _socket.Execute(
            ComposeAddress(buffer, RTM_DELADDR, Change, new LinkAddress(linkIndex, prefix)),
            "delete address",
            new OnLink<IpPrefix>(prefix, linkIndex),
            tolerated: Errno.EADDRNOTAVAIL);
    }

    /// <summary><c>ip -4 address show</c> or <c>-6</c>, of one link or (0) of all.</summary>
    /// <param name="is6">IPv6, else IPv4.</param>
    /// <exception cref="NetlinkException">ENODEV: there is no such link.</exception>
    public List<LinkAddress> ListAddresses(bool is6, int linkIndex = 0)
    {
        Span<byte> buffer = stackalloc byte[MessageSize];
        IfAddrMsg header = new() { Family = is6 ? (byte)Libc.AF_INET6 : (byte)Libc.AF_INET, Index = linkIndex };
        NetlinkWriter<IfAddrMsg, AddressAttr> request = new(buffer, RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, header);
        return _socket.Dump<LinkAddress>(request.Written, "list addresses", TryReadAddress);
    }

    /// <summary><c>ip -4 maddress show dev INDEX</c> or <c>-6</c>: the groups that the link listens to.</summary>
    /// <inheritdoc cref="ListAddresses" path="/exception"/>
    public List<IpAddr> ListMulticastGroups(bool is6, int linkIndex)
    {
        Span<byte> buffer = stackalloc byte[MessageSize];
        IfAddrMsg header = new() { Family = is6 ? (byte)Libc.AF_INET6 : (byte)Libc.AF_INET, Index = linkIndex };
        NetlinkWriter<IfAddrMsg, AddressAttr> request = new(
            buffer, RTM_GETMULTICAST, NLM_F_REQUEST | NLM_F_DUMP, header);
        return _socket.Dump<IpAddr>(request.Written, "list multicast groups", TryReadGroup);
    }

    internal static bool TryReadGroup(in NetlinkMessage message, out IpAddr group)
    {
        _ = message.Split<IfAddrMsg, AddressAttr>(out AttributeReader<AddressAttr> attributes);
        group = default;
        foreach (NetlinkAttribute<AddressAttr> attribute in attributes)
        {
            if (attribute.Type == IFA_MULTICAST)
            {
                group = attribute.ReadIpAddr();
            }
        }

        return !group.IsNone;
    }

    internal static bool TryReadAddress(in NetlinkMessage message, out LinkAddress address)
    {
        IfAddrMsg header = message.Split<IfAddrMsg, AddressAttr>(out AttributeReader<AddressAttr> attributes);
        IpAddr local = default;
        IpAddr peer = default;
        IpAddr broadcast = default;
        AddressFlags flags = (AddressFlags)header.Flags;
        foreach (NetlinkAttribute<AddressAttr> attribute in attributes)
        {
            switch (attribute.Type)
            {
                case IFA_LOCAL:
                    local = attribute.ReadIpAddr();
                    break;
                case IFA_ADDRESS:
                    peer = attribute.ReadIpAddr();
                    break;
                case IFA_BROADCAST:
                    broadcast = attribute.ReadIpAddr();
                    break;
                case IFA_FLAGS:
                    flags = (AddressFlags)attribute.ReadUInt32();
                    break;
            }
        }

        // IPv6 sends IFA_LOCAL only on point-to-point addresses.
        IpAddr own = local.IsNone ? peer : local;
        address = new LinkAddress(header.Index, new IpPrefix(own, Math.Min(header.PrefixLength, own.BitLength)))
        {
            Flags = flags,
            Scope = header.Scope,
            Broadcast = broadcast,
        };
        return !own.IsNone;
    }

    internal static Span<byte> ComposeAddress(Span<byte> buffer, ushort type, NlMsgFlags flags, in LinkAddress address)
    {
        IpAddr local = address.Prefix.Address;
        IfAddrMsg header = new()
        {
            Family = local.Is6 ? (byte)Libc.AF_INET6 : (byte)Libc.AF_INET,
            PrefixLength = (byte)address.Prefix.Length,
            Scope = address.Scope,
            Index = address.LinkIndex,
        };
        NetlinkWriter<IfAddrMsg, AddressAttr> request = new(buffer, type, flags, header);
        request.Attributes.Write(IFA_LOCAL, local);
        request.Attributes.Write(IFA_ADDRESS, local);
        if (!address.Broadcast.IsNone)
        {
            request.Attributes.Write(IFA_BROADCAST, address.Broadcast);
        }

        if (address.Flags != AddressFlags.None)
        {
            request.Attributes.Write(IFA_FLAGS, (uint)address.Flags);
        }

        return request.Written;
    }
}
