using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using FlannelCni.TestKit.KubeApi;
using FlannelCni.TestKit.KubeApi.Faults;
using FlannelCni.TestKit.KubeApi.Requests;

namespace FlannelCni.TestKit;

/// <param name="Longest">How long it lasts at most.</param>
/// <param name="Choose">Asked first: numbers of the nodes whose pods may be out of reach meanwhile.</param>
internal sealed record KubeChaosFault(
    string Name, TimeSpan Longest, Func<HashSet<int>> Choose, Func<Task> BeginAsync, Func<Task> EndAsync);

/// <summary>What is done to the API server, to its wire, to what it answers, to Nodes, and to agents.</summary>
internal sealed class KubeChaosFaults(KubeChaos chaos, Random random)
{
    private static readonly TimeSpan s_short = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_long = TimeSpan.FromSeconds(9);

    private readonly KubeCluster _cluster = chaos.Cluster;
    private AgentNode _hit = chaos.Cluster.Nodes[0];
    private int _anew;
    private int _asked;

    /// <summary>Of the API server, its wire and what it answers.</summary>
    internal IReadOnlyList<KubeChaosFault> OfServer =>
    [
        Fault("the server is killed", s_short, Api.StopAsync, Api.RestartAsync),
        Fault("the server is killed, again and again", s_short, RestartAFewTimesAsync, Nothing),
        Fault("the server is stopped by a signal", s_long, Do(Api.Pause), Do(Api.Resume)),
        Fault("the server is stopped by a signal, and killed", s_long, Do(Api.Pause), Api.RestartAsync),
        Fault("the wire swallows everything", s_long, Do(() => Swallow()), Do(Let)),
        Fault("the wire of one agent swallows everything", s_long, Do(() => Swallow(_hit)), Do(Let)),
        Fault("the server is started anew while the wire swallows everything", s_long, SwallowRestartAsync, Do(Let)),
        Fault("the past is compacted while the wire swallows everything", s_short, Do(CompactUnseen), LetAnewAsync),
        Answers("everything is answered late", static f => f.Delay(TimeSpan.FromMilliseconds(700))),
        Answers("nothing is answered", static f => f.Hang()),
        .. ((int[])[400, 401, 403, 404, 409, 410, 429, 500, 503, 504]).Select(code => Answers(
            string.Create(CultureInfo.InvariantCulture, $"everything is answered {code}"),
            f => f.Fail(code, retryAfterSeconds: code is 429 or 503 ? 1 : 0))),
        Answers("every second request is answered 500", f => f.Fail(500, IsEverySecond)),
        Answers("everything is answered by something else", static f => f.Garbage(Encoding.UTF8.GetBytes("<html>"))),
        Answers("answers are cut", f => f.Cut(Some())),
        Answers("answers end early, as if that were all", f => f.Truncate(Some()), endsAnew: true),
        Answers("lists are empty", static f => f.EmptyLists()),
        Answers("watches say nothing", static f => f.SilentWatches(), endsAnew: true),
        Answers("watches are cut within an event", f => f.Cut(Some(), IsWatch), andThen: Touch),
        Fault("watches are too old, again and again", s_short, ExpireAFewTimesAsync, Nothing),
        Fault("the token is another one", s_short, Do(() => Api.ExpireToken(_cluster.RotateToken())), Nothing),
        Fault("the token runs out before there is another", s_short, Do(ExpireToken), Do(() => _cluster.RotateToken())),
    ];

    /// <summary>Of Nodes and of agents.</summary>
    internal IReadOnlyList<KubeChaosFault> OfNodes =>
    [
        Hits("a Node is made anew with another pod CIDR", Do(Delete), MakeAnewAsync),
        Hits("a Node is deleted and registers again", Do(Delete), Do(Register)),
        Hits("somebody writes other addresses", Do(Alter), Nothing),
        Fault("somebody strips annotations", s_short, Do(() => Strip(_hit)), Nothing),
        Fault("somebody strips all annotations", s_short, Do(StripAll), Nothing),
        Fault("somebody says that there is no network", s_short, Do(SetUnavailable), Nothing),
        Fault("nodes come and go", s_short, Do(() => Guests(chaos.AddGuest)), Do(() => Guests(chaos.RemoveGuest))),
        Fault("an agent is killed", s_short, KillAgentAsync, Do(() => _hit.Start())),
        Fault("an agent is stopped by a signal", s_short, Do(() => _hit.Agent.Pause()), Do(() => _hit.Agent.Resume())),
    ];

    private KubeApiServer Api => _cluster.Api;

    private KubeChaosFault Fault(string name, TimeSpan longest, Func<Task> begin, Func<Task> end) =>
        new(name, longest, () => Choose(false), begin, end);

    /// <summary>With a node whose pods are not reached meanwhile.</summary>
    private KubeChaosFault Hits(string name, Func<Task> begin, Func<Task> end) =>
        new(name, s_short, () => Choose(true), begin, end);

