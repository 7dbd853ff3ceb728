using System.Buffers.Binary;

namespace FlannelCni.Agent.Leases.Etcd.Grpc;

/// <summary>gRPC's envelope of a message: <c>compressed:u8 | length:be32 | message</c>.</summary>
internal static class GrpcFrame
{
    internal const int HeaderLength = 5;

    // Of 100,000 leases. More is no answer, it is a mistake on the wire.
    private const int MaxLength = 64 << 20;

    internal static byte[] Wrap(ReadOnlySpan<byte> message)
    {
        byte[] frame = new byte[HeaderLength + message.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), message.Length);
        message.CopyTo(frame.AsSpan(HeaderLength));
        return frame;
    }

    /// <summary>The next message; null at the end of the stream.</summary>
    /// <exception cref="InvalidDataException">Compressed, which nobody asked for.</exception>
    /// <exception cref="MessageTooLongException">Longer than any answer.</exception>
    /// <exception cref="EndOfStreamException">The stream ends inside a frame.</exception>
    internal static async ValueTask<byte[]?> ReadAsync(Stream stream, CancellationToken cancellationToken)
    {
        byte[] header = new byte[HeaderLength];
        int read = await stream.ReadAtLeastAsync(header, HeaderLength, throwOnEndOfStream: false, cancellationToken);
        if (read == 0)
        {
            return null;
        }

        if (read < HeaderLength)
        {
            throw new EndOfStreamException("the answer ends inside a frame's header");
        }

        uint length = BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(1));
        if (header[0] != 0)
        {
            throw new InvalidDataException($"not a gRPC frame: flags {header[0]}, {length} bytes");
        }

        if (length > MaxLength)
        {
            throw new MessageTooLongException($"an answer of {length} bytes, {MaxLength} are the most");
        }

        byte[] message = new byte[length];
        await stream.ReadExactlyAsync(message, cancellationToken);
        return message;
    }
}

/// <summary>A message that is too long to be read into memory.</summary>
internal sealed class MessageTooLongException(string message) : Exception(message);
