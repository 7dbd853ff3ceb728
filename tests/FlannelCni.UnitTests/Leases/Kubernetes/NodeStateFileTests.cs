using System.Collections.Immutable;
using FlannelCni.Agent.Leases.Kubernetes;
using FlannelCni.TestKit;

namespace FlannelCni.UnitTests.Leases.Kubernetes;

public sealed class NodeStateFileTests : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly LogLines _log = new();
    private readonly NodeStateFile _file;

    public NodeStateFileTests() => _file = new NodeStateFile(_folder.Path, Nodes.Names, null, _log);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_was_written_is_read()
    {
        NodeRecord own = Nodes.Vxlan(1);
        own = own with { Annotations = own.Annotations with { NodePublicIP = "203.0.113.1" } };

        _file.Write("node-1", [own, Nodes.Dual(2)]);

        ImmutableDictionary<string, NodeRecord>? read = _file.Read("node-1");
        Assert.NotNull(read);
        Assert.Equal(own, read["node-1"]);
        Assert.Equal(Nodes.Dual(2), read["node-2"]);
        Assert.Equal("600", File.GetUnixFileMode(_folder.File("nodes.json")) is var mode
            ? Convert.ToString((int)mode, 8)
            : "");
    }

    [Fact]
    public void Five_thousand_nodes_come_back()
    {
        _file.Write("node-1", Enumerable.Range(1, 5000).Select(static i => Nodes.Vxlan(1) with { Name = $"node-{i}" }));

        Assert.Equal(5000, _file.Read("node-1")?.Count);
    }

    [Theory]
    [InlineData("\ud800")]
    [InlineData("a\nb\0\"\u2028</script>")]
    public void Whatever_text_somebody_wrote_into_an_annotation_does_no_harm(string data)
    {
        NodeRecord node = Nodes.Vxlan(2);
        node = node with { Annotations = node.Annotations with { BackendData = data } };

        _file.Write("node-1", [Nodes.Vxlan(1), node]);

        Assert.Equal(2, _file.Read("node-1")?.Count);
    }

    [Fact]
    public void No_file_is_nothing_to_say()
    {
        Assert.Null(_file.Read("node-1"));
        Assert.Empty(_log.Lines);
    }

    [Fact]
    public void That_of_another_node_is_not_used()
    {
        _file.Write("node-1", [Nodes.Vxlan(1), Nodes.Vxlan(2)]);

        Assert.Null(_file.Read("node-2"));
        Assert.Equal(1, _log.Count("it is node node-1's, this one is node-2"));
    }

    [Fact]
    public void That_of_another_annotation_prefix_is_not_used()
    {
        new NodeStateFile(_folder.Path, AnnotationNames.Of("example.com/a"), null, _log)
            .Write("node-1", [Nodes.Vxlan(1)]);

        Assert.Null(_file.Read("node-1"));
        Assert.Equal(1, _log.Count("its annotations have the prefix example.com/a-"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("""{"version":2,"node":"node-1","prefix":"flannel.alpha.coreos.com/"}""")]
    [InlineData("""{"version":"1"}""")]
    [InlineData("""{"version":1,"node":"node-1","prefix":"flannel.alpha.coreos.com/"}""")]
    [InlineData("""{"version":1,"node":"node-1","prefix":"flannel.alpha.coreos.com/"}{"name":"node-1"}""")]
    [InlineData("{\"version\":1,\"node\":\"node-1\",\"prefix\":\"flannel.alpha.coreos.com/\"}\n{\"name\":\"node-1\",")]
    [InlineData("{\"version\":1,\"node\":\"node-1\",\"prefix\":\"flannel.alpha.coreos.com/\"}\n{\"name\":1}")]
    [InlineData("{\"version\":1,\"node\":\"node-1\",\"prefix\":\"flannel.alpha.coreos.com/\"}\n[]")]
    [InlineData("{\"version\":1,\"node\":\"node-1\",\"prefix\":\"flannel.alpha.coreos.com/\"}\n"
        + "{\"name\":\"node-1\",\"podCIDRs\":{}}")]
    [InlineData("{\"version\":1,\"node\":\"node-1\",\"prefix\":\"flannel.alpha.coreos.com/\"}\n"
        + "{\"name\":\"node-1\",\"createdAt\":1e400}")]
    [InlineData("\0\0\0\0")]
    public void What_is_damaged_is_not_used_and_said(string content)
    {
        File.WriteAllText(_folder.File("nodes.json"), content);

        Assert.Null(_file.Read("node-1"));
        Assert.Equal(1, _log.Count("nodes.json is not used: "));
    }

    [Fact]
    public void A_disk_that_cannot_be_written_is_said_once()
    {
        NodeStateFile file = new(_folder.File("none"), Nodes.Names, null, _log);

        file.Write("node-1", [Nodes.Vxlan(1)]);
        file.Write("node-1", [Nodes.Vxlan(1)]);

        Assert.Equal(1, _log.Count("cannot be written, a start without the API would find no network"));
    }
}
