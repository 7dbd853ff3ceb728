using System.Text;
using FlannelCni.Agent.Leases;
using FlannelCni.Agent.Leases.Etcd;
using FlannelCni.Agent.Leases.Etcd.Protocol;
using FlannelCni.Linux.Net;
using FlannelCni.TestKit;

namespace FlannelCni.UnitTests.Leases.Etcd;

public sealed class LeaseBookTests
{
    private static readonly LeaseKeys s_keys = new("/net");

    private readonly LogLines _log = new();
    private readonly LeaseBook _book;
    private readonly Lease _own = Own("10.5.1.0-24");
    private long _revision = 1;

    public LeaseBookTests() => _book = new LeaseBook(s_keys, _log);

    [Fact]
    public void A_list_takes_away_what_is_not_in_it_and_finds_what_changed()
    {
        _book.Apply(List(Kv(1, "192.0.2.1"), Kv(2, "192.0.2.2"), Kv(3, "192.0.2.3"), Kv(4, "192.0.2.4")), _own);

        HashSet<string> changed = _book.Apply(
            List(Kv(1, "192.0.2.1"), Kv(2, "192.0.2.22"), Kv(4, "192.0.2.4"), Kv(5, "192.0.2.5")), _own);

        Assert.Empty(_book.Doubted);

        Assert.Equal(["10.5.2.0-24", "10.5.3.0-24", "10.5.5.0-24"], changed.Order());
        Assert.Equal(["10.5.2.0-24", "10.5.4.0-24", "10.5.5.0-24"], _book.Peers.ByKey.Keys.Order());
    }

    [Fact]
    public void What_says_nothing_new_changes_nothing()
    {
        _book.Apply(List(Kv(2, "192.0.2.2")), _own);
        LeaseTable before = _book.Peers;

        Assert.Empty(_book.Apply(Events(Put(Kv(2, "192.0.2.2"))), _own));
        Assert.Empty(_book.Apply(Events(Delete(7)), _own));
        Assert.Equal(before.ByKey["10.5.2.0-24"], _book.Peers.ByKey["10.5.2.0-24"]);
    }

    [Fact]
    public void The_last_event_of_a_key_counts()
    {
        HashSet<string> changed = _book.Apply(
            Events(Put(Kv(2, "192.0.2.2")), Delete(2), Put(Kv(3, "192.0.2.3")), Put(Kv(3, "192.0.2.33"))), _own);

        Assert.Equal(["10.5.3.0-24"], changed);
        Assert.Equal("192.0.2.33", _book.Peers.ByKey["10.5.3.0-24"].Attributes.PublicIP.ToString());
    }

    [Fact]
    public void What_cannot_be_read_is_said_once_and_changes_nothing()
    {
        _book.Apply(List(Kv(2, "192.0.2.2")), _own);
        KeyValue bad = new("/net/subnets/10.5.2.0-24", "?"u8.ToArray(), 1, 99, 0);

        Assert.Empty(_book.Apply(Events(Put(bad)), _own));
        Assert.Empty(_book.Apply(List(bad), _own));
        Assert.Empty(_book.Apply(List(bad), _own));

        Assert.Equal(1, _book.Peers.Count);
        Assert.Single(_log.Lines);
    }

    [Fact]
    public void Most_peers_gone_while_nobody_watched_are_kept_until_it_is_believed()
    {
        _book.Apply(List(Kv(1, "192.0.2.1"), Kv(2, "192.0.2.2"), Kv(3, "192.0.2.3"), Kv(4, "192.0.2.4")), _own);

        Assert.Empty(_book.Apply(List(Kv(4, "192.0.2.4")), _own));
        Assert.Equal(["10.5.2.0-24", "10.5.3.0-24"], _book.Doubted.Keys.Order());
        List<KeyValuePair<string, int>> doubted = [.. _book.Doubted];
        Assert.False(_book.Has(_own));

        // One comes back, and is a new lease; one does not.
        Assert.Equal(
            ["10.5.2.0-24"], _book.Apply(Events(Put(Kv(2, "192.0.2.2") with { CreateRevision = 50 })), _own));
        Assert.Equal(["10.5.3.0-24"], _book.Believe(doubted, _own));
        Assert.Equal(["10.5.2.0-24", "10.5.4.0-24"], _book.Peers.ByKey.Keys.Order());
        Assert.Empty(_book.Doubted);
    }

    [Fact]
    public void Deletions_of_a_time_when_nobody_watched_are_doubted_like_a_list()
    {
        _book.Apply(List(Kv(2, "192.0.2.2"), Kv(3, "192.0.2.3"), Kv(4, "192.0.2.4")), _own);

        Assert.Empty(_book.Apply(Events(Delete(2), Delete(3)) with { Absence = Absence.Missed }, _own));
        Assert.Equal(3, _book.Peers.Count);
    }

    [Fact]
    public void Of_a_store_that_is_not_the_one_it_was_no_absence_is_believed()
    {
        _book.Apply(List(Kv(2, "192.0.2.2"), Kv(3, "192.0.2.3"), Kv(4, "192.0.2.4")), _own);

        Assert.Empty(
            _book.Apply(List(Kv(2, "192.0.2.2"), Kv(3, "192.0.2.3")) with { Absence = Absence.Unproven }, _own));
        Assert.Equal(["10.5.4.0-24"], _book.Doubted.Keys);
    }

