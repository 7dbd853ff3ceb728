using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using FlannelCni.Linux.Interop;

namespace FlannelCni.Linux.Netlink;

/// <summary>A program of classic BPF that the kernel runs on each datagram before it wakes the reader.</summary>
internal static class SocketFilter
{
    // linux/bpf_common.h
    private const ushort BPF_LD_W_ABS = 0x20;
    private const ushort BPF_JMP_JEQ_K = 0x15;
    private const ushort BPF_RET_K = 0x06;

    private const uint PortIdOffset = 12;       // of nlmsg_pid
    private const uint Drop = 0;
    private const uint Pass = uint.MaxValue;    // bytes to keep

    /// <summary>
    /// Drops notifications whose nlmsg_pid is that port. Those with a causer come one in a datagram.
    /// </summary>
    internal static unsafe void PassAllBut(SafeFd fd, uint port)
    {
        // A word is loaded as big endian, whatever its writer's order was.
        uint loaded = BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(port) : port;
        SockFilter* program = stackalloc SockFilter[]
        {
            new() { Code = BPF_LD_W_ABS, Operand = PortIdOffset },
            new() { Code = BPF_JMP_JEQ_K, JumpTrue = 1, JumpFalse = 0, Operand = loaded },
            new() { Code = BPF_RET_K, Operand = Pass },
            new() { Code = BPF_RET_K, Operand = Drop },
        };
        SockFprog attached = new() { Length = 4, Program = program };
        if (Libc.setsockopt(fd, Libc.SOL_SOCKET, Libc.SO_ATTACH_FILTER, attached, Unsafe.SizeOf<SockFprog>()) < 0)
        {
            throw new LinuxException("setsockopt(netlink, SO_ATTACH_FILTER)", Libc.LastError);
        }
    }
}
