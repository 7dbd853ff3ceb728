using FlannelCni.Linux.Interop;

namespace FlannelCni.Linux.Netlink;

/// <summary>
/// A request that the kernel refused:
/// <c>add vxlan link flannel.1 [VXLAN ID must be lower than 16777216]: … (ERANGE)</c>.
/// </summary>
/// <param name="operation">What was done, to what.</param>
/// <param name="errno">The kernel's answer.</param>
/// <param name="kernelMessage">The sentence of the extended acknowledgement, where it sent one.</param>
public sealed class NetlinkException(string operation, Errno errno, string? kernelMessage)
    : LinuxException(kernelMessage is null ? operation : $"{operation} [{kernelMessage}]", errno)
{
    /// <summary>NLMSGERR_ATTR_MSG.</summary>
    public string? KernelMessage { get; } = kernelMessage;
}
