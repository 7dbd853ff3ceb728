using System.Text;
using System.Text.Json.Nodes;
using FlannelCni.TestKit;
using FlannelCni.TestKit.KubeApi;
using FlannelCni.TestKit.KubeApi.Requests;

namespace FlannelCni.IntegrationTests.Leases.Kubernetes;

/// <summary>The nodes as an API server tells them, which may misbehave.</summary>
public sealed class NodeWatchTests : IAsyncLifetime
{
    private KubeApiServer _server = null!;    // from InitializeAsync on

    public async ValueTask InitializeAsync()
    {
        _server = await KubeApiServer.StartAsync(new KubeApiOptions { BookmarkInterval = TimeSpan.FromSeconds(1) });
        AddNode(1);
        AddNode(2);
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task Nodes_are_listed_and_then_followed()
    {
        await using NodeReader reader = await NodeReader.Create(_server).WatchAsync();
        Assert.Equal(["node1", "node2"], reader.Names);
        Assert.Null(reader.Latest.Changed);
        Assert.Equal("192.0.2.1", reader.Latest.Nodes["node1"].InternalIP.ToString());
        Assert.Equal(["10.244.1.0/24"], reader.Latest.Nodes["node1"].PodCidrs);

        AddNode(3);
        await reader.WaitAsync(static latest => latest.Nodes.ContainsKey("node3"), "the third node is there");
        Assert.Equal(["node3"], reader.Latest.Changed);

        Annotate("node2", "192.0.2.22");
        await reader.WaitAsync(
            static latest => latest.Nodes["node2"].Annotations.PublicIP == "192.0.2.22", "the annotation is there");

        _server.Nodes.Delete("node1");
        await reader.WaitAsync(static latest => !latest.Nodes.ContainsKey("node1"), "the first node is gone");
        Assert.Equal(["node2", "node3"], reader.Names);
    }

    [Fact]
    public async Task Over_HTTP_1_1_it_is_the_same()
    {
        await using KubeApiServer server = await KubeApiServer.StartAsync(new KubeApiOptions { HasHttp2 = false });
        server.Nodes.Add(NodeTemplate.Create("node1", "10.244.1.0/24", "192.0.2.1"));
        await using NodeReader reader = await NodeReader.Create(server).WatchAsync();

        server.Nodes.Add(NodeTemplate.Create("node2", "10.244.2.0/24", "192.0.2.2"));
        await reader.WaitAsync(static latest => latest.Nodes.ContainsKey("node2"), "the second node is there");
        await server.RestartAsync();
        server.Nodes.Add(NodeTemplate.Create("node3", "10.244.3.0/24", "192.0.2.3"));

        await reader.WaitAsync(static latest => latest.Nodes.ContainsKey("node3"), "the third node is there");
        Assert.Single(server.Requests, static request => request.IsNodeList);
    }

    [Fact]
    public async Task Heartbeats_are_not_told()
    {
        await using NodeReader reader = await NodeReader.Create(_server).WatchAsync();

        for (int i = 0; i < 50; i++)
        {
            Beat("node1", i);
        }

        Annotate("node2", "192.0.2.22");
        await reader.WaitAsync(static latest => latest.Nodes["node2"].Annotations.PublicIP is not null, "it is there");

        Assert.Equal(2, reader.Snapshots);
        Assert.Equal(["node2"], reader.Latest.Changed);
    }

    [Fact]
    public async Task A_list_comes_in_pages_where_the_server_has_them()
    {
        for (int i = 3; i <= 1203; i++)
        {
            AddNode(i);
        }

        // A list of any version is one page; after this one it has to come from the store.
        _server.Faults.EmptyLists(static request => request.IsNodeList, times: 1);
        await using NodeReader reader = await NodeReader.Create(_server).WatchAsync();

        Assert.Equal(1203, reader.Latest.Nodes.Count);
        Assert.Equal(2, Lists().Count(static list => list.Query.ContainsKey("continue")));
    }

    [Fact]
    public async Task Pages_that_take_longer_than_versions_are_kept_become_one_list()
    {
        for (int i = 3; i <= 603; i++)
        {
            AddNode(i);
        }

        _server.Faults.EmptyLists(static request => request.IsNodeList, times: 1);
        _server.Faults.Fail(410, static request => request.Query.ContainsKey("continue"));
        await using NodeReader reader = await NodeReader.Create(_server).WatchAsync();

        Assert.Equal(603, reader.Latest.Nodes.Count);
    }

    [Fact]
    public async Task A_watch_that_is_cut_anywhere_goes_on_without_a_list()
    {
        await using NodeReader reader = await NodeReader.Create(_server).WatchAsync();
        for (int i = 0; i < 12; i++)
        {
            // Within the length, within the type, within the object, ...
            int bytes = 3 + (i * i * 13);
            _server.Faults.Cut(bytes, static request => request.IsNodeWatch, times: 1);
            await _server.RestartAsync();
            int node = 10 + i;
            AddNode(node);

            await reader.WaitAsync(latest => latest.Nodes.ContainsKey($"node{node}"), $"node{node} is there");
        }

        Assert.Single(Lists());
    }

    [Fact]
    public async Task A_list_that_is_cut_or_ends_early_is_asked_for_again_and_nobody_is_missing()
    {
        foreach (int bytes in (int[])[0, 1, 20, 300, 1500])
        {
            _server.Faults.Cut(bytes, static request => request.IsNodeList, times: 1);
            _server.Faults.Truncate(bytes, static request => request.IsNodeList, times: 1);
            await using NodeReader reader = await NodeReader.Create(_server).WatchAsync();

            Assert.Equal(["node1", "node2"], reader.Names);
            Assert.Equal(1, reader.Snapshots);
        }
    }

    [Fact]
    public async Task A_watch_whose_version_is_gone_lists_again_and_finds_what_it_missed()
    {
        await using NodeReader reader = await NodeReader.Create(_server).WatchAsync();
        await _server.StopAsync();
        _server.Nodes.Delete("node1");
        AddNode(3);
        _server.Compact();

        await _server.RestartAsync();
        await reader.WaitAsync(static latest => latest.Nodes.ContainsKey("node3"), "the third node is there");

        Assert.Equal(["node2", "node3"], reader.Names);
        Assert.Equal(["node1", "node3"], reader.Latest.Changed!.Order());
        Assert.NotEqual("0", Lists()[^1].Query.GetValueOrDefault("resourceVersion", "0"));
    }

    [Fact]
    public async Task A_watch_that_is_told_that_its_version_is_too_old_lists_again()
    {
        await using NodeReader reader = await NodeReader.Create(_server).WatchAsync();
        await FollowsAsync(reader);

        _server.ExpireWatches();
        await WatchOpensAsync(2);
        AddNode(3);

        await reader.WaitAsync(static latest => latest.Nodes.ContainsKey("node3"), "the third node is there");
        Assert.Equal(2, Lists().Count);
        Assert.Equal(0, reader.Log.Count("Warning"));
    }

    [Fact]
    public async Task A_watch_that_ends_as_soon_as_it_begins_is_asked_for_again_and_costs_no_list()
    {
        await using NodeReader reader = await NodeReader.Create(_server).WatchAsync();
        await FollowsAsync(reader);
        _server.Faults.Garbage([], static request => request.IsNodeWatch, times: 2);
        await _server.RestartAsync();
        AddNode(3);

        await reader.WaitAsync(static latest => latest.Nodes.ContainsKey("node3"), "the third node is there");
        Assert.Single(Lists());
    }

    [Fact]
    public async Task Watches_that_never_last_are_followed_by_a_list_now_and_then()
    {
        await using NodeReader reader = await NodeReader.Create(_server).WatchAsync();
        await FollowsAsync(reader);
        _server.Faults.Garbage([], static request => request.IsNodeWatch);
        await _server.RestartAsync();
        AddNode(3);

        await reader.WaitAsync(static latest => latest.Nodes.ContainsKey("node3"), "the third node is there");
        Assert.InRange(Lists().Count, 2, 3);
    }

    [Fact]
    public async Task A_server_that_has_forgotten_every_version_is_not_stormed()
    {
        await using NodeReader reader = await NodeReader.Create(_server).WatchAsync();
        await FollowsAsync(reader);
        _server.Faults.Fail(410, static request => request.IsNodeWatch);
        await _server.RestartAsync();
        await Task.Delay(TimeSpan.FromSeconds(3), TimeProvider.System, CancellationToken.None);

        Assert.InRange(Lists().Count, 2, 12);

        _server.Faults.Clear();
        AddNode(3);
        await reader.WaitAsync(static latest => latest.Nodes.ContainsKey("node3"), "the third node is there");
    }

    [Fact]
    public async Task An_empty_list_removes_nobody()
    {
        await using NodeReader reader = await NodeReader.Create(_server).WatchAsync();
        await FollowsAsync(reader);
        int snapshots = reader.Snapshots;
        _server.Faults.EmptyLists(static request => request.IsNodeList);
        _server.ExpireWatches();

        await Wait.Until(
            () => reader.Log.Count("it has no node at all") > 0,
            TimeSpan.FromSeconds(20),
            () => $"it is said: {reader.Said}");
        Assert.Equal(snapshots, reader.Snapshots);

        _server.Faults.Clear();
        AddNode(3);
        await reader.WaitAsync(static latest => latest.Nodes.ContainsKey("node3"), "the third node is there");
        Assert.Equal(["node1", "node2", "node3"], reader.Names);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("""{"kind":"Status","status":"Success"}""")]
    [InlineData("<html><body>Sign in to the hotel's network</body></html>")]
    public async Task An_answer_that_is_no_list_removes_nobody(string garbage)
    {
        await using NodeReader reader = await NodeReader.Create(_server).WatchAsync();
        await FollowsAsync(reader);
        int snapshots = reader.Snapshots;
        _server.Faults.Garbage(Encoding.UTF8.GetBytes(garbage), static request => request.IsNodeList, times: 3);
        _server.ExpireWatches();
        await WatchOpensAsync(2);

        AddNode(3);
        await reader.WaitAsync(static latest => latest.Nodes.ContainsKey("node3"), "the third node is there");

        Assert.Equal(["node1", "node2", "node3"], reader.Names);
        Assert.Equal(snapshots + 1, reader.Snapshots);
        Assert.True(reader.Log.Count("the answer cannot be read") > 0, reader.Said);
    }

    [Fact]
    public async Task A_server_that_was_away_is_back_within_two_seconds()
    {
        await using NodeReader reader = await NodeReader.Create(_server).WatchAsync();
        await _server.StopAsync();
        await Wait.Until(() => reader.Log.Count("Warning") > 0, TimeSpan.FromSeconds(20), "it is said");
        await Task.Delay(TimeSpan.FromSeconds(3), TimeProvider.System, CancellationToken.None);

        AddNode(3);
        await _server.RestartAsync();
        long start = TimeProvider.System.GetTimestamp();
        await reader.WaitAsync(static latest => latest.Nodes.ContainsKey("node3"), "the third node is there");

        Assert.InRange(TimeProvider.System.GetElapsedTime(start).TotalSeconds, 0, 10);
        Assert.Single(Lists());
    }

    [Fact]
    public async Task A_server_that_hangs_is_found_out_and_left()
    {
        await using NodeReader reader =
            await NodeReader.Create(_server, silence: TimeSpan.FromSeconds(3)).WatchAsync();
        await Wait.Until(
            () => _server.Bookmarks > 1, TimeSpan.FromSeconds(20), "it is a server that sends bookmarks");
        _server.Pause();
        await Wait.Until(() => reader.Log.Count("Warning") > 0, TimeSpan.FromSeconds(20), "it is said");

        _server.Resume();
        AddNode(3);

        await reader.WaitAsync(static latest => latest.Nodes.ContainsKey("node3"), "the third node is there");
        Assert.Single(Lists());
    }

    [Fact]
    public async Task A_watch_that_is_silent_for_minutes_is_not_believed()
    {
        ManualTime time = new();
        await using NodeReader reader = await NodeReader.Create(_server, time: time).WatchAsync();
        AddNode(3);
        await reader.WaitAsync(static latest => latest.Nodes.ContainsKey("node3"), "the third node is there");
        _server.Faults.SilentWatches(static request => request.IsNodeWatch, times: 1);
        _server.ExpireWatches();
        await Wait.Until(
            () =>
            {
                // It gathers for some milliseconds before it reads on.
                time.Advance(TimeSpan.FromMilliseconds(20));
                return Watches() == 2;
            },
            TimeSpan.FromSeconds(20),
            "another watch was begun");

        AddNode(4);
        for (int i = 0; i < 40 && reader.Latest.Nodes.Count < 4; i++)
        {
            time.Advance(TimeSpan.FromMinutes(0.5));
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, CancellationToken.None);
        }

        await reader.WaitAsync(static latest => latest.Nodes.ContainsKey("node4"), "the fourth node is there");
    }

