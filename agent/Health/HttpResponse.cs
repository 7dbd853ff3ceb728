using System.Globalization;
using System.Text;

namespace FlannelCni.Agent.Health;

/// <summary>A whole answer; the connection ends with it.</summary>
internal sealed record HttpResponse(int Status, string ContentType, string Body)
{
    internal static HttpResponse Text(int status, string body) => new(status, "text/plain; charset=utf-8", body);

    /// <summary>As it goes over the wire.</summary>
    /// <param name="withBody">False for HEAD.</param>
    internal byte[] ToBytes(DateTimeOffset now, bool withBody)
    {
        byte[] body = Encoding.UTF8.GetBytes(Body);
        string head = string.Create(CultureInfo.InvariantCulture, $"""
            HTTP/1.1 {Status} {ReasonPhrase(Status)}
            Date: {now:R}
            Content-Type: {ContentType}
            Content-Length: {body.Length}
            Connection: close


            """).ReplaceLineEndings("\r\n");
        return [.. Encoding.ASCII.GetBytes(head), .. withBody ? body : []];
    }

    private static string ReasonPhrase(int status) => status switch
    {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        408 => "Request Timeout",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "Internal Server Error",
    };
}
