using FlannelCni.Plugin.Attachments;

namespace FlannelCni.UnitTests.Plugin;

/// <summary>Undoing.</summary>
public sealed class RollbackTests
{
    private readonly List<string> _events = [];

    [Fact]
    public void Steps_are_undone_newest_first()
    {
        using (Rollback rollback = new(_events.Add))
        {
            rollback.Add("one", () => _events.Add("one"));
            rollback.Add("two", () => _events.Add("two"));
        }

        Assert.Equal(["two", "one"], _events);
    }

    [Fact]
    public void A_failure_is_told_and_keeps_back_what_needs_a_clean_slate()
    {
        using (Rollback rollback = new(_events.Add))
        {
            rollback.AddIfClean("forget", () => _events.Add("forget"));
            rollback.Add("one", () => _events.Add("one"));
            rollback.Add("two", () => throw new InvalidOperationException("no way"));
        }

        Assert.Equal(["rollback: two: no way", "one"], _events);
    }

    [Fact]
    public void A_committed_command_is_not_undone()
    {
        using (Rollback rollback = new(_events.Add))
        {
            rollback.Add("one", () => _events.Add("one"));
            rollback.Commit();
        }

        Assert.Empty(_events);
    }
}
