using System.Collections.Immutable;
using FlannelCni.Agent.Installation;

namespace FlannelCni.UnitTests.Installation;

/// <summary>Which protocol versions are offered to the container runtime.</summary>
public sealed class VersionPlanTests
{
    private const string To100 = "0.1.0,0.2.0,0.3.0,0.3.1,0.4.0,1.0.0";
    private const string To110 = "0.1.0,0.2.0,0.3.0,0.3.1,0.4.0,1.0.0,1.1.0";

    [Theory]
    [InlineData("0.3.1", null, To110, To110, "0.3.1", "0.3.1,0.4.0,1.0.0,1.1.0")]
    [InlineData("0.3.1", null, To110, To100, "0.3.1", "0.3.1,0.4.0,1.0.0")]
    [InlineData("1.0.0", null, To110, To100, "1.0.0", "")]
    [InlineData("1.0.0", null, To110, To110, "1.0.0", "1.0.0,1.1.0")]
    [InlineData("0.3.1", "0.3.1", To110, To110, "0.3.1", "")]
    [InlineData("0.3.1", "0.3.1,1.0.0", To110, To110, "0.3.1", "0.3.1,1.0.0")]
    [InlineData("0.3.1", "1.0.0", To110, To110, "0.3.1", "1.0.0")]
    public void Versions_go_up_to_the_highest_that_all_support(
        string version, string? versions, string one, string other, string kept, string offered)
    {
        VersionPlan plan = VersionPlan.Make(version, Split(versions), [Split(one)!.Value, Split(other)!.Value]);

        Assert.Equal(kept, plan.Version);
        Assert.Equal(offered, string.Join(',', plan.Versions));
        Assert.Null(plan.Warning);
    }

    [Theory]
    [InlineData("1.1.0", null, To100, "1.0.0", "", "version 1.1.0, so that it is 1.0.0")]
    [InlineData("0.3.1", null, "0.4.0,1.0.0", "0.4.0", "0.4.0,1.0.0", "version 0.3.1, so that it is 0.4.0")]
    [InlineData("0.3.1", "0.3.1,1.1.0", To100, "0.3.1", "", "support 1.1.0 of")]
    [InlineData("0.3.1", null, "0.9.9,nonsense", "0.9.9", "", "version 0.3.1, so that it is 0.9.9")]
    [InlineData("0.3.1", null, "nonsense", "0.3.1", "", "no version that all plugins support")]
    public void A_version_that_a_plugin_does_not_support_is_not_offered(
        string version, string? versions, string supported, string kept, string offered, string warning)
    {
        VersionPlan plan = VersionPlan.Make(version, Split(versions), [Split(supported)!.Value]);

        Assert.Equal(kept, plan.Version);
        Assert.Equal(offered, string.Join(',', plan.Versions));
        Assert.Contains(warning, plan.Warning, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"cniVersion": "1.1.0", "supportedVersions": ["0.4.0", "1.0.0"]}""", "0.4.0,1.0.0")]
    [InlineData("""{"cniVersion": "0.2.0"}""", "0.1.0,0.2.0")]
    [InlineData("""{"cniVersion": "0.2.0", "code": 4, "msg": "unknown CNI_COMMAND: VERSION"}""", "0.1.0,0.2.0")]
    [InlineData("""{"code": 4, "msg": "unknown CNI_COMMAND: VERSION"}""", "0.1.0")]
    public void Plugins_of_every_age_are_understood(string answer, string versions)
    {
        Assert.Equal(versions, string.Join(',', PluginVersions.Parse(System.Text.Encoding.UTF8.GetBytes(answer))));
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"supportedVersions": []}""")]
    [InlineData("""{"supportedVersions": [1]}""")]
    [InlineData("""{"cniVersion": "1.0.0"}""")]
    public void What_names_no_versions_is_no_answer(string answer)
    {
        Assert.Throws<FormatException>(() => PluginVersions.Parse(System.Text.Encoding.UTF8.GetBytes(answer)));
    }

    private static ImmutableArray<string>? Split(string? list) => list is null ? null : [.. list.Split(',')];
}
