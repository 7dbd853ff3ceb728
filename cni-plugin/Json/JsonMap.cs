namespace FlannelCni.Plugin.Json;

/// <summary>
/// The members of an object. One that was read prints with its keys sorted, as a Go map does; one that stands for a Go
/// struct (<see cref="Struct"/>) prints in the order of setting.
/// </summary>
internal sealed class JsonMap
{
    private readonly List<(string Key, JsonValue Value)> _members = [];

    internal bool IsStruct { get; private init; }

    /// <summary>In the order of setting. One that was read may have equal keys, of which the last counts.</summary>
    internal IReadOnlyList<(string Key, JsonValue Value)> Members => _members;

    internal static JsonMap Struct() => new() { IsStruct = true };

    /// <summary>A map of the same members, to be changed without changing this one.</summary>
    internal JsonMap Copy()
    {
        JsonMap copy = new() { IsStruct = IsStruct };
        copy._members.AddRange(_members);
        return copy;
    }

    /// <summary>A map of the members of both; of equal keys the other's count.</summary>
    internal JsonMap With(JsonMap other)
    {
        JsonMap both = Copy();
        both._members.AddRange(other._members);
        return both;
    }

    internal bool Has(string key) => Find(key) is not null;

    /// <summary>By the exact key, as in a Go map; null: there is none.</summary>
    internal JsonValue? Find(string key)
    {
        for (int i = _members.Count - 1; i >= 0; i--)
        {
            if (_members[i].Key == key)
            {
                return _members[i].Value;
            }
        }

        return null;
    }

    internal void Set(string key, JsonValue value)
    {
        for (int i = _members.Count - 1; i >= 0; i--)
        {
            if (_members[i].Key == key)
            {
                _members.RemoveAt(i);
            }
        }

        _members.Add((key, value));
    }

    /// <summary>For a reader, in constant time: no look at what is there.</summary>
    internal void Append(string key, JsonValue value) => _members.Add((key, value));

    /// <summary>Sets it unless it is empty, as Go's <c>omitempty</c>.</summary>
    internal void SetUnlessEmpty(string key, string value)
    {
        if (value.Length > 0)
        {
            Set(key, value);
        }
    }

    /// <inheritdoc cref="SetUnlessEmpty(string, string)"/>
    internal void SetUnlessEmpty(string key, List<JsonValue> items)
    {
        if (items.Count > 0)
        {
            Set(key, items);
        }
    }
}
