using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Threading.Channels;
using FlannelCni.Agent.Leases.Kubernetes;

namespace FlannelCni.UnitTests.Leases.Kubernetes;

/// <summary>
/// The API as far as a subnet manager sees it: Nodes that can be read, patched and watched, Pods, Events, and faults.
/// What nobody should send is refused.
/// </summary>
internal sealed class FakeNodeApi : INodeApi
{
    private readonly Lock _lock = new();
    private readonly List<Channel<bool>> _watchers = [];
    private ImmutableDictionary<string, NodeRecord> _nodes =
        ImmutableDictionary.Create<string, NodeRecord>(StringComparer.Ordinal);

    public string Server => "https://192.0.2.254:6443";

    /// <summary>Asked before each call; what it returns is thrown.</summary>
    internal Func<string, KubeApiException?> Fault { get; set; } = static _ => null;

    internal List<string> Calls { get; } = [];

    internal List<string> Patches { get; } = [];

    internal List<string> Events { get; } = [];

    internal Dictionary<string, string?> Pods { get; } = [];

    internal static KubeApiException Unreachable { get; } = new(0, "", "https://192.0.2.254:6443: connection refused");

    internal NodeRecord this[string name]
    {
        get
        {
            lock (_lock)
            {
                return _nodes[name];
            }
        }
    }

    internal void Put(params NodeRecord[] nodes) => Change(all => all.SetItems(
        nodes.Select(static node => KeyValuePair.Create(node.Name, node))));

    internal void Delete(string name) => Change(all => all.Remove(name));

    internal void Edit(string name, Func<NodeAnnotations, NodeAnnotations> edit) =>
        Put(this[name] with { Annotations = edit(this[name].Annotations) });

    internal int Count(string call)
    {
        lock (_lock)
        {
            return Calls.Count(made => made == call);
        }
    }

    public Task<NodeRecord> GetNodeAsync(string name, CancellationToken cancellationToken)
    {
        Enter($"GET {name}");
        lock (_lock)
        {
            return Task.FromResult(_nodes.TryGetValue(name, out NodeRecord? node)
                ? node
                : throw new KubeApiException(404, "NotFound", $"nodes \"{name}\" not found"));
        }
    }

    public async Task<NodeRecord> PatchNodeStatusAsync(
        string name, ReadOnlyMemory<byte> patch, CancellationToken cancellationToken)
    {
        Enter($"PATCH {name}");
        NodeRecord node = await GetNodeAsync(name, cancellationToken);
        using JsonDocument document = JsonDocument.Parse(patch);
        NodeRecord patched = Apply(document.RootElement, node);
        lock (_lock)
        {
            Patches.Add(document.RootElement.GetRawText());
        }

        Put(patched);
        return patched;
    }

    public Task<string?> FindNodeNameOfPodAsync(
        string podNamespace, string podName, CancellationToken cancellationToken)
    {
        Enter($"POD {podNamespace}/{podName}");
        return Task.FromResult(Pods.TryGetValue($"{podNamespace}/{podName}", out string? node)
            ? node
            : throw new KubeApiException(404, "NotFound", $"pods \"{podName}\" not found"));
    }

    public Task CreateEventAsync(
        string eventNamespace, ReadOnlyMemory<byte> @event, CancellationToken cancellationToken)
    {
        Enter("EVENT");
        using JsonDocument document = JsonDocument.Parse(@event);
        lock (_lock)
        {
            Events.Add(document.RootElement.GetRawText());
        }

        return Task.CompletedTask;
    }

    public void Reconnect() => Note("RECONNECT");

    public async IAsyncEnumerable<NodeSnapshot> WatchNodesAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        Note("WATCH");
        Channel<bool> bell = Channel.CreateUnbounded<bool>();
        ImmutableDictionary<string, NodeRecord>? said = null;
        lock (_lock)
        {
            _watchers.Add(bell);
            bell.Writer.TryWrite(true);
        }

        await foreach (bool _ in bell.Reader.ReadAllAsync(cancellationToken))
        {
            ImmutableDictionary<string, NodeRecord> now;
            while (Fault("WATCH") is not null && !cancellationToken.IsCancellationRequested)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, cancellationToken);
            }

            lock (_lock)
            {
                now = _nodes;
            }

            string[]? changed = said is null
                ? null
                : [.. said.Keys.Union(now.Keys).Where(
                    name => said.GetValueOrDefault(name) != now.GetValueOrDefault(name))];
            said = now;
            if (changed is not [])
            {
                yield return new NodeSnapshot(now, changed);
            }
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private void Note(string call)
    {
        lock (_lock)
        {
            Calls.Add(call);
        }
    }

    private void Enter(string call)
    {
        Note(call);
        if (Fault(call) is { } fault)
        {
            throw fault;
        }
    }

    private void Change(Func<ImmutableDictionary<string, NodeRecord>, ImmutableDictionary<string, NodeRecord>> change)
    {
        lock (_lock)
        {
            _nodes = change(_nodes);
            _watchers.ForEach(static bell => bell.Writer.TryWrite(true));
        }
    }

    // A patch with anything else in it is a fault of whoever sent it.
    private static NodeRecord Apply(JsonElement patch, NodeRecord node)
    {
        NodeAnnotations annotations = node.Annotations;
        NodeCondition? condition = node.NetworkUnavailable;
        IEnumerable<(string Part, JsonProperty Field)> fields = patch.EnumerateObject().SelectMany(
            static part => part.Value.EnumerateObject().Select(field => (part.Name, field)));
        foreach ((string part, JsonProperty field) in fields)
        {
            switch ((part, field.Name))
            {
                case ("metadata", "uid") when field.Value.GetString() != node.Uid:
                    throw new KubeApiException(409, "Conflict", $"Precondition failed: UID {field.Value}");
                case ("metadata", "uid"):
                    break;
                case ("metadata", "annotations"):
                    foreach (JsonProperty annotation in field.Value.EnumerateObject())
                    {
                        annotations = Set(annotations, annotation.Name, annotation.Value.GetString()!);
                    }

                    break;
                case ("status", "conditions"):
                    JsonElement only = Assert.Single(field.Value.EnumerateArray());
                    Assert.Equal("NetworkUnavailable", only.GetProperty("type").GetString());
                    condition = new NodeCondition(
                        only.GetProperty("status").GetString()!, only.GetProperty("reason").GetString()!);
                    break;
                default:
                    throw new KubeApiException(422, "Invalid", $"{part}.{field.Name}");
            }
        }

        return node with { Annotations = annotations, NetworkUnavailable = condition };
    }

    private static NodeAnnotations Set(NodeAnnotations annotations, string name, string value) =>
        name["flannel.alpha.coreos.com/".Length..] switch
        {
            "kube-subnet-manager" => annotations with { KubeSubnetManager = value },
            "backend-type" => annotations with { BackendType = value },
            "backend-data" => annotations with { BackendData = value },
            "backend-v6-data" => annotations with { BackendV6Data = value },
            "public-ip" => annotations with { PublicIP = value },
            "public-ipv6" => annotations with { PublicIPv6 = value },
            _ => throw new KubeApiException(422, "Invalid", name),
        };
}
