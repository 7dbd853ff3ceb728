namespace FlannelCni.Agent.Leases.Kubernetes.Client.Parsing;

/// <summary>What a parser has found so far.</summary>
internal sealed class ParsedNodes
{
    /// <summary>Of a list: every item as <see cref="NodeEventKind.Added"/>. Of a watch: its events, in order.</summary>
    internal List<NodeEvent> Events { get; } = [];

    /// <summary>Of a list: its resourceVersion; null: not read yet.</summary>
    internal string? ResourceVersion { get; set; }

    /// <summary>Of a list: the token of its next page; null: this is the last.</summary>
    internal string? Continue { get; set; }

    /// <summary>One sentence for the log on each thing that was passed over; empty: nothing was.</summary>
    internal List<string> Complaints { get; } = [];

    /// <summary>Forgets events and complaints, which somebody has taken.</summary>
    internal void Clear()
    {
        Events.Clear();
        Complaints.Clear();
    }

    /// <summary>Adds what the builder has, and says so where something in it cannot be used.</summary>
    internal void Add(NodeEventKind kind, NodeBuilder builder)
    {
        string version = builder.ResourceVersion;
        if (kind == NodeEventKind.Bookmark)
        {
            builder.Reset();
            Events.Add(new NodeEvent(kind, null, version, null));
            return;
        }

        NodeRecord? node = builder.Build();
        if (builder.Complaint is { } complaint)
        {
            Complaints.Add(complaint);
        }

        if (node is not null)
        {
            Events.Add(new NodeEvent(kind, node, version, null));
        }
    }
}
