using FlannelCni.Plugin.Spec;

namespace FlannelCni.UnitTests.Plugin.Spec;

/// <summary>Which variables each verb needs, and what is wrong with those it has.</summary>
public sealed class CniEnvironmentTests
{
    private static readonly Dictionary<string, string> s_all = new()
    {
        ["CNI_CONTAINERID"] = "some-container-id",
        ["CNI_NETNS"] = "/some/netns/path",
        ["CNI_IFNAME"] = "eth0",
        ["CNI_ARGS"] = "some;extra;args",
        ["CNI_PATH"] = "/some/cni/path",
    };

    [Theory]
    [InlineData("ADD", "CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH")]
    [InlineData("CHECK", "CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH")]
    [InlineData("DEL", "CNI_CONTAINERID,CNI_IFNAME,CNI_PATH")]
    [InlineData("GC", "CNI_PATH")]
    [InlineData("STATUS", "CNI_PATH")]
    [InlineData("VERSION", "")]
    [InlineData("WHAT", "")]
    public void A_verb_needs_its_variables_and_no_others(string verb, string required)
    {
        foreach (string missing in s_all.Keys)
        {
            CniException? e = Refusal(verb, s_all.Where(pair => pair.Key != missing));

            Assert.Equal(required.Split(',').Contains(missing), e is not null);
            if (e is not null)
            {
                Assert.Equal(CniErrorCode.InvalidEnvironment, e.Code);
                Assert.Equal($"required env variables [{missing}] missing", e.Message);
            }
        }

        string? all = required.Length == 0 ? null : $"required env variables [{required}] missing";
        Assert.Equal(all, Refusal(verb, [])?.Message);
    }

    [Theory]
    [InlineData("CNI_CONTAINERID", "some-%%container-id", "invalid characters in containerID", "some-%%container-id")]
    [InlineData("CNI_CONTAINERID", "1234%%%", "invalid characters in containerID", "1234%%%")]
    [InlineData("CNI_CONTAINERID", "abc\n", "invalid characters in containerID", "abc\n")]
    [InlineData("CNI_CONTAINERID", "-abc", "invalid characters in containerID", "-abc")]
    [InlineData("CNI_CONTAINERID", "a/b", "invalid characters in containerID", "a/b")]
    [InlineData("CNI_CONTAINERID", "é", "invalid characters in containerID", "é")]
    [InlineData(
        "CNI_IFNAME",
        "1234567890123456",
        "interface name is too long",
        "interface name should be less than 16 characters")]
    [InlineData(
        "CNI_IFNAME", "éééééééé", "interface name is too long", "interface name should be less than 16 characters")]
    [InlineData("CNI_IFNAME", ".", "interface name is . or ..", "")]
    [InlineData("CNI_IFNAME", "..", "interface name is . or ..", "")]
    [InlineData("CNI_IFNAME", "a/b", "interface name contains / or : or whitespace characters", "")]
    [InlineData("CNI_IFNAME", "a:b", "interface name contains / or : or whitespace characters", "")]
    [InlineData("CNI_IFNAME", "a b", "interface name contains / or : or whitespace characters", "")]
    [InlineData("CNI_IFNAME", "a\u2003b", "interface name contains / or : or whitespace characters", "")]
    public void A_bad_name_is_refused_before_anything_that_is_missing(
        string variable, string value, string message, string details)
    {
        CniException? e = Refusal("ADD", [new(variable, value), new("CNI_CONTAINERID", "a")], firstWins: true);

        Assert.Equal(CniErrorCode.InvalidEnvironment, e?.Code);
        Assert.Equal(message, e?.Message);
        Assert.Equal(details, e?.Details);
    }

    [Fact]
    public void A_name_of_15_bytes_is_fine()
    {
        Assert.Null(Refusal("ADD", [new("CNI_IFNAME", "123456789012345"), .. s_all], firstWins: true));
    }

    [Theory]
    [InlineData("1", true)]
    [InlineData("True", true)]
    [InlineData("0", false)]
    [InlineData("yes", false)]
    [InlineData("", false)]
    public void The_own_namespace_is_allowed_by_exact_words(string value, bool expected)
    {
        CniEnvironment environment = CniEnvironment.Read(
            name => name == "CNI_NETNS_OVERRIDE" ? value : name == "CNI_COMMAND" ? "VERSION" : null);

        Assert.Equal(expected, environment.AllowsOwnNamespace);
    }

    private static CniException? Refusal(
        string verb, IEnumerable<KeyValuePair<string, string>> variables, bool firstWins = false)
    {
        Dictionary<string, string> given = new() { ["CNI_COMMAND"] = verb };
        foreach ((string name, string value) in variables)
        {
            if (!firstWins || !given.ContainsKey(name))
            {
                given[name] = value;
            }
        }

        return (CniException?)Record.Exception(() => CniEnvironment.Read(name => given.GetValueOrDefault(name)));
    }
}