    /// <summary>With new connections, as requests that go on are answered already.</summary>
    /// <param name="endsAnew">
    /// Connections end with it: what leaves an open watch silent is found out in minutes, for which there is no time.
    /// </param>
    private KubeChaosFault Answers(
        string name, Action<KubeFaults> order, Action? andThen = null, bool endsAnew = false) => Fault(
            name,
            s_short,
            async () =>
            {
                order(Api.Faults);
                Api.Compact();
                await Api.RestartAsync();
                andThen?.Invoke();
            },
            async () =>
            {
                Api.Faults.Clear();
                if (endsAnew)
                {
                    await Api.RestartAsync();
                }
            });

    private HashSet<int> Choose(bool isOut)
    {
        _hit = _cluster.Nodes[random.Next(_cluster.Nodes.Count)];
        return isOut ? [_hit.Number] : [];
    }

    private static Func<Task> Do(Action act) => () =>
    {
        act();
        return Task.CompletedTask;
    };

    private static Task Nothing() => Task.CompletedTask;

    private static bool IsWatch(KubeRequest request) => request.IsNodeWatch;

    private bool IsEverySecond(KubeRequest request) => Interlocked.Increment(ref _asked) % 2 > 0;

    private int Some() => random.Next(1, 6000);

    private async Task RestartAFewTimesAsync()
    {
        for (int i = 0; i < 8; i++)
        {
            await Api.RestartAsync();
            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(400)), TimeProvider.System, CancellationToken.None);
        }
    }

    private async Task ExpireAFewTimesAsync()
    {
        for (int i = 0; i < 8; i++)
        {
            Touch();
            Api.Compact();
            Api.ExpireWatches();
            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(300)), TimeProvider.System, CancellationToken.None);
        }
    }

    /// <summary>What comes to the server's port is dropped, and nobody is told.</summary>
    private void Swallow(AgentNode? from = null) => _cluster.Switch.Shell(
        $$"""
        nft -f - <<END
        table ip chaos {
          chain in {
            type filter hook input priority 0
            {{(from is null ? "" : $"ip saddr {from.Address} ")}}tcp dport 6443 drop
          }
        }
        END
        """);

    private void Let() => _cluster.Switch.Shell("nft delete table ip chaos");

    private async Task SwallowRestartAsync()
    {
        Swallow();
        await Api.RestartAsync();
    }

    private void CompactUnseen()
    {
        Swallow();
        Touch();
        Api.Compact();
    }

    private async Task LetAnewAsync()
    {
        await Api.RestartAsync();
        Let();
    }

    /// <summary>A change of every Node, as heartbeats are.</summary>
    private void Touch()
    {
        foreach (JsonObject node in Api.Nodes.All)
        {
            Api.Nodes.UpdateStatus((string)node["metadata"]!["name"]!, static found =>
                found["status"]!["nodeInfo"]!["bootID"] = Guid.NewGuid().ToString());
        }
    }

    private void ExpireToken()
    {
        Api.ExpireToken(_cluster.Token);
        Api.ExpireWatches();
    }

    private void Delete() => Api.Nodes.Delete(KubeCluster.NameOf(_hit));

    private void Register() => _cluster.AddNode(_hit.Number, $"{_hit.Subnet}");

    private async Task MakeAnewAsync()
    {
        _cluster.AddNode(_hit.Number, null);
        await Task.Delay(TimeSpan.FromMilliseconds(random.Next(1500)), TimeProvider.System, CancellationToken.None);
        string cidr = string.Create(CultureInfo.InvariantCulture, $"10.244.{20 + (_anew++ % 100)}.0/24");
        Api.Nodes.Update(KubeCluster.NameOf(_hit), node => NodeTemplate.AssignPodCidrs(node, cidr));
    }

    private void Alter() => _cluster.Annotate(
        _hit.Number,
        ("public-ip", "192.0.2.99"),
        ("backend-data", """{"VNI":1,"VtepMAC":"0e:00:00:00:00:99"}"""));

    private void Strip(AgentNode node) => Api.Nodes.Update(
        KubeCluster.NameOf(node), static found => found["metadata"]!.AsObject().Remove("annotations"));

    private void StripAll()
    {
        foreach (AgentNode node in _cluster.Nodes)
        {
            Strip(node);
        }
    }

    private void SetUnavailable() => Api.Nodes.UpdateStatus(KubeCluster.NameOf(_hit), static node =>
    {
        JsonNode condition = node["status"]!["conditions"]!.AsArray().Single(
            static one => (string?)one!["type"] == "NetworkUnavailable")!;
        condition["status"] = "True";
    });

    private static void Guests(Action<int> act)
    {
        foreach (int number in Enumerable.Range(201, 40))
        {
            act(number);
        }
    }

    private async Task KillAgentAsync()
    {
        _hit.Agent.Kill();
        _ = await _hit.Agent.EndAsync();
    }
}
