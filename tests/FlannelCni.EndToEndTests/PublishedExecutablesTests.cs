using FlannelCni.TestKit;

namespace FlannelCni.EndToEndTests;

/// <summary>The two files that <c>./build.sh build</c> leaves.</summary>
public sealed class PublishedExecutablesTests
{
    [Theory]
    [InlineData("flannel")]
    [InlineData("flanneld")]
    public void The_executable_is_published_and_may_be_executed(string name)
    {
        UnixFileMode mode = File.GetUnixFileMode(Repository.Executable(name));

        Assert.True(mode.HasFlag(UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute));
    }

    [Theory]
    [InlineData("2>&-")]
    [InlineData("<&- >&- 2>&-")]
    public void The_agent_starts_without_standard_streams(string closed) =>
        Shell.Run($"{Repository.Executable("flanneld")} --version {closed}");
}
