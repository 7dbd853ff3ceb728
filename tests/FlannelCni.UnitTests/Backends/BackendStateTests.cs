using FlannelCni.Agent.Backends;
using FlannelCni.Linux.Net;

namespace FlannelCni.UnitTests.Backends;

public sealed class BackendStateTests
{
    private static readonly BackendState s_state = PlanInputs.Create("192.0.2.0/24").State;

    [Fact]
    public void Two_looks_at_the_same_are_equal()
    {
        BackendState again = PlanInputs.Create("192.0.2.0/24").State;

        Assert.Equal(s_state, again);
        Assert.Equal(s_state.GetHashCode(), again.GetHashCode());
    }

    [Fact]
    public void Whatever_differs_makes_another()
    {
        DeviceFacts device = s_state.Device(is6: false)!;
        BackendState[] others =
        [
            s_state with { Mtu = 1400 },
            s_state with { Attributes = s_state.Attributes with { BackendData = "{}" } },
            s_state with { Devices = [] },
            s_state with { Devices = [device] },
            s_state with { Devices = [device with { Index = 77 }, s_state.Device(is6: true)!] },
            s_state with { Devices = [device with { Mac = MacAddress.Parse("0e:00:00:00:00:99") }] },
            s_state with { OnLink = OnLinkNetworks.None },
            s_state with { Nexthops = NexthopObjects.Possible },
        ];

        Assert.All(others, static other => Assert.NotEqual(s_state, other));
    }

    [Fact]
    public void A_device_that_cannot_be_had_is_known_and_is_none_to_put_entries_on()
    {
        BackendState state = s_state with
        {
            Devices = [s_state.Device(is6: false)! with { Index = 0 }, s_state.Device(is6: true)!],
        };

        Assert.NotNull(state.Facts(is6: false));
        Assert.Null(state.Device(is6: false));
        Assert.NotNull(state.Device(is6: true));
    }
}
