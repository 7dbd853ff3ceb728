using System.Text.Json.Nodes;
using FlannelCni.TestKit.KubeApi;

namespace FlannelCni.IntegrationTests.KubeApi;

/// <summary>
/// Which version a list or watch is of: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions.
/// </summary>
public sealed class ListWatchTests : IAsyncLifetime
{
    private const string Nodes = "/api/v1/nodes";

    private KubeApiServer _server = null!;
    private ApiClient _client = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await KubeApiServer.StartAsync(new KubeApiOptions
        {
            BookmarkInterval = TimeSpan.FromMilliseconds(50),
        });
        _client = new ApiClient(_server);
        foreach (string name in (string[])["a", "b", "c"])
        {
            _server.Nodes.Add(NodeTemplate.Create(name, null, "192.0.2.1"));
        }
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _server.DisposeAsync();
    }

    [Theory]
    [InlineData("")]
    [InlineData("?resourceVersion=0")]
    [InlineData("?resourceVersion=0&limit=1")] // the cache answers, which knows no pages
    [InlineData("?resourceVersion=2&resourceVersionMatch=NotOlderThan")]
    public async Task A_list_shows_what_is_there_now(string query)
    {
        (int status, JsonNode list) = await _client.GetAsync(Nodes + query);

        Assert.Equal(200, status);
        Assert.Equal(["a", "b", "c"], Names(list));
        Assert.Equal(Version, Version_(list));
    }

    [Fact]
    public async Task An_exact_list_shows_what_was()
    {
        long before = _server.ResourceVersion;
        _server.Nodes.Delete("b");

        (_, JsonNode list) = await _client.GetAsync($"{Nodes}?resourceVersion={before}&resourceVersionMatch=Exact");

        Assert.Equal(["a", "b", "c"], Names(list));
        Assert.Equal(before, Version_(list));
    }

    [Fact]
    public async Task Pages_are_of_one_version_and_expire()
    {
        (_, JsonNode first) = await _client.GetAsync($"{Nodes}?limit=2");
        string next = (string)first["metadata"]!["continue"]!;
        _server.Nodes.Delete("c");

        (_, JsonNode second) = await _client.GetAsync($"{Nodes}?limit=2&continue={Uri.EscapeDataString(next)}");

        Assert.Equal(["a", "b"], Names(first));
        Assert.Equal(1, (int)first["metadata"]!["remainingItemCount"]!);
        Assert.Equal(["c"], Names(second));
        Assert.Equal(Version_(first), Version_(second));
        Assert.Null(second["metadata"]!["continue"]);

        _server.Compact();
        (int status, JsonNode error) = await _client.GetAsync(
            $"{Nodes}?limit=2&continue={Uri.EscapeDataString(next)}");
        Assert.Equal((410, "Expired"), (status, (string)error["reason"]!));
    }

    [Theory]
    [InlineData("resourceVersionMatch=Exact", 422)]
    [InlineData("resourceVersion=0&resourceVersionMatch=Exact", 422)]
    [InlineData("resourceVersion=1&resourceVersionMatch=Newest", 422)]
    [InlineData("sendInitialEvents=true", 422)]
    [InlineData("watch=true&sendInitialEvents=true", 422)]
    [InlineData("resourceVersion=abc", 400)]
    [InlineData("fieldSelector=spec.podCIDR=10.1.0.0/24", 400)]
    [InlineData("continue=abc", 400)]
    [InlineData("resourceVersion=99999", 504)]
    public async Task Options_that_make_no_sense_are_refused(string query, int expected)
    {
        (int status, JsonNode error) = await _client.GetAsync($"{Nodes}?{query}");

        Assert.Equal((expected, "Status"), (status, (string)error["kind"]!));
    }

    [Fact]
    public async Task A_watch_goes_on_from_a_version_and_ends_in_time()
    {
        long before = _server.ResourceVersion;
        _server.Nodes.Update("a", static node => node["metadata"]!["labels"]!["x"] = "y");
        _server.Nodes.Delete("b");

        List<(string, string)> seen = [];
        await foreach ((string kind, JsonNode node) in _client.WatchAsync(
            $"{Nodes}?watch=true&resourceVersion={before}&timeoutSeconds=1"))
        {
            seen.Add((kind, (string)node["metadata"]!["name"]!));
        }

        Assert.Equal([("MODIFIED", "a"), ("DELETED", "b")], seen);
    }

    [Fact]
    public async Task A_watch_that_sends_the_list_says_where_it_ends()
    {
        List<string> seen = [];
        await foreach ((string kind, JsonNode node) in _client.WatchAsync(
            $"{Nodes}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"))
        {
            seen.Add(kind);
            if ((string?)node["metadata"]!["annotations"]?["k8s.io/initial-events-end"] == "true")
            {
                break;
            }
        }

        Assert.Equal(["ADDED", "ADDED", "ADDED", "BOOKMARK"], seen);
    }

    [Fact]
    public async Task Bookmarks_keep_up_with_changes_of_other_kinds()
    {
        _server.Events.Add("""{"metadata":{"generateName":"x"},"involvedObject":{"namespace":"default"}}""", "default");

        await foreach ((string kind, JsonNode node) in _client.WatchAsync(
            $"{Nodes}?watch=true&resourceVersion={_server.ResourceVersion - 1}&allowWatchBookmarks=true"))
        {
            Assert.Equal(("BOOKMARK", Version), (kind, Version_(node)));
            break;
        }
    }

    [Fact]
    public async Task A_watch_from_a_compacted_version_is_told_so()
    {
        long before = _server.ResourceVersion;
        _server.Nodes.Delete("b");
        _server.Compact();

        await foreach ((string kind, JsonNode error) in _client.WatchAsync(
            $"{Nodes}?watch=true&resourceVersion={before}"))
        {
            Assert.Equal(("ERROR", 410, "Expired"), (kind, (int)error["code"]!, (string)error["reason"]!));
        }
    }

    [Fact]
    public async Task An_object_that_is_no_longer_selected_is_deleted_for_the_watch()
    {
        _server.Nodes.Update("a", static node => node["metadata"]!["labels"]!["x"] = "y");

        List<string> seen = [];
        await foreach ((string kind, JsonNode _) in _client.WatchAsync($"{Nodes}?watch=true&labelSelector=x%3Dy"))
        {
            seen.Add(kind);
            if (seen.Count == 2)
            {
                break;
            }

            _server.Nodes.Update("a", static node => node["metadata"]!["labels"]!.AsObject().Remove("x"));
        }

        Assert.Equal(["ADDED", "DELETED"], seen);
    }

    private long Version => _server.ResourceVersion;

    private static long Version_(JsonNode node) =>
        long.Parse((string)node["metadata"]!["resourceVersion"]!, null);

    private static IEnumerable<string> Names(JsonNode list) =>
        list["items"]!.AsArray().Select(static node => (string)node!["metadata"]!["name"]!);
}