    [Fact]
    public async Task A_store_that_was_set_back_is_found_out_and_then_believed()
    {
        using TestFolder folder = new();
        File.WriteAllText(folder.File("token"), _server.Token);
        string kubeconfig = _server.Kubeconfig($"tokenFile: {folder.File("token")}").Replace(
            $"certificate-authority: {_server.CAFile}", "insecure-skip-tls-verify: true", StringComparison.Ordinal);
        ManualTime time = new();
        for (int i = 0; i < 50; i++)
        {
            Beat("node1", i);
        }

        await using NodeReader reader = await NodeReader.Create(_server, kubeconfig, time).WatchAsync();
        await _server.StopAsync();
        await using KubeApiServer restored = await KubeApiServer.StartAsync(
            new KubeApiOptions { Address = _server.Address, BookmarkInterval = TimeSpan.FromSeconds(1) });
        restored.Nodes.Add(NodeTemplate.Create("node9", "10.244.9.0/24", "192.0.2.9"));
        File.WriteAllText(folder.File("token"), restored.Token);

        await Wait.Until(
            () =>
            {
                // The server takes seconds to say that it is not that far yet; the client must not grow old meanwhile.
                bool hasDoubts = reader.Log.Count("the watch said nothing for too long") > 0;
                time.Advance(TimeSpan.FromMilliseconds(hasDoubts ? 20 : 2000));
                return reader.Names.SequenceEqual(["node9"]);
            },
            TimeSpan.FromSeconds(60),
            () => $"the store's own node is there, and no other: {reader.Said}");
    }

