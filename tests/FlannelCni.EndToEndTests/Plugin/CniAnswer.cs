using System.Text;
using System.Text.Json;
using FlannelCni.Linux.Processes;

namespace FlannelCni.EndToEndTests.Plugin;

/// <summary>How a call ended.</summary>
internal sealed record CniAnswer(int ExitStatus, string Output, string Error)
{
    /// <summary>Standard output: exactly one document.</summary>
    internal JsonElement Document
    {
        get
        {
            using JsonDocument document = JsonDocument.Parse(Output);
            return document.RootElement.Clone();
        }
    }

    internal int Code => Document.GetProperty("code").GetInt32();

    internal string Message => Document.GetProperty("msg").GetString() ?? "";

    internal string Details =>
        Document.TryGetProperty("details", out JsonElement details) ? details.GetString() ?? "" : "";

    internal static CniAnswer Of(ChildResult result) =>
        new(result.ExitStatus, Encoding.UTF8.GetString(result.Output), Encoding.UTF8.GetString(result.Error));

    /// <returns>The result.</returns>
    internal JsonElement Success()
    {
        Assert.True(ExitStatus == 0, $"{Output}{Error}");
        return Document;
    }

    internal void SilentSuccess()
    {
        Assert.True(ExitStatus == 0, $"{Output}{Error}");
        Assert.Equal("", Output);
    }

    internal void Failure(int code, string message)
    {
        Assert.Equal(1, ExitStatus);
        Assert.Equal(message, Message);
        Assert.Equal(code, Code);
    }
}
