using FlannelCni.Agent.DataPlane;
using FlannelCni.Agent.Leases;
using FlannelCni.Linux.Rtnetlink;

namespace FlannelCni.UnitTests.DataPlane;

public sealed class InboxTests
{
    private static readonly Lease s_own = new(
        "own", default, default, new LeaseAttributes(default, default, "vxlan", null, null), default);

    private readonly Inbox _inbox = new();

    [Fact]
    public async Task Many_causes_are_one_run()
    {
        _inbox.Post(Snapshot("a"));
        _inbox.Post(Events(2));
        _inbox.Post(Snapshot("b"));

        await _inbox.WaitAsync(TestContext.Current.CancellationToken);
        Work work = _inbox.Take();

        Assert.Equal(["a", "b"], work.ChangedLeases!.Order());
        Assert.Equal(2, work.Events.Count);
        Assert.False(work.IsFull);
        Task next = _inbox.WaitAsync(TestContext.Current.CancellationToken).AsTask();
        Assert.False(next.IsCompleted);
    }

    [Fact]
    public void The_newest_snapshot_counts()
    {
        LeaseSnapshot newest = Snapshot("b");
        _inbox.Post(Snapshot("a"));
        _inbox.Post(newest);

        Assert.Same(newest, _inbox.Take().Snapshot);
    }

    [Fact]
    public void A_snapshot_to_be_compared_whole_is_not_made_less_by_a_later_one()
    {
        _inbox.Post(new LeaseSnapshot(s_own, LeaseTable.Empty, null));
        _inbox.Post(Snapshot("a"));

        Assert.Null(_inbox.Take().ChangedLeases);
        Assert.Empty(_inbox.Take().ChangedLeases!);
    }

    [Fact]
    public void Too_many_notifications_are_a_full_run()
    {
        _inbox.Post(Events(4000));
        _inbox.Post(Events(4000));
        _inbox.Post(Events(1));

        Work work = _inbox.Take();

        Assert.True(work.IsFull);
        Assert.Empty(work.Events);
    }

    [Fact]
    public void What_is_taken_is_gone()
    {
        _inbox.Post(Snapshot("a"));
        _inbox.Post(Events(1));
        _inbox.PostFull();
        _inbox.Take();

        Work work = _inbox.Take();

        Assert.Null(work.Snapshot);
        Assert.Empty(work.Events);
        Assert.False(work.IsFull);
    }

    [Fact]
    public async Task A_cause_that_comes_between_waiting_and_taking_rings_again()
    {
        _inbox.PostFull();
        await _inbox.WaitAsync(TestContext.Current.CancellationToken);
        _inbox.Take();
        _inbox.Post(Events(1));

        await _inbox.WaitAsync(TestContext.Current.CancellationToken);

        Assert.Single(_inbox.Take().Events);
    }

    private static LeaseSnapshot Snapshot(params string[] changed) => new(s_own, LeaseTable.Empty, changed);

    private static RtnlEvent[] Events(int count) =>
        [.. Enumerable.Repeat(new RtnlEvent(RtnlEventKind.Link, IsDeleted: false, PortId: 0), count)];
}
