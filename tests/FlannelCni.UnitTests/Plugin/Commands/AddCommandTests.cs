using System.Text;
using FlannelCni.Plugin.Bridging;
using FlannelCni.Plugin.Commands;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.UnitTests.Plugin.Commands;

/// <summary>The order of an ADD, and what a failure at each step leaves: nothing.</summary>
public sealed class AddCommandTests
{
    private readonly Recording _recording = new();
    private readonly FakeScratch _scratch;

    public AddCommandTests() => _scratch = new FakeScratch(_recording);

    [Fact]
    public void The_scratch_file_is_first_and_IPAM_works_beside_the_links()
    {
        string printed = Run(new FakeIpam(_recording));

        Assert.Equal(
            [
                "look", "save", "start IPAM", "connect", "prepare", "IPAM answers", "configure", "IPAM",
                "end of IPAM",
            ],
            _recording.Events);
        Assert.Contains("10.1.17.2/24", printed, StringComparison.Ordinal);
    }

    [Fact]
    public void IPAM_that_looks_at_the_link_waits_for_it()
    {
        Run(new FakeIpam(_recording, needsNoLink: false));

        Assert.Equal(
            ["look", "save", "connect", "prepare", "start IPAM", "IPAM answers", "configure", "IPAM", "end of IPAM"],
            _recording.Events);
    }

    [Fact]
    public void Without_IPAM_it_is_pure_layer_2()
    {
        string printed = Run(null);

        Assert.Equal(["look", "save", "connect", "prepare", "configure layer 2"], _recording.Events);
        Assert.DoesNotContain("ips", printed, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("look", "")]
    [InlineData("save", "")]
    [InlineData("start IPAM", "forget")]
    [InlineData("connect", "end of IPAM, prepare release, release, end of release, forget")]
    [InlineData("prepare", "end of IPAM, disconnect, disconnected, prepare release, release, end of release, forget")]
    [InlineData(
        "IPAM answers", "end of IPAM, disconnect, disconnected, prepare release, release, end of release, forget")]
    [InlineData("configure", "end of IPAM, disconnect, disconnected, prepare release, release, end of release, forget")]
    [InlineData("IPAM", "end of IPAM, disconnect, disconnected, prepare release, release, end of release, forget")]
    public void A_failing_step_is_the_error_and_all_before_it_is_undone(string failing, string expected)
    {
        _recording.Failing.Add(failing);

        CniException e = Assert.Throws<CniException>(() => Run(new FakeIpam(_recording)));

        Assert.Equal($"{failing} failed", e.Message);
        Assert.Equal(CniErrorCode.TryAgainLater, e.Code);
        int at = _recording.Events.IndexOf(failing);
        Assert.Equal(expected, string.Join(", ", _recording.Events[(at + 1)..]));
    }

    [Theory]
    [InlineData("disconnect")]
    [InlineData("release")]
    public void An_undo_that_fails_leaves_the_scratch_file_for_DEL(string undo)
    {
        _recording.Failing.UnionWith(["configure", undo]);

        CniException e = Assert.Throws<CniException>(() => Run(new FakeIpam(_recording)));

        Assert.Equal("configure failed", e.Message);
        Assert.NotNull(_scratch.Content);
        Assert.Contains(_recording.Events, what => what.StartsWith("rollback: ", StringComparison.Ordinal));
    }

    [Fact]
    public void Another_networks_scratch_file_is_put_back()
    {
        _scratch.Content = [1, 2, 3];
        _recording.Failing.Add("connect");

        Assert.Throws<CniException>(() => Run(new FakeIpam(_recording)));

        Assert.Equal([1, 2, 3], _scratch.Content);
    }

    [Fact]
    public void A_result_that_the_version_cannot_say_is_undone_too()
    {
        CniException e = Assert.Throws<CniException>(() => Run(null, "0.2.0"));

        Assert.Equal("cannot convert: no valid IP addresses", e.Message);
        Assert.Equal(["disconnect", "disconnected", "forget"], _recording.Events[^3..]);
    }

    [Fact]
    public void Masquerade_rules_that_cannot_be_added_are_looked_for_all_the_same()
    {
        _recording.Failing.Add("masquerade");

        Assert.Throws<CniException>(() => Run(new FakeIpam(_recording), masquerade: new FakeMasquerade(_recording)));

        Assert.Equal(
            ["masquerade", "no masquerade", "disconnect"],
            _recording.Events.Where(static e => e is "masquerade" or "no masquerade" or "disconnect"));
    }

    [Theory]
    [InlineData("only 0e:00:00:00:00:01 by veth1")]
    [InlineData("IPAM answers")]
    public void A_spoof_check_is_there_before_the_pod_has_an_address_and_undone(string failing)
    {
        _recording.Failing.Add(failing);

        Assert.Throws<CniException>(() => Run(new FakeIpam(_recording), spoofCheck: new FakeSpoofCheck(_recording)));

        Assert.Equal(
            ["prepare", "only 0e:00:00:00:00:01 by veth1"],
            _recording.Events.SkipWhile(static e => e != "prepare").Take(2));
        Assert.Equal(
            ["no spoof check", "disconnect"],
            _recording.Events.Where(static e => e is "no spoof check" or "disconnect"));
    }

    private string Run(
        FakeIpam? ipam,
        string version = "0.3.1",
        FakeMasquerade? masquerade = null,
        FakeSpoofCheck? spoofCheck = null)
    {
        AddCommand command = new(
            _scratch, ipam, new FakePodNetwork(_recording), masquerade, spoofCheck, _recording.Events.Add);
        return Encoding.UTF8.GetString(command.Run(new BridgeConf { IsGateway = true }, [9], version));
    }
}
