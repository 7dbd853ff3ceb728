using System.Text;

namespace FlannelCni.Agent.Health;

/// <summary>The first line of an HTTP/1 request, RFC 9112 section 3; header fields do not matter here.</summary>
/// <param name="Path">Without query.</param>
internal readonly record struct HttpRequestHead(string Method, string Path)
{
    /// <summary>Bytes that a request may have before its body.</summary>
    internal const int MaxLength = 8192;

    internal bool IsHead => Method == "HEAD";

    /// <summary>Has all come that comes before the body?</summary>
    internal static bool IsComplete(ReadOnlySpan<byte> received) =>
        received.IndexOf("\r\n\r\n"u8) >= 0 || received.IndexOf("\n\n"u8) >= 0;

    /// <param name="status">What to answer where the result is false: 400 or 505.</param>
    internal static bool TryParse(ReadOnlySpan<byte> received, out HttpRequestHead head, out int status)
    {
        head = default;
        status = 400;
        int end = received.IndexOf((byte)'\n');
        ReadOnlySpan<byte> line = end < 0 ? [] : received[..end].TrimEnd((byte)'\r');
        if (line.ContainsAnyExceptInRange((byte)' ', (byte)'~'))
        {
            return false;
        }

        string[] words = Encoding.ASCII.GetString(line).Split(' ');
        if (words is not [{ Length: > 0 } method, { Length: > 0 } target, { } version]
            || !version.StartsWith("HTTP/", StringComparison.Ordinal))
        {
            return false;
        }

        if (version is not ("HTTP/1.1" or "HTTP/1.0"))
        {
            status = 505;
            return false;
        }

        head = new HttpRequestHead(method, PathOf(target));
        return true;
    }

    // "/healthz?verbose", or as a proxy sends it, "http://host:port/healthz".
    private static string PathOf(string target)
    {
        int scheme = target.IndexOf("://", StringComparison.Ordinal);
        if (scheme > 0 && target[0] != '/')
        {
            int slash = target.IndexOf('/', scheme + 3);
            target = slash < 0 ? "/" : target[slash..];
        }

        int query = target.IndexOf('?');
        return query < 0 ? target : target[..query];
    }
}
