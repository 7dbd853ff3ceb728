using System.Runtime.InteropServices;
using FlannelCni.Linux.Interop;

namespace FlannelCni.Linux;

/// <summary>What the kernel refused: <c>OPERATION: its sentence (ERRNO)</c>.</summary>
/// <param name="operation">What was done, and to what: <c>open /run/flannel/subnet.env</c>.</param>
/// <param name="errno">The kernel's answer.</param>
public class LinuxException(string operation, Errno errno) : Exception($"{operation}: {Describe(errno)} ({errno})")
{
    public Errno Errno { get; } = errno;

    /// <summary>The C library's sentence for it, as <c>strerror</c> says it.</summary>
    public static string Describe(Errno errno) => Marshal.GetPInvokeErrorMessage((int)errno);
}