    [Fact]
    public async Task A_server_without_protobuf_is_asked_for_JSON()
    {
        _server.Faults.Fail(406, static request => request.Accept.Contains("protobuf", StringComparison.Ordinal));
        await using NodeReader reader = await NodeReader.Create(_server).WatchAsync();
        await FollowsAsync(reader);

        Assert.Equal("application/json", Lists()[^1].Accept);
        Assert.Equal("node1", (await reader.Api.GetNodeAsync("node1", CancellationToken.None)).Name);
        Assert.Equal(1, reader.Log.Count("from now on JSON"));
    }

    [Fact]
    public async Task A_busy_server_is_asked_again_when_it_says()
    {
        _server.Faults.Fail(429, static request => request.IsNodeList, times: 1, retryAfterSeconds: 1);
        long start = TimeProvider.System.GetTimestamp();
        await using NodeReader reader = await NodeReader.Create(_server).WatchAsync();

        Assert.InRange(TimeProvider.System.GetElapsedTime(start).TotalSeconds, 1, 15);
        Assert.Equal(2, Lists().Count);
    }

    [Theory]
    [InlineData(500)]
    [InlineData(503)]
    [InlineData(504)]
    [InlineData(403)]
    public async Task A_refusal_is_waited_out(int code)
    {
        _server.Faults.Fail(code, static request => request.IsNodeList || request.IsNodeWatch, times: 2);
        await using NodeReader reader = await NodeReader.Create(_server).WatchAsync();

        Assert.Equal(["node1", "node2"], reader.Names);
        Assert.Equal(1, reader.Log.Count($"{code} this is a test"));
    }

