using FlannelCni.Agent.Leases.Etcd;
using FlannelCni.Agent.Leases.Etcd.Grpc;
using FlannelCni.Agent.Leases.Etcd.Protocol;

namespace FlannelCni.UnitTests.Leases.Etcd;

public sealed class StorePastTests
{
    private readonly StorePast _past = new();

    [Fact]
    public void Nothing_is_asked_of_a_store_that_was_just_listed()
    {
        _past.Learn(List(revision: 9, Kv("a", 5)));

        Assert.Null(_past.Question());
    }

    [Fact]
    public void The_key_written_last_is_asked_for_as_of_the_last_revision_seen()
    {
        _past.Learn(List(revision: 9, Kv("a", 5), Kv("b", 8), Kv("c", 2)));
        _past.Learn(Events(revision: 20, new WatchEvent(false, Kv("d", 12)), new WatchEvent(true, Kv("a", 13))));

        _past.Doubt();

        Assert.Equal(
            new RangeRequest(KeyRange.Single("d"), KeysOnly: true, Revision: 13), _past.Question());
    }

    [Fact]
    public void A_store_that_has_that_key_is_the_one_it_was()
    {
        _past.Learn(List(revision: 9, Kv("a", 5)));
        _past.Doubt();

        _past.Verify(List(revision: 30, Kv("a", 5)));
        _past.Verify(new ResponseHeader(1, 30));
    }

    [Theory]
    [InlineData(1, "a", 6)]
    [InlineData(1, null, 0)]
    [InlineData(2, "a", 5)]
    public void A_store_with_another_past_is_listed_again(long clusterId, string? key, long modRevision)
    {
        _past.Learn(List(revision: 9, Kv("a", 5)));
        _past.Doubt();
        RangeResponse answer = List(revision: 30, key is null ? [] : [Kv(key, modRevision)]);

        EtcdException e = Assert.Throws<EtcdException>(
            () => _past.Verify(answer with { Header = new ResponseHeader(clusterId, 30) }));

        Assert.Equal(GrpcStatus.OutOfRange, e.Status);
    }

    [Fact]
    public void A_revision_that_went_back_is_another_past()
    {
        _past.Learn(List(revision: 9, Kv("a", 5)));

        Assert.Throws<EtcdException>(() => _past.Verify(new ResponseHeader(1, 8)));
    }

    [Fact]
    public void Without_the_key_written_last_nothing_can_be_told()
    {
        _past.Learn(List(revision: 9, Kv("a", 5), Kv("b", 8)));
        _past.Learn(Events(revision: 10, new WatchEvent(true, Kv("b", 10))));
        _past.Doubt();

        EtcdException e = Assert.Throws<EtcdException>(() => _past.Question());

        Assert.Equal(GrpcStatus.OutOfRange, e.Status);
    }

    [Fact]
    public void A_revision_that_comes_in_several_messages_is_seen_with_the_last()
    {
        _past.Learn(List(revision: 9, Kv("a", 5)));

        _past.Learn(Events(revision: 12, new WatchEvent(false, Kv("b", 12))) with { Fragment = true });
        Assert.Equal(11, _past.Seen.Revision);

        _past.Learn(Events(revision: 12, new WatchEvent(false, Kv("c", 12))));
        Assert.Equal(12, _past.Seen.Revision);
    }

    private static KeyValue Kv(string key, long modRevision) => new(key, [], 1, modRevision, 0);

    private static RangeResponse List(long revision, params KeyValue[] kvs) =>
        new(new ResponseHeader(1, revision), kvs, More: false);

    private static WatchResponse Events(long revision, params WatchEvent[] events) =>
        new(new ResponseHeader(1, revision), false, false, 0, "", false, events);
}
