using FlannelCni.Plugin.Commands;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.UnitTests.Plugin.Commands;

/// <summary>The order of a DEL.</summary>
public sealed class DelCommandTests
{
    private readonly Recording _recording = new();

    [Fact]
    public void IPAM_starts_up_while_the_link_goes_and_releases_after_it()
    {
        Run(isKnown: true);

        Assert.Equal(
            ["prepare release", "disconnect", "begin release", "disconnected", "release", "end of release"],
            _recording.Events);
    }

    [Fact]
    public void While_the_link_is_there_nothing_is_released()
    {
        _recording.Failing.Add("disconnect");

        CniException e = Assert.Throws<CniException>(() => Run(isKnown: true));

        Assert.Equal("disconnect failed", e.Message);
        Assert.DoesNotContain("begin release", _recording.Events);
        Assert.DoesNotContain("release", _recording.Events);
    }

    [Fact]
    public void A_missing_IPAM_plugin_is_an_error_once_the_link_is_gone()
    {
        _recording.Failing.Add("prepare release");

        CniException e = Assert.Throws<CniException>(() => Run(isKnown: true));

        Assert.Equal("prepare release failed", e.Message);
        Assert.Contains("disconnect", _recording.Events);
    }

    [Fact]
    public void For_an_attachment_that_nobody_knows_it_is_only_a_warning()
    {
        _recording.Failing.Add("prepare release");

        Run(isKnown: false);

        Assert.Equal("release the addresses: prepare release failed", _recording.Events[^1]);
    }

    private void Run(bool isKnown) => new DelCommand(
        new FakeIpam(_recording), new FakePodNetwork(_recording), masquerade: null, spoofCheck: null,
        _recording.Events.Add).Run(isKnown);
}