    [Fact]
    public void When_our_own_lease_was_gone_too_a_single_peer_is_kept()
    {
        KeyValue own = Kv(1, "192.0.2.1");
        _book.Apply(List(own, Kv(2, "192.0.2.2"), Kv(3, "192.0.2.3"), Kv(4, "192.0.2.4")), _own);
        FeedBatch missed = Events(Delete(1), Delete(4), Put(own with { CreateRevision = 50 }));

        Assert.Empty(_book.Apply(missed with { Absence = Absence.Missed }, _own));
        Assert.Equal(["10.5.4.0-24"], _book.Doubted.Keys);
    }

    [Fact]
    public void What_is_believed_of_an_earlier_doubt_is_nothing_to_a_later_one()
    {
        _book.Apply(List(Kv(2, "192.0.2.2"), Kv(3, "192.0.2.3")), _own);
        _book.Apply(List(), _own);
        List<KeyValuePair<string, int>> doubted = [.. _book.Doubted];
        _book.Apply(Events(Put(Kv(2, "192.0.2.2")), Put(Kv(3, "192.0.2.3"))), _own);
        _book.Apply(List(), _own);

        Assert.Empty(_book.Believe(doubted, _own));
        Assert.Equal(2, _book.Believe([.. _book.Doubted], _own).Count);
    }

    [Fact]
    public void Deletions_heard_as_they_happen_are_believed_at_once()
    {
        _book.Apply(List(Kv(2, "192.0.2.2"), Kv(3, "192.0.2.3")), _own);

        Assert.Equal(["10.5.2.0-24", "10.5.3.0-24"], _book.Apply(Events(Delete(2), Delete(3)), _own).Order());
        Assert.Equal(0, _book.Peers.Count);
    }

    [Fact]
    public void A_doubted_peer_gives_way_to_whoever_takes_its_subnet()
    {
        _book.Apply(List(Kv(2, "192.0.2.2"), Kv(3, "192.0.2.3")), _own);
        _book.Apply(List(), _own);
        KeyValue dual = Kv(2, "192.0.2.9") with { Key = "/net/subnets/10.5.2.0-24&fd00::-64" };

        HashSet<string> changed = _book.Apply(Events(Put(dual)), _own);

        Assert.Equal(["10.5.2.0-24", "10.5.2.0-24&fd00::-64"], changed.Order());
        Assert.Equal(["10.5.3.0-24"], _book.ChangeOwn(Own("10.5.3.0-24")));
        Assert.Equal(["10.5.2.0-24&fd00::-64"], _book.Peers.ByKey.Keys);
    }

    [Fact]
    public void A_key_with_our_address_is_no_peer_whatever_its_name()
    {
        _book.Apply(List(Kv(1, "192.0.2.1"), Kv(9, "192.0.2.1")), _own);

        Assert.Equal(0, _book.Peers.Count);
        Assert.True(_book.Has(_own));
    }

    [Fact]
    public void A_subnet_that_was_ours_becomes_a_peers_when_we_have_another()
    {
        _book.Apply(List(Kv(1, "192.0.2.1")), _own);

        Assert.Empty(_book.Apply(Events(Put(Kv(1, "192.0.2.9")), Put(Kv(7, "192.0.2.1"))), _own));
        Assert.False(_book.Has(_own));
        Assert.Equal(["10.5.1.0-24"], _book.ChangeOwn(Own("10.5.7.0-24")));
        Assert.Equal(["10.5.1.0-24"], _book.Peers.ByKey.Keys);
    }

    [Fact]
    public void A_key_made_anew_is_another_lease()
    {
        _book.Apply(List(Kv(2, "192.0.2.2")), _own);

        KeyValue anew = Kv(2, "192.0.2.2") with { CreateRevision = 50 };

        Assert.Equal(["10.5.2.0-24"], _book.Apply(Events(Put(anew)), _own));
        Assert.Equal(new Seniority(50, "10.5.2.0-24"), _book.Peers.ByKey["10.5.2.0-24"].Seniority);
    }

    private static Lease Own(string key)
    {
        Assert.True(LeaseKey.TryParse(key, out SubnetPair pair));
        return LeaseReader.Compose(
            key, pair, new LeaseAttributes(IpAddr.Parse("192.0.2.1"), default, "", null, null), createRevision: 1);
    }

    private static FeedBatch List(params KeyValue[] kvs) => new(kvs, [], 1000, Absence.Missed);

    private static FeedBatch Events(params WatchEvent[] events) => new(null, events, 1000, Absence.Heard);

    private static WatchEvent Put(KeyValue kv) => new(false, kv);

    private static WatchEvent Delete(int number) =>
        new(true, new KeyValue($"/net/subnets/10.5.{number}.0-24", [], 0, 100, 0));

    private KeyValue Kv(int number, string publicIP) => new(
        $"/net/subnets/10.5.{number}.0-24",
        Encoding.UTF8.GetBytes($$"""{"PublicIP":"{{publicIP}}"}"""),
        CreateRevision: 1,
        ModRevision: _revision++,
        Lease: 0);
}
