using System.Text.Json.Nodes;
using FlannelCni.TestKit.KubeApi.Objects;

namespace FlannelCni.TestKit.KubeApi.Storage;

/// <summary>
/// What an API server keeps in etcd: objects, and one version number for all of them that every change raises. It
/// outlives the servers on it.
/// </summary>
/// <param name="historyLimit">Changes of a kind that are remembered.</param>
internal sealed class KubeStore(int historyLimit)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<ResourceType, ResourceHistory> _histories =
        ResourceTypes.All.ToDictionary(static type => type, _ => new ResourceHistory(historyLimit));

    private long _revision = 1;

    internal long Revision
    {
        get
        {
            lock (_lock)
            {
                return _revision;
            }
        }
    }

    internal StoredObject? Find(ResourceType type, string key)
    {
        lock (_lock)
        {
            return _histories[type].Current.GetValueOrDefault(key);
        }
    }

    internal Snapshot Read(ResourceType type)
    {
        lock (_lock)
        {
            return new Snapshot(_histories[type].Current, _revision);
        }
    }

    /// <exception cref="ApiStatusException">410: compacted. 504: not reached yet.</exception>
    internal Snapshot ReadAt(ResourceType type, long revision)
    {
        lock (_lock)
        {
            if (revision > _revision)
            {
                throw ApiStatusException.TooLargeResourceVersion(revision, _revision);
            }

            return revision < _histories[type].Compacted
                ? throw ApiStatusException.Expired("The resourceVersion for the provided list is too old.")
                : new Snapshot(_histories[type].At(revision), revision);
        }
    }

    /// <summary>The changes after a version, up to which they are complete, and the bell for the next.</summary>
    /// <exception cref="ApiStatusException">410: compacted.</exception>
    internal (IReadOnlyList<StoreEvent> Events, long Revision, Task Next) Changes(ResourceType type, long after)
    {
        lock (_lock)
        {
            ResourceHistory history = _histories[type];
            return after < history.Compacted
                ? throw ApiStatusException.Expired($"too old resource version: {after} ({history.Compacted})")
                : (history.After(after), Math.Max(after, _revision), history.Changed);
        }
    }

    /// <summary>Puts a new version of an object in the place of the one it has, if any.</summary>
    internal StoredObject Put(ResourceType type, JsonObject content)
    {
        lock (_lock)
        {
            StoredObject stored = At(type, content, ++_revision);
            _histories[type].Put(stored);
            return stored;
        }
    }

    /// <returns>As it was, at the version of its deletion.</returns>
    internal StoredObject Remove(StoredObject stored)
    {
        lock (_lock)
        {
            StoredObject last = At(stored.Type, stored.Content(), ++_revision);
            _histories[stored.Type].Remove(last);
            return last;
        }
    }

    /// <summary>Raises the version by this, as changes of objects that nobody asks for would.</summary>
    internal void Advance(long count)
    {
        lock (_lock)
        {
            _revision += count;
        }
    }

    /// <summary>Forgets what was before now: watches and lists of older versions are answered 410.</summary>
    internal void Compact()
    {
        lock (_lock)
        {
            foreach (ResourceHistory history in _histories.Values)
            {
                history.Compact(_revision);
            }
        }
    }

    private static StoredObject At(ResourceType type, JsonObject content, long revision)
    {
        content.Metadata()["resourceVersion"] = revision.Text();
        return new StoredObject(type, content, revision);
    }
}
