using System.Text;
using FlannelCni.Agent.Leases.Etcd;
using FlannelCni.Agent.Leases.Etcd.Grpc;
using FlannelCni.Agent.Leases.Etcd.Protocol;
using FlannelCni.TestKit;

namespace FlannelCni.UnitTests.Leases.Etcd;

/// <summary>Messages by their bytes: <c>field &lt;&lt; 3 | wire type, length, content</c>.</summary>
public sealed class ProtocolTests
{
    [Fact]
    public void A_range_of_keys()
    {
        byte[] message = new RangeRequest(KeyRange.Below("/s/"), KeysOnly: true).Write();

        Assert.Equal(
            Hex.Text(Hex.Bytes(
                "0A 03 2F732F" +    // key "/s/"
                "12 03 2F7330" +    // range_end "/s0"
                "40 01")),          // keys_only
            Hex.Text(message));
    }

    [Fact]
    public void A_transaction_that_creates_a_key()
    {
        byte[] message = new TxnRequest(
            Compare.IsAbsent(KeyRange.Single("k")),
            [RequestOp.Put("k", "v"u8.ToArray(), 300)],
            [RequestOp.Range(new RangeRequest(KeyRange.Single("k")))]).Write();

        Assert.Equal(
            Hex.Text(Hex.Bytes(
                "0A 05" +                  // compare: EQUAL and VERSION are 0, and left out
                "   1A 01 6B" +            //   key "k"
                "   20 00" +               //   version 0, of a oneof
                "12 0B" +                  // success
                "   12 09" +               //   request_put
                "      0A 01 6B" +         //     key "k"
                "      12 01 76" +         //     value "v"
                "      18 AC02" +          //     lease 300
                "1A 05" +                  // failure
                "   0A 03" +               //   request_range
                "      0A 01 6B")),        //     key "k"
            Hex.Text(message));
    }

    [Fact]
    public void A_guard_by_revision()
    {
        byte[] message = Compare.IsUnchanged(new KeyValue("k", [], 3, 5, 0)).Write();

        Assert.Equal(
            Hex.Text(Hex.Bytes(
                "10 02" +           // target MOD
                "1A 01 6B" +        // key "k"
                "30 05")),          // mod_revision 5
            Hex.Text(message));
    }

    [Fact]
    public void A_watch()
    {
        byte[] message = new WatchCreateRequest(new KeyRange("a", "b"), 7).Write();

        Assert.Equal(
            Hex.Text(Hex.Bytes(
                "0A 0C" +           // create_request
                "   0A 01 61" +     //   key
                "   12 01 62" +     //   range_end
                "   18 07" +        //   start_revision
                "   20 01" +        //   progress_notify
                "   40 01")),       //   fragment
            Hex.Text(message));
    }

    [Fact]
    public void A_watch_for_deletions()
    {
        byte[] message = new WatchCreateRequest(KeyRange.Single("a"), 7, DeletesOnly: true).Write();

        Assert.Equal(
            Hex.Text(Hex.Bytes(
                "0A 0C" +           // create_request
                "   0A 01 61" +     //   key
                "   18 07" +        //   start_revision
                "   20 01" +        //   progress_notify
                "   2A 01 00" +     //   filters NOPUT, packed
                "   40 01")),       //   fragment
            Hex.Text(message));
    }

    [Fact]
    public void A_guard_of_a_range()
    {
        byte[] message = Compare.IsAbsent(new KeyRange("a", "b")).Write();

        Assert.Equal(
            Hex.Text(Hex.Bytes(
                "1A 01 61" +        // key
                "20 00" +           // version 0
                "82 04 01 62")),    // range_end
            Hex.Text(message));
    }

    [Fact]
    public void A_grant_and_a_login()
    {
        Assert.Equal(Hex.Bytes("08 80A305 10 07"), Grant.WriteGrantRequest(7, 86400));
        Assert.Equal(Hex.Bytes("0A 01 75 12 01 70"), Authenticate.WriteRequest("u", "p"));
    }

    [Fact]
    public void An_answer_to_a_watch()
    {
        byte[] message = Hex.Bytes(
            "0A 06" +                  // header
            "   08 01" +               //   cluster_id 1
            "   10 02" +               //   member_id, nothing to us
            "   18 09" +               //   revision 9
            "10 00 18 01" +            // watch_id 0, created
            "5A 13" +                  // event, PUT
            "   12 11" +               //   kv
            "      0A 01 6B" +         //     key "k"
            "      10 03" +            //     create_revision
            "      18 08" +            //     mod_revision
            "      20 02" +            //     version, nothing to us
            "      2A 01 76" +         //     value "v"
            "      30 AC02 " +         //     lease 300
            "      38 00" +            //     a field of the future
            "5A 09" +                  // event
            "   08 01" +               //   DELETE
            "   12 05 0A 01 6B 18 09");

        WatchResponse response = ProtoReader.Parse(message, WatchResponse.Read);

        Assert.Equal(new ResponseHeader(1, 9), response.Header);
        Assert.True(response.Created);
        Assert.Equal([false, true], response.Events.Select(static e => e.IsDelete));
        KeyValue kv = response.Events[0].Kv;
        Assert.Equal(("k", "v", 3L, 8L, 300L),
            (kv.Key, Encoding.UTF8.GetString(kv.Value), kv.CreateRevision, kv.ModRevision, kv.Lease));
        Assert.Equal(9, response.Events[1].Kv.ModRevision);
    }

    [Theory]
    [InlineData("0A 06 08", "a length past the end")]
    [InlineData("12 02 0A 05", "a nested length past the end")]
    [InlineData("08 01", "a header that is a number")]
    [InlineData("0A FFFFFFFFFFFFFFFFFFFF01", "a length of ten bytes and more")]
    [InlineData("07", "a wire type that does not exist")]
    public void What_is_no_answer_is_an_error_of_etcd(string hex, string because)
    {
        EtcdException e = Assert.Throws<EtcdException>(
            () => ProtoReader.Parse(Hex.Bytes(hex), RangeResponse.Read));

        Assert.True(e.Status == GrpcStatus.Internal, because);
    }

    [Fact]
    public async Task Frames_are_read_until_the_stream_ends()
    {
        using MemoryStream stream = new([.. GrpcFrame.Wrap("one"u8), .. GrpcFrame.Wrap([])]);

        CancellationToken token = TestContext.Current.CancellationToken;
        Assert.Equal<byte[]>("one"u8.ToArray(), await GrpcFrame.ReadAsync(stream, token));
        Assert.Equal<byte[]>([], await GrpcFrame.ReadAsync(stream, token));
        Assert.Null(await GrpcFrame.ReadAsync(stream, token));
    }

    [Theory]
    [InlineData("01 00000001 00", typeof(InvalidDataException), "compressed")]
    [InlineData("00 7FFFFFFF", typeof(MessageTooLongException), "two gigabytes")]
    [InlineData("00 FFFFFFFF", typeof(MessageTooLongException), "four")]
    [InlineData("00 0000", typeof(EndOfStreamException), "half a header")]
    [InlineData("00 00000002 00", typeof(EndOfStreamException), "half a message")]
    public async Task What_is_no_frame_is_refused(string hex, Type exception, string because)
    {
        using MemoryStream stream = new(Hex.Bytes(hex));

        Exception? e = await Record.ExceptionAsync(
            () => GrpcFrame.ReadAsync(stream, TestContext.Current.CancellationToken).AsTask());

        Assert.True(e?.GetType() == exception, because);
    }
}
