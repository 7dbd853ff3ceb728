using System.Text;

namespace FlannelCni.TestKit.Fuzzing;

/// <summary>Inputs that are nearly right: one of a corpus with a few things wrong.</summary>
/// <param name="seed">The same one, the same inputs.</param>
public sealed class Mutator(IReadOnlyList<byte[]> corpus, int seed)
{
    private const int MaxChanges = 4;
    private const int MaxLength = 1 << 16;

    private static readonly string[] s_words =
    [
        "null", "true", "[]", "{}", "-1", "0", "1e309", "-0.5", "4294967296", "2147483648", "1e15", "\"\"",
        "\"\\u0000\"", "\"\\ud800\"", "\"0.3.1\"", "\"1.1.0\"", "\"0.2.0\"", "\"9.9.9\"", "\"10.0.0.0/33\"",
        "\"::ffff:1.2.3.4/96\"",
        "\"fe80::1%eth0\"", "\"0.0.0.0/0\"", "\"255.255.255.255/32\"", "\"../../etc\"", "\"eth0\\n\"", "\"cni0\"",
        "10.0.0.1", "FLANNEL_MTU=", "FLANNEL_NETWORK=", "=", ";", ",", ":", "/", "\r\n", "\n", "\0", "MAC=", "\u00e9",
        "\U0001F600", "IgnoreUnknown=1", "{\"a\":", "[[[[[[[[", "]]", "}}", "\"", "\\",
    ];

    private readonly Random _random = new(seed);

    /// <summary>The next input.</summary>
    public byte[] Next()
    {
        List<byte> input = [.. Pick(corpus)];
        for (int changes = _random.Next(1, MaxChanges + 1); changes > 0; changes--)
        {
            Change(input);
        }

        return input.Count <= MaxLength ? [.. input] : [.. input[..MaxLength]];
    }

    private void Change(List<byte> input)
    {
        int at = _random.Next(input.Count + 1);
        int length = Math.Min(_random.Next(1, 17), input.Count - at);
        switch (_random.Next(8))
        {
            case 0 when at < input.Count:
                input[at] ^= (byte)(1 << _random.Next(8));
                break;
            case 1:
                input.InsertRange(at, Encoding.UTF8.GetBytes(Pick(s_words)));
                break;
            case 2:
                input.RemoveRange(at, length);
                break;
            case 3:
                input.InsertRange(at, input.GetRange(at, length));
                break;
            case 4:
                byte[] other = Pick(corpus);
                int from = _random.Next(other.Length + 1);
                input.InsertRange(at, other[from..Math.Min(other.Length, from + 64)]);
                break;
            case 5:
                input.Insert(at, (byte)_random.Next(256));
                break;
            case 6 when _random.Next(8) == 0:
                input.RemoveRange(at, input.Count - at);
                break;
            default:
                ReplaceToken(input, at);
                break;
        }
    }

    /// <summary>A whole value or word becomes another, so that the rest still means something.</summary>
    private void ReplaceToken(List<byte> input, int at)
    {
        int start = at;
        while (start > 0 && !IsBorder(input[start - 1]))
        {
            start--;
        }

        int end = at;
        while (end < input.Count && !IsBorder(input[end]))
        {
            end++;
        }

        input.RemoveRange(start, end - start);
        input.InsertRange(start, Encoding.UTF8.GetBytes(Pick(s_words)));
    }

    private static bool IsBorder(byte value) =>
        value is (byte)',' or (byte)':' or (byte)'{' or (byte)'}' or (byte)'[' or (byte)']' or (byte)' ' or (byte)'\n'
            or (byte)'=' or (byte)';';

    private T Pick<T>(IReadOnlyList<T> items) => items[_random.Next(items.Count)];
}
