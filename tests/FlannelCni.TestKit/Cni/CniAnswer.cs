using System.Text;
using System.Text.Json;
using FlannelCni.Linux.Processes;
using Xunit;

namespace FlannelCni.TestKit.Cni;

/// <summary>How a call ended.</summary>
public sealed record CniAnswer(int ExitStatus, string Output, string Error)
{
    /// <summary>Standard output: exactly one document.</summary>
    public JsonElement Document
    {
        get
        {
            using JsonDocument document = JsonDocument.Parse(Output);
            return document.RootElement.Clone();
        }
    }

    public int Code => Document.GetProperty("code").GetInt32();

    public string Message => Document.GetProperty("msg").GetString() ?? "";

    public string Details =>
        Document.TryGetProperty("details", out JsonElement details) ? details.GetString() ?? "" : "";

    public static CniAnswer Of(ChildResult result) =>
        new(result.ExitStatus, Encoding.UTF8.GetString(result.Output), Encoding.UTF8.GetString(result.Error));

    /// <returns>The result.</returns>
    public JsonElement Success()
    {
        Assert.True(ExitStatus == 0, $"{Output}{Error}");
        return Document;
    }

    public void SilentSuccess()
    {
        Assert.True(ExitStatus == 0, $"{Output}{Error}");
        Assert.Equal("", Output);
    }

    public void Failure(int code, string message)
    {
        Assert.Equal(1, ExitStatus);
        Assert.Equal(message, Message);
        Assert.Equal(code, Code);
    }
}