    [Fact]
    public async Task A_reader_that_is_slow_finds_the_latest_and_all_that_changed()
    {
        using CancellationTokenSource stop = new();
        await using NodeReader reader = NodeReader.Create(_server);
        await using IAsyncEnumerator<Agent.Leases.Kubernetes.NodeSnapshot> nodes =
            reader.Api.WatchNodesAsync(stop.Token).GetAsyncEnumerator(stop.Token);
        Assert.True(await nodes.MoveNextAsync());
        await WatchOpensAsync(1);

        for (int i = 0; i < 20; i++)
        {
            Annotate("node1", $"192.0.2.{100 + i}");
            AddNode(10 + i);
        }

        // Until the client must have read it all, nobody takes anything.
        await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, CancellationToken.None);
        Assert.True(await nodes.MoveNextAsync());

        Assert.Equal("192.0.2.119", nodes.Current.Nodes["node1"].Annotations.PublicIP);
        Assert.Equal(21, nodes.Current.Changed!.Count);
        await stop.CancelAsync();
    }

    private IReadOnlyList<KubeRequest> Lists() => [.. _server.Requests.Where(static request => request.IsNodeList)];

    /// <summary>Waits until it is told of changes.</summary>
    private Task FollowsAsync(NodeReader reader)
    {
        Annotate("node2", "198.51.100.2");
        return reader.WaitAsync(
            static latest => latest.Nodes["node2"].Annotations.PublicIP == "198.51.100.2", "changes are told");
    }

    private int Watches() => _server.Requests.Count(static request => request.IsNodeWatch);

    private Task WatchOpensAsync(int count) => Wait.Until(
        () => Watches() >= count,
        TimeSpan.FromSeconds(20),
        $"{count} watches were begun");

    private void AddNode(int number) => _server.Nodes.Add(
        NodeTemplate.Create($"node{number}", $"10.244.{number % 256}.0/24", $"192.0.2.{number % 256}"));

    private void Annotate(string node, string publicIP) => _server.Nodes.Update(
        node,
        content => content["metadata"]!["annotations"] =
            new JsonObject { ["flannel.alpha.coreos.com/public-ip"] = publicIP });

    private void Beat(string node, int number) => _server.Nodes.UpdateStatus(
        node,
        content => content["status"]!["conditions"]![1]!["lastHeartbeatTime"] = $"2026-01-01T00:{number:00}:00Z");
}
