using System.Collections.Immutable;
using FlannelCni.Agent.Leases.Kubernetes.Client.Parsing;

namespace FlannelCni.Agent.Leases.Kubernetes.Client.Watching;

/// <summary>The Nodes as far as lists and events have told. One owner.</summary>
internal sealed class NodeTable
{
    private readonly ImmutableDictionary<string, NodeRecord>.Builder _nodes =
        ImmutableDictionary.CreateBuilder<string, NodeRecord>(StringComparer.Ordinal);
    private readonly HashSet<string> _changed = new(StringComparer.Ordinal);
    private bool _isListed;
    private bool _isFirst = true;

    internal int Count => _nodes.Count;

    /// <summary>The record that we hold, where it is the same; so that there is one of each.</summary>
    internal NodeRecord Known(NodeRecord node) =>
        _nodes.TryGetValue(node.Name, out NodeRecord? held) && held.Equals(node) ? held : node;

    /// <summary>A whole list: who is not in it is gone.</summary>
    internal void Replace(IReadOnlyCollection<NodeRecord> all)
    {
        HashSet<string> listed = new(all.Count, StringComparer.Ordinal);
        foreach (NodeRecord node in all)
        {
            listed.Add(node.Name);
            Set(node);
        }

        foreach (string gone in _nodes.Keys.Where(name => !listed.Contains(name)).ToList())
        {
            Remove(gone);
        }

        _isListed = true;
    }

    /// <summary>An event with a Node.</summary>
    internal void Apply(NodeEventKind kind, NodeRecord node)
    {
        if (kind == NodeEventKind.Deleted)
        {
            Remove(node.Name);
        }
        else
        {
            Set(node);
        }
    }

    /// <summary>What there is, if it is worth telling since the last time; null: it is not.</summary>
    internal NodeSnapshot? Take()
    {
        if (!_isListed || (!_isFirst && _changed.Count == 0))
        {
            return null;
        }

        NodeSnapshot snapshot = new(_nodes.ToImmutable(), _isFirst ? null : [.. _changed]);
        _changed.Clear();
        _isFirst = false;
        return snapshot;
    }

    private void Set(NodeRecord node)
    {
        if (!_nodes.TryGetValue(node.Name, out NodeRecord? held) || !held.Equals(node))
        {
            _nodes[node.Name] = node;
            _changed.Add(node.Name);
        }
    }

    private void Remove(string name)
    {
        if (_nodes.Remove(name))
        {
            _changed.Add(name);
        }
    }
}
