using System.Text;
using System.Text.Json.Nodes;
using FlannelCni.Agent.Leases.Kubernetes;
using FlannelCni.Agent.Leases.Kubernetes.Client.Parsing;
using FsCheck;
using FsCheck.Fluent;

namespace FlannelCni.UnitTests.Leases.Kubernetes;

/// <summary>Lists and watches as they stream, in both forms.</summary>
public sealed class NodeParserTests
{
    public static TheoryData<string> Forms => ["protobuf", "JSON"];

    [Theory]
    [MemberData(nameof(Forms))]
    public void A_list_becomes_its_nodes_its_version_and_its_next_page(string form)
    {
        ParsedNodes found = Feed(ListParser(form), List(form, "5000", "more"));

        Assert.Equal("5000", found.ResourceVersion);
        Assert.Equal("more", found.Continue);
        Assert.Equal([Samples.Node], Nodes(found));
        Assert.Equal(4711ul, Nodes(found)[0].ResourceVersion);
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void A_last_page_has_no_next_one(string form)
    {
        ParsedNodes found = Feed(ListParser(form), List(form, "5000", ""));

        Assert.Null(found.Continue);
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void A_list_says_the_same_however_its_bytes_come(string form)
    {
        byte[] list = List(form, "5000", "more");
        for (int chunk = 1; chunk < 40; chunk++)
        {
            INodeParser parser = ListParser(form);

            ParsedNodes found = Feed(parser, list, chunk);

            Assert.True(parser.IsComplete);
            Assert.Equal([Samples.Node], Nodes(found));
            Assert.Equal("more", found.Continue);
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void A_list_that_is_cut_anywhere_is_not_complete(string form)
    {
        // The envelope of protobuf ends in two empty fields, which may be cut off.
        byte[] list = List(form, "5000", "");
        int needed = form == "JSON" ? list.Length : list.Length - 4;
        for (int length = 0; length < needed; length++)
        {
            INodeParser parser = ListParser(form);

            _ = Feed(parser, list[..length]);

            Assert.False(parser.IsComplete, $"complete at {length} of {list.Length} bytes");
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void A_watch_becomes_its_events_in_their_order(string form)
    {
        ParsedNodes found = Feed(WatchParser(form), Events(form));

        Assert.Equal(
            [
                NodeEventKind.Added, NodeEventKind.Modified, NodeEventKind.Deleted, NodeEventKind.Bookmark,
                NodeEventKind.Error,
            ],
            found.Events.Select(static e => e.Kind));
        Assert.Equal(Samples.Node, found.Events[1].Node);
        Assert.Equal("4711", found.Events[2].ResourceVersion);
        Assert.Equal(new NodeEvent(NodeEventKind.Bookmark, null, "9000", null), found.Events[3]);
        Assert.Equal(new ApiStatus(410, "Expired", "too old ", 3), found.Events[4].Error);
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void A_watch_says_the_same_however_its_bytes_come(string form)
    {
        byte[] events = Events(form);
        for (int chunk = 1; chunk < 40; chunk++)
        {
            INodeParser parser = WatchParser(form);

            ParsedNodes found = Feed(parser, events, chunk);

            Assert.True(parser.IsComplete);
            Assert.Equal(5, found.Events.Count);
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void A_watch_that_is_cut_within_an_event_is_not_complete_and_keeps_those_before(string form)
    {
        byte[] first = form == "JSON"
            ? Samples.JsonEvent("ADDED", Samples.JsonWithKind())
            : Proto.Event("ADDED", "Node", Samples.Protobuf());
        int length = form == "JSON" ? first.Length - 1 : first.Length;
        for (int more = 1; more < length; more++)
        {
            INodeParser parser = WatchParser(form);

            ParsedNodes found = Feed(parser, [.. first, .. first[..more]]);

            Assert.False(parser.IsComplete, $"complete {more} bytes into the second event");
            Assert.Single(found.Events);
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void An_event_of_a_type_that_does_not_exist_yet_is_passed_over(string form)
    {
        byte[] events = form == "JSON"
            ?
            [
                .. Samples.JsonEvent("RENAMED", Samples.JsonWithKind()),
                .. Samples.JsonEvent("ADDED", Samples.JsonWithKind()),
            ]
            : [.. Proto.Event("RENAMED", "Node", []), .. Proto.Event("ADDED", "Node", Samples.Protobuf())];

        ParsedNodes found = Feed(WatchParser(form), events);

        Assert.Equal(NodeEventKind.Added, Assert.Single(found.Events).Kind);
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void A_list_of_something_else_is_refused(string form)
    {
        byte[] pods = form == "JSON"
            ? """{"kind":"PodList","metadata":{"resourceVersion":"1"},"items":[]}"""u8.ToArray()
            : Proto.Body("PodList", []);

        InvalidDataException e = Assert.Throws<InvalidDataException>(() => Feed(ListParser(form), pods));

        Assert.Contains("a PodList instead of a NodeList", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", false)]
    [InlineData("{}", true)]
    [InlineData("[]", true)]
    [InlineData("null", true)]
    [InlineData("<html>", true)]
    [InlineData("""{"kind":"NodeList","items":[}""", true)]
    [InlineData("""{"kind":"NodeList","items":[{"metadata":{"name":"a\xFF"}}]}""", true)]
    [InlineData("""{"kind":"NodeList","items":[]} and more""", true)]
    public void What_is_no_list_in_JSON_is_refused_or_not_complete(string text, bool isRefused)
    {
        INodeParser parser = ListParser("JSON");
        byte[] bytes = Encoding.Latin1.GetBytes(text);

        Exception? e = Record.Exception(() => Feed(parser, bytes));

        Assert.Equal(isRefused, e is InvalidDataException);
        Assert.False(parser.IsComplete && e is null);
    }

    [Fact]
    public void An_empty_list_of_Go_is_an_empty_list()
    {
        INodeParser parser = ListParser("JSON");

        ParsedNodes found = Feed(
            parser, """{"kind":"NodeList","metadata":{"resourceVersion":"7"},"items":null}"""u8.ToArray());

        Assert.True(parser.IsComplete);
        Assert.Equal("7", found.ResourceVersion);
        Assert.Empty(found.Events);
    }

    [Fact]
    public void JSON_that_is_nested_without_end_is_refused()
    {
        byte[] deep = [.. """{"kind":"NodeList","x":"""u8, .. Enumerable.Repeat((byte)'[', 100_000)];

        Assert.Throws<InvalidDataException>(() => Feed(ListParser("JSON"), deep));
    }

    [Fact]
    public void An_object_of_protobuf_that_nobody_could_hold_is_refused_by_its_length_alone()
    {
        byte[] rawOf34GB = [0x12, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F];
        byte[] itemOf2GB = [0x12, 0xFF, 0xFF, 0xFF, 0xFF, 0x07];
        byte[] list = [.. "k8s\0"u8, .. Proto.Field(1, Proto.Field(2, "NodeList")), .. rawOf34GB, .. itemOf2GB];

        Assert.Throws<InvalidDataException>(() => Feed(ListParser("protobuf"), list));
        Assert.Throws<InvalidDataException>(() => Feed(WatchParser("protobuf"), [0x7F, 0xFF, 0xFF, 0xFF]));
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void An_annotation_that_is_too_long_is_left_out_and_said(string form)
    {
        string huge = new('x', ParseLimits.TextSize + 1);
        JsonObject node = Samples.Json();
        node["metadata"]!["annotations"]!["flannel.alpha.coreos.com/backend-data"] = huge;
        byte[] list = form == "JSON" ? Samples.JsonList("1", "", node) : Proto.List("1", "", Proto.Message(
            Proto.Field(1, Proto.Message(
                Proto.Field(1, "worker-1"),
                Proto.Field(12, Proto.Message(
                    Proto.Field(1, "flannel.alpha.coreos.com/backend-data"), Proto.Field(2, huge)))))));

        ParsedNodes found = Feed(ListParser(form), list);

        Assert.Null(Nodes(found).Single().Annotations.BackendData);
        Assert.Contains(
            "Node worker-1: the annotation flannel.alpha.coreos.com/backend-data is longer than",
            found.Complaints[0],
            StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void A_node_without_anything_is_passed_over_and_one_without_annotations_is_not(string form)
    {
        byte[] list = form == "JSON"
            ? Samples.JsonList("1", "", new JsonObject(), JsonNode.Parse("""{"metadata":{"name":"bare"}}""")!)
            : Proto.List("1", "", [], Proto.Field(1, Proto.Field(1, "bare")));

        ParsedNodes found = Feed(ListParser(form), list);

        Assert.Equal(new NodeRecord { Name = "bare" }, Nodes(found).Single());
        Assert.Single(found.Complaints);
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Fields_of_one_node_never_show_in_the_next(string form)
    {
        byte[] list = form == "JSON"
            ? Samples.JsonList("1", "", Samples.Json(), JsonNode.Parse("""{"metadata":{"name":"bare"}}""")!)
            : Proto.List("1", "", Samples.Protobuf(), Proto.Field(1, Proto.Field(1, "bare")));

        ParsedNodes found = Feed(ListParser(form), list);

        Assert.Equal([Samples.Node, new NodeRecord { Name = "bare" }], Nodes(found));
    }

    [Fact]
    public void The_single_pod_CIDR_counts_where_there_are_no_others()
    {
        JsonObject node = Samples.Json();
        node["spec"] = new JsonObject { ["podCIDR"] = "10.9.0.0/24" };

        ParsedNodes found = Feed(ListParser("JSON"), Samples.JsonList("1", "", node));

        Assert.Equal(["10.9.0.0/24"], Nodes(found)[0].PodCidrs);
    }

    [Fact]
    public void JSON_with_escapes_and_other_types_where_texts_belong()
    {
        byte[] list =
            """
            {"kind":"NodeList","metadata":{"resourceVersion":"1"},"items":[{"kind":"Node",
             "metadata":{"name":"n\u0061me","uid":7,"annotations":{
               "flannel.alpha.coreos.com\/public-ip":"1\u002e2.3.4","flannel.alpha.coreos.com/backend-type":null}},
             "spec":"none","status":[1,{"a":[]}]}]}
            """u8.ToArray();

        NodeRecord node = Nodes(Feed(ListParser("JSON"), list)).Single();

        Assert.Equal(
            new NodeRecord { Name = "name", Annotations = new NodeAnnotations { PublicIP = "1.2.3.4" } }, node);
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Whatever_the_bytes_a_parser_ends_or_refuses(string form)
    {
        byte[] list = List(form, "5000", "more");
        byte[] events = Events(form);
        Gen<byte[]> flips = from seed in Gen.Choose(0, int.MaxValue - 1)
                            from count in Gen.Choose(1, 8)
                            from isList in ArbMap.Default.GeneratorFor<bool>()
                            select Flip(isList ? list : events, seed, count);
        Prop.ForAll(
            flips.ToArbitrary(),
            bytes => IsHandled(ListParser(form), bytes) && IsHandled(WatchParser(form), bytes)).Hold();
        Prop.ForAll<byte[]>(bytes => IsHandled(ListParser(form), [.. "k8s\0"u8, .. bytes])
            && IsHandled(WatchParser(form), [0, 0, 0, (byte)bytes.Length, .. bytes])).Hold();
    }

    private static byte[] Flip(byte[] bytes, int seed, int count)
    {
        Random random = new(seed);
        byte[] flipped = [.. bytes];
        for (int i = 0; i < count; i++)
        {
            flipped[random.Next(flipped.Length)] = (byte)random.Next(256);
        }

        return flipped;
    }

    private static bool IsHandled(INodeParser parser, byte[] bytes) =>
        Record.Exception(() => Feed(parser, bytes, 97)) is null or InvalidDataException;

    private static INodeParser ListParser(string form) =>
        form == "JSON" ? JsonNodeParser.OfList(Samples.Names) : new ProtoListParser(Samples.Names);

    private static INodeParser WatchParser(string form) =>
        form == "JSON" ? JsonNodeParser.OfWatch(Samples.Names) : new ProtoWatchParser(Samples.Names);

    private static byte[] List(string form, string version, string next) => form == "JSON"
        ? Samples.JsonList(version, next, Samples.Json())
        : Proto.List(version, next, Samples.Protobuf());

    private static byte[] Events(string form) => form == "JSON"
        ?
        [
            .. Samples.JsonEvent("ADDED", Samples.JsonWithKind()),
            .. Samples.JsonEvent("MODIFIED", Samples.JsonWithKind()),
            .. Samples.JsonEvent("DELETED", Samples.JsonWithKind()),
            .. """{"type":"BOOKMARK","object":{"kind":"Node","metadata":{"resourceVersion":"9000"}}}"""u8,
            .. """{"object":{"kind":"Status","status":"Failure","code":410,"reason":"Expired","message":"too old"""u8,
            .. """ ","details":{"retryAfterSeconds":3}},"type":"ERROR"}"""u8,
            (byte)'\n',
        ]
        :
        [
            .. Proto.Event("ADDED", "Node", Samples.Protobuf()),
            .. Proto.Event("MODIFIED", "Node", Samples.Protobuf()),
            .. Proto.Event("DELETED", "Node", Samples.Protobuf()),
            .. Proto.Event("BOOKMARK", "Node", Proto.Field(1, Proto.Field(6, "9000"))),
            .. Proto.Event("ERROR", "Status", Proto.Message(
                Proto.Field(2, "Failure"), Proto.Field(3, "too old "), Proto.Field(4, "Expired"),
                Proto.Field(5, Proto.Number(5, 3)), Proto.Number(6, 410))),
        ];

    /// <summary>As a body would be read: what is not consumed comes again, with more behind it.</summary>
    private static ParsedNodes Feed(INodeParser parser, byte[] bytes, int chunk = int.MaxValue)
    {
        int start = 0;
        for (int end = 0; end < bytes.Length;)
        {
            end = (int)Math.Min(bytes.Length, (long)end + chunk);
            start += parser.Parse(bytes.AsSpan(start..end));
        }

        return parser.Found;
    }

    private static List<NodeRecord> Nodes(ParsedNodes found) => [.. found.Events.Select(static e => e.Node!)];
}
