using System.Collections.Immutable;
using FlannelCni.Agent.Leases.Kubernetes;
using FlannelCni.Agent.Leases.Kubernetes.Client.Watching;
using FlannelCni.Agent.Supervision;

namespace FlannelCni.UnitTests.Leases.Kubernetes;

public sealed class LatestNodesTests
{
    private static readonly NodeSnapshot s_one = new(ImmutableDictionary<string, NodeRecord>.Empty, ["a"]);
    private static readonly NodeSnapshot s_two = new(ImmutableDictionary<string, NodeRecord>.Empty, ["b"]);

    [Fact]
    public async Task Snapshots_that_nobody_has_read_become_one()
    {
        LatestNodes latest = new();
        latest.Post(s_one);
        latest.Post(s_two);

        NodeSnapshot taken = await latest.TakeAsync(CancellationToken.None);

        Assert.Equal(["a", "b"], taken.Changed!.Order());
    }

    [Fact]
    public async Task The_reader_gets_what_was_posted_last_and_then_the_reason_of_the_end_itself()
    {
        LatestNodes latest = new();
        AgentFatalException reason = new("somebody must act");
        latest.Post(s_one);
        latest.Complete(reason);

        Assert.Same(s_one, await latest.TakeAsync(CancellationToken.None));
        Assert.Same(
            reason,
            await Assert.ThrowsAsync<AgentFatalException>(() => latest.TakeAsync(CancellationToken.None)));
    }
}
