namespace FlannelCni.Linux.Rtnetlink;

/// <summary>Attributes of an address, linux/if_addr.h.</summary>
internal enum AddressAttr : ushort
{
    IFA_ADDRESS = 1,
    IFA_LOCAL = 2,
    IFA_BROADCAST = 4,
    IFA_MULTICAST = 7,
    IFA_FLAGS = 8,
}

/// <summary>IFA_F_*; IFA_F_TEMPORARY of IPv6 and IFA_F_SECONDARY of IPv4 are the same bit.</summary>
[Flags]
public enum AddressFlags : uint
{
    None = 0,
    IFA_F_SECONDARY = 0x01,
    IFA_F_TEMPORARY = 0x01,
    IFA_F_NODAD = 0x02,
    IFA_F_DADFAILED = 0x08,
    IFA_F_DEPRECATED = 0x20,
    IFA_F_TENTATIVE = 0x40,
    IFA_F_PERMANENT = 0x80,
    IFA_F_NOPREFIXROUTE = 0x200,
}
