using System.Text;
using FlannelCni.Linux.Processes;
using FlannelCni.Plugin.Delegates;
using FlannelCni.Plugin.Spec;
using FlannelCni.TestKit;

namespace FlannelCni.UnitTests.Plugin.Delegates;

/// <summary>Other plugins: where they are, and what their failures say.</summary>
public sealed class PluginTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_first_folder_that_has_a_file_of_the_name_counts()
    {
        Directory.CreateDirectory(_folder.File("one/host-local"));
        Directory.CreateDirectory(_folder.File("two"));
        Directory.CreateDirectory(_folder.File("three"));
        File.WriteAllText(_folder.File("program"), "");
        File.CreateSymbolicLink(_folder.File("two/host-local"), _folder.File("program"));
        File.WriteAllText(_folder.File("three/host-local"), "");

        string found = PluginProgram.Find(
            "host-local", [_folder.File("none"), _folder.File("one"), _folder.File("two"), _folder.File("three")]);

        Assert.Equal(_folder.File("two/host-local"), found);
    }

    [Theory]
    [InlineData("host-local", "/a /b", "failed to find plugin \"host-local\" in path [/a /b]")]
    [InlineData("", "/a", "no plugin name provided")]
    [InlineData("../x", "/a", "invalid plugin name: ../x")]
    [InlineData("x", "", "no paths provided")]
    public void A_plugin_that_is_not_there_is_named(string type, string folders, string expected)
    {
        CniException e = Assert.Throws<CniException>(
            () => PluginProgram.Find(type, folders.Split(' ', StringSplitOptions.RemoveEmptyEntries)));

        Assert.Equal(expected, e.Message);
    }

    [Theory]
    [InlineData("""{"code":11,"msg":"m","details":"d"}""", "ignored", 11, "m", "d")]
    [InlineData("""{"code":1234,"msg":"m"}""", "", 1234, "m", "")]
    [InlineData("", "boom\n", 0, "netplugin failed: \"boom\": exit status 3", "")]
    [InlineData("", "", 0, "netplugin failed with no error message: exit status 3", "")]
    [InlineData(
        "oops",
        "",
        0,
        "netplugin failed but error parsing its diagnostic message \"oops\": "
        + "invalid character 'o' looking for beginning of value",
        "")]
    public void A_failure_is_passed_on(string output, string error, int code, string message, string details)
    {
        ChildResult result = new(3, Encoding.UTF8.GetBytes(output), Encoding.UTF8.GetBytes(error));

        CniException e = PluginCall.Error(result);

        Assert.Equal((CniErrorCode)code, e.Code);
        Assert.Equal(message, e.Message);
        Assert.Equal(details, e.Details);
    }
}
