using FlannelCni.Agent.Leases;
using FlannelCni.Agent.Leases.Kubernetes;

namespace FlannelCni.UnitTests.Leases.Kubernetes;

/// <summary>What happens to this node's own Node while the agent runs.</summary>
public sealed class OwnNodeTests : IAsyncLifetime
{
    private readonly ManagerFixture _node = new();

    private FakeNodeApi Api => _node.Api;

    public async ValueTask InitializeAsync()
    {
        Api.Put(Nodes.Bare(1), Nodes.Vxlan(2));
        await _node.StartAsync();
        await _node.UntilAsync(() => _node.Snapshots.Count == 1, "there is a list");
    }

    public ValueTask DisposeAsync() => _node.DisposeAsync();

    [Fact]
    public async Task Stripped_annotations_are_written_again_and_it_is_said()
    {
        Api.Put(Nodes.Bare(1));

        await _node.UntilAsync(() => Api["node-1"].Annotations == Nodes.Vxlan(1).Annotations, "they are back");
        await _node.UntilAsync(() => Api.Events.Count == 1, "an Event says so");
        Assert.Equal(1, _node.Log.Count("Somebody else changed flannel.alpha.coreos.com/backend-data, "));
        Assert.Contains("\"reason\":\"FlannelAnnotationsChanged\"", Api.Events[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_strips_annotations_now_and_then_finds_them_back_at_once_each_time()
    {
        for (int i = 0; i < 20; i++)
        {
            _node.Time.Advance(TimeSpan.FromSeconds(6));
            TimeSpan before = _node.Time.Elapsed;
            Api.Put(Nodes.Bare(1));

            await _node.UntilAsync(() => Api["node-1"].Annotations == Nodes.Vxlan(1).Annotations, "they are back");

            Assert.InRange(_node.Time.Elapsed - before, TimeSpan.Zero, TimeSpan.FromSeconds(10));
        }
    }

    [Fact]
    public async Task What_was_meant_for_a_Node_is_not_written_on_one_that_was_made_anew_meanwhile()
    {
        Api.Fault = call =>
        {
            if (call == "PATCH node-1" && Api["node-1"].Uid == "uid-1")
            {
                Api.Put(Nodes.Bare(1) with { Uid = "uid-9", PodCidrs = ["10.99.1.0/24"] });
            }

            return null;
        };
        int before = Api.Patches.Count;
        _node.Manager.SetUp();

        await _node.UntilAsync(() => Api["node-1"].Uid == "uid-9", "it was made anew");
        await _node.UntilAsync(() => _node.Log.Count("is not inside the network") > 0, "it is looked at");

        Assert.DoesNotContain(
            Api.Patches.Skip(before), static patch => patch.Contains("conditions", StringComparison.Ordinal));
        Assert.Null(Api["node-1"].NetworkUnavailable);
    }

    [Fact]
    public async Task Another_agent_that_writes_against_us_does_not_wear_out_the_API()
    {
        int before = Api.Patches.Count;
        TimeSpan end = _node.Time.Elapsed + TimeSpan.FromMinutes(10);
        await _node.UntilAsync(
            () =>
            {
                if (Api["node-1"].Annotations.PublicIP != "192.0.2.99")
                {
                    Api.Edit("node-1", static annotations => annotations with { PublicIP = "192.0.2.99" });
                }

                _node.Time.Advance(TimeSpan.FromSeconds(1));
                return _node.Time.Elapsed > end;
            },
            "ten minutes pass");

        Assert.InRange(Api.Patches.Count - before, 2, 30);
        Assert.InRange(_node.Log.Count("Somebody else changed"), 1, 8);
    }

    [Fact]
    public async Task A_change_of_which_no_watch_tells_is_mended_all_the_same()
    {
        Api.Fault = static call => call == "WATCH" ? FakeNodeApi.Unreachable : null;
        _node.Time.Advance(TimeSpan.FromMinutes(5));
        TimeSpan before = _node.Time.Elapsed;

        Api.Edit("node-1", static annotations => annotations with { PublicIP = "192.0.2.99" });

        await _node.UntilAsync(
            () =>
            {
                _node.Time.Advance(TimeSpan.FromSeconds(2));
                return Api["node-1"].Annotations.PublicIP == "192.0.2.1";
            },
            "it is right again");
        Assert.InRange(_node.Time.Elapsed - before, TimeSpan.Zero, TimeSpan.FromMinutes(10));
    }

    [Fact]
    public async Task A_pod_CIDR_of_which_no_watch_tells_is_taken_within_two_seconds()
    {
        Api.Put(Nodes.Bare(1) with { Uid = "uid-11", PodCidrs = [] });
        await _node.UntilAsync(() => _node.Log.Count("pod cidr not assigned") == 1, "it is missed");
        Api.Fault = static call => call == "WATCH" ? FakeNodeApi.Unreachable : null;
        _node.Time.Advance(TimeSpan.FromMinutes(5));
        TimeSpan before = _node.Time.Elapsed;

        Api.Put(Api["node-1"] with { PodCidrs = ["10.244.11.0/24"] });

        await _node.UntilAsync(() => _node.Log.Count("Own lease is 10.244.11.0/24") == 1, "it is taken");
        Assert.InRange(_node.Time.Elapsed - before, TimeSpan.Zero, TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task An_agent_with_nothing_to_do_hardly_asks()
    {
        await _node.UntilAsync(() => _node.Time.Elapsed > TimeSpan.FromMinutes(1), "it has settled");
        int before = Api.Calls.Count;
        TimeSpan end = _node.Time.Elapsed + TimeSpan.FromHours(1);

        await _node.UntilAsync(
            () =>
            {
                _node.Time.Advance(TimeSpan.FromSeconds(10));
                return _node.Time.Elapsed > end;
            },
            "an hour passes");

        Assert.InRange(Api.Calls.Count - before, 8, 20);
        Assert.Single(Api.Patches);
    }

    [Fact]
    public async Task While_somebody_writes_against_us_a_new_pod_CIDR_is_taken_within_two_seconds()
    {
        TimeSpan end = _node.Time.Elapsed + TimeSpan.FromMinutes(5);
        await _node.UntilAsync(
            () =>
            {
                if (Api["node-1"].Annotations.PublicIP != "192.0.2.99")
                {
                    Api.Edit("node-1", static annotations => annotations with { PublicIP = "192.0.2.99" });
                }

                _node.Time.Advance(TimeSpan.FromSeconds(1));
                return _node.Time.Elapsed > end;
            },
            "five minutes pass");
        Assert.Equal("192.0.2.99", Api["node-1"].Annotations.PublicIP);
        TimeSpan before = _node.Time.Elapsed;

        Api.Put(Api["node-1"] with { PodCidrs = ["10.244.11.0/24"] });

        await _node.UntilAsync(() => _node.Snapshots.Last().Own.Subnet.ToString() == "10.244.11.0/24", "it is taken");
        Assert.InRange(_node.Time.Elapsed - before, TimeSpan.Zero, TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task Changed_attributes_are_published_and_peers_untouched()
    {
        LeaseAttributes changed = Nodes.Attributes(1) with { BackendData = Nodes.VtepJson("0e:00:00:00:00:77") };

        await _node.RunAsync(Publish(changed));

        Assert.Equal(changed.BackendData, Api["node-1"].Annotations.BackendData);
        await _node.UntilAsync(() => _node.Snapshots.Last().Own.Attributes == changed, "the lease says so");
        Assert.Equal(0, _node.Log.Count("Somebody else changed"));
        Assert.Contains(
            "Information: Published on node node-1: flannel.alpha.coreos.com/backend-data", _node.Log.Lines);

        async Task<bool> Publish(LeaseAttributes attributes)
        {
            await _node.Manager.PublishAsync(attributes, _node.Token);
            return true;
        }
    }

    [Fact]
    public async Task An_overwrite_annotation_is_followed()
    {
        Api.Edit("node-1", static annotations => annotations with { PublicIPOverwrite = "203.0.113.7" });

        await _node.UntilAsync(() => Api["node-1"].Annotations.PublicIP == "203.0.113.7", "it is published");
    }

    [Fact]
    public async Task An_overwrite_that_is_no_address_is_said()
    {
        Api.Edit("node-1", static annotations => annotations with
        {
            PublicIPOverwrite = "router",
            KubeSubnetManager = null,
        });

        await _node.UntilAsync(
            () => _node.Log.Count(
                "Annotation of this node is ignored: flannel.alpha.coreos.com/public-ip-overwrite \"router\"") == 1,
            "it is said");
    }

    [Fact]
    public async Task Another_internal_address_is_told_to_the_agent()
    {
        NodeRecord node = Api["node-1"];
        Api.Put(node with { InternalIP = Nodes.Bare(7).InternalIP });

        await _node.UntilAsync(() => _node.Snapshots.Last().Node.InternalIP == Nodes.Bare(7).InternalIP, "it is told");

        Api.Put(node with { InternalIP = default });
        Api.Put(Nodes.Vxlan(3));
        await _node.UntilAsync(() => _node.Snapshots.Last().Peers.Count == 2, "that is told too");
        Assert.Equal(Nodes.Bare(7).InternalIP, _node.Snapshots.Last().Node.InternalIP);
    }

    [Fact]
    public async Task A_node_made_anew_gets_all_again_and_its_new_subnet_is_taken()
    {
        Api.Delete("node-1");
        await _node.UntilAsync(() => _node.Log.Count("nodes \"node-1\" not found") == 1, "it is missed");

        Api.Put(Nodes.Bare(1) with { Uid = "uid-11", PodCidrs = [] });
        await _node.UntilAsync(() => Api["node-1"].Annotations == Nodes.Vxlan(1).Annotations, "it is annotated");
        Assert.Equal("10.244.1.0/24", _node.Snapshots.Last().Own.Subnet.ToString());
        Assert.Equal(1, _node.Log.Count("pod cidr not assigned"));

        Api.Put(Api["node-1"] with { PodCidrs = ["10.244.11.0/24"] });
        await _node.UntilAsync(() => _node.Snapshots.Last().Own.Subnet.ToString() == "10.244.11.0/24", "it is taken");
        Assert.Equal(1, _node.Log.Count("Own lease is 10.244.11.0/24 and was 10.244.1.0/24"));
        Assert.Equal(0, _node.Log.Count("Somebody else changed"));
    }

    [Fact]
    public async Task A_node_made_anew_outside_the_network_is_not_said_to_have_one_until_it_is_right()
    {
        _node.Manager.SetUp();
        await _node.UntilAsync(() => Api["node-1"].NetworkUnavailable?.Status == "False", "it is cleared");
        Assert.Null(_node.Trouble);

        Api.Put(Nodes.Bare(1) with { Uid = "uid-11", PodCidrs = ["10.99.1.0/24"] });
        await _node.UntilAsync(() => Api["node-1"].Annotations == Nodes.Vxlan(1).Annotations, "it is annotated");
        _node.Time.Advance(TimeSpan.FromMinutes(1));
        Assert.Null(Api["node-1"].NetworkUnavailable);
        Assert.Contains("the pod CIDR 10.99.1.0/24, which is not inside", _node.Trouble, StringComparison.Ordinal);
        Assert.Equal(1, _node.Log.Count("the pod CIDR 10.99.1.0/24, which is not inside"));
        Assert.Equal("10.244.1.0/24", _node.Snapshots.Last().Own.Subnet.ToString());

        TimeSpan before = _node.Time.Elapsed;
        Api.Put(Nodes.Bare(1) with { Uid = "uid-12", PodCidrs = ["10.244.12.0/24"] });
        await _node.UntilAsync(() => _node.Snapshots.Last().Own.Subnet.ToString() == "10.244.12.0/24", "it is taken");
        Assert.InRange(_node.Time.Elapsed - before, TimeSpan.Zero, TimeSpan.FromSeconds(10));
        await _node.UntilAsync(() => Api["node-1"].NetworkUnavailable?.Status == "False", "it is cleared again");
        Assert.Null(_node.Trouble);
    }

    [Fact]
    public async Task The_condition_is_cleared_once_the_network_is_there_and_stays_so()
    {
        Api.Put(Api["node-1"] with { NetworkUnavailable = new NodeCondition("True", "NoRouteCreated") });
        _node.Time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal("True", Api["node-1"].NetworkUnavailable?.Status);

        _node.Manager.SetUp();
        await _node.UntilAsync(
            () => Api["node-1"].NetworkUnavailable == new NodeCondition("False", "FlannelIsUp"), "it is cleared");

        Api.Put(Api["node-1"] with { NetworkUnavailable = new NodeCondition("True", "RouteDeleted") });
        await _node.UntilAsync(() => Api["node-1"].NetworkUnavailable?.Status == "False", "it is cleared again");
        Assert.Equal(1, _node.Log.Count("Somebody else changed NetworkUnavailable of node node-1"));
    }

    [Fact]
    public async Task A_refused_condition_is_tried_until_it_holds()
    {
        Api.Fault = static call => call == "PATCH node-1" ? new KubeApiException(500, "", "no") : null;
        _node.Manager.SetUp();
        await _node.UntilAsync(() => Api.Count("PATCH node-1") > 4, "it is tried");

        Api.Fault = static _ => null;

        await _node.UntilAsync(() => Api["node-1"].NetworkUnavailable?.Status == "False", "it is cleared");
    }

    [Fact]
    public async Task A_node_with_the_same_pod_CIDR_is_named()
    {
        Api.Put(Nodes.Vxlan(3) with { PodCidrs = ["10.244.0.0/20"] });

        const string Text = "nodes node-1 and node-3 have overlapping pod CIDRs, 10.244.1.0/24 and 10.244.0.0/20: "
            + "other nodes send to node-1, the older one; delete the younger Node, and have it join again with a range "
            + "of its own";
        await _node.UntilAsync(() => _node.Log.Count($"Warning: {Text}") == 1, "it is said");
        await _node.UntilAsync(() => Api.Events.Count == 1, "an Event says so");
        Assert.Contains(Text, Api.Events[0], StringComparison.Ordinal);

        Api.Delete("node-3");
        await _node.UntilAsync(
            () => _node.Log.Count("Nodes node-1 and node-3 no longer claim the same") == 1, "it is over");
    }

    [Fact]
    public async Task A_node_with_the_same_public_address_is_named()
    {
        NodeRecord twin = Nodes.Vxlan(3);
        Api.Put(twin with { Annotations = twin.Annotations with { PublicIP = "192.0.2.1" } });

        await _node.UntilAsync(
            () => _node.Log.Count("nodes node-1 and node-3 both publish the public IP 192.0.2.1") == 1, "it is said");
        await _node.UntilAsync(() => Api.Events.Count == 1, "an Event says so");
        Assert.Contains("\"reason\":\"DuplicatePublicIP\"", Api.Events[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(403, 1)]
    [InlineData(500, 6)]
    public async Task Events_that_are_refused_harm_nothing_and_are_said_once(int status, int tries)
    {
        Api.Fault = call => call == "EVENT" ? new KubeApiException(status, "", "the cause") : null;
        Api.Put(Nodes.Vxlan(3) with { PodCidrs = ["10.244.1.0/24"] });
        await _node.UntilAsync(() => _node.Log.Count("Kubernetes Events cannot be written") == 1, "it is said");
        Api.Put(Nodes.Vxlan(4) with { PodCidrs = ["10.244.1.0/24"] });
        await _node.UntilAsync(() => Api.Count("EVENT") == 2 * tries, "the next is tried");
        _node.Time.Advance(TimeSpan.FromMinutes(1));

        Assert.Equal(1, _node.Log.Count("Kubernetes Events cannot be written"));
        Assert.Equal(2 * tries, Api.Count("EVENT"));
    }

    [Fact]
    public async Task An_event_that_is_there_already_is_good()
    {
        Api.Fault = static call =>
            call == "EVENT" ? new KubeApiException(409, "AlreadyExists", "events \"x\" already exists") : null;
        Api.Put(Nodes.Vxlan(3) with { PodCidrs = ["10.244.1.0/24"] });

        await _node.UntilAsync(() => Api.Count("EVENT") == 1, "it is tried");
        _node.Time.Advance(TimeSpan.FromMinutes(1));

        Assert.Equal(1, Api.Count("EVENT"));
        Assert.Equal(0, _node.Log.Count("Events cannot be written"));
    }
}
