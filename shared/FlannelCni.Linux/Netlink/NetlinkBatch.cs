using System.Runtime.InteropServices;

namespace FlannelCni.Linux.Netlink;

/// <summary>
/// Requests to be sent together, in order. The kernel works through all of them whatever becomes of each;
/// <see cref="NetlinkSocket.Execute(NetlinkBatch)"/> names those that failed by their number, from 0.
/// Not for nfnetlink, whose transactions bear acknowledgements of their own. Not for several threads at once.
/// </summary>
public sealed class NetlinkBatch
{
    private readonly List<int> _starts = [];
    private byte[] _buffer = new byte[4096];
    private int _length;

    public int Count => _starts.Count;

    /// <summary>Appends a copy of a built message.</summary>
    public void Add(ReadOnlySpan<byte> message)
    {
        if (_length + message.Length > _buffer.Length)
        {
            Array.Resize(ref _buffer, Math.Max(_buffer.Length * 2, _length + message.Length));
        }

        _starts.Add(_length);
        message.CopyTo(_buffer.AsSpan(_length));
        _length += message.Length;    // nlmsg_len is a multiple of 4 as the writer leaves it
    }

    public void Clear()
    {
        _starts.Clear();
        _length = 0;
    }

    /// <summary>The messages from <paramref name="first"/> on that go into one send, numbered and flagged.</summary>
    /// <param name="first">Number of the first message.</param>
    /// <param name="maxBytes">A single longer message goes alone.</param>
    /// <param name="maxCount">How many at the most.</param>
    /// <param name="sequence">Of the first message; the others follow.</param>
    /// <param name="count">How many.</param>
    internal ReadOnlySpan<byte> Take(int first, int maxBytes, int maxCount, uint sequence, out int count)
    {
        int start = _starts[first];
        int end = start;
        count = 0;
        while (count < maxCount && first + count < _starts.Count)
        {
            int next = first + count + 1 < _starts.Count ? _starts[first + count + 1] : _length;
            if (count > 0 && next - start > maxBytes)
            {
                break;
            }

            end = next;
            count++;
        }

        for (int i = 0; i < count; i++)
        {
            ref NlMsgHdr header = ref MemoryMarshal.AsRef<NlMsgHdr>(_buffer.AsSpan(_starts[first + i]));
            header.Sequence = sequence + (uint)i;

            // A failure is always answered; success need be said only once, at the end.
            header.Flags = i == count - 1
                ? header.Flags | NlMsgFlags.NLM_F_ACK
                : header.Flags & ~NlMsgFlags.NLM_F_ACK;
        }

        return _buffer.AsSpan(start, end - start);
    }

    /// <summary>All messages, numbered; the last but one asks for an acknowledgement.</summary>
    /// <param name="sequence">Of the first message; the others follow.</param>
    internal ReadOnlySpan<byte> TakeTransaction(uint sequence)
    {
        for (int i = 0; i < _starts.Count; i++)
        {
            ref NlMsgHdr header = ref MemoryMarshal.AsRef<NlMsgHdr>(_buffer.AsSpan(_starts[i]));
            header.Sequence = sequence + (uint)i;
            header.Flags = i == _starts.Count - 2
                ? header.Flags | NlMsgFlags.NLM_F_ACK
                : header.Flags & ~NlMsgFlags.NLM_F_ACK;
        }

        return _buffer.AsSpan(0, _length);
    }
}

/// <summary>A message of a batch that the kernel refused.</summary>
/// <param name="Index">Its number in the batch, from 0.</param>
/// <param name="Errno">Why.</param>
/// <param name="KernelMessage">The kernel's sentence, where it sent one.</param>
public readonly record struct BatchFailure(int Index, Interop.Errno Errno, string? KernelMessage);
