using FlannelCni.Agent.Backends;

namespace FlannelCni.UnitTests.Backends;

public sealed class NexthopPolicyTests
{
    [Theory]
    [InlineData(1000, false, false)]
    [InlineData(1001, false, true)]
    [InlineData(801, true, true)]
    [InlineData(800, true, false)]
    [InlineData(0, false, false)]
    public void They_are_used_for_many_routes_and_kept_for_somewhat_fewer(int routes, bool isUsed, bool expected) =>
        Assert.Equal(expected, NexthopPolicy.IsWorthIt(NexthopObjects.Possible, routes, isUsed));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Where_there_are_none_they_are_not_used(bool isUsed) =>
        Assert.False(NexthopPolicy.IsWorthIt(NexthopObjects.Never, 15_000, isUsed));
}
