using System.Text;
using FlannelCni.Linux.Net;

namespace FlannelCni.Agent.Leases.Kubernetes.Client.Parsing;

/// <summary>
/// Collects the fields of one Node in whatever order they come, and then of the next. A field that comes twice counts
/// as it came last. Texts are UTF-8.
/// </summary>
internal sealed class NodeBuilder(AnnotationNames names)
{
    private readonly AnnotationValues _annotations = new(names);
    private readonly List<string> _podCidrs = [];
    private string _name = "";
    private string _uid = "";
    private string _podCidr = "";
    private long _createdAt;
    private IpAddr _internalIP;
    private IpAddr _internalIPv6;
    private NodeCondition? _networkUnavailable;
    private NodeCondition _lastCondition = new("", "");
    private string? _tooLong;

    /// <summary>Opaque; empty: none yet.</summary>
    internal string ResourceVersion { get; private set; } = "";

    /// <summary>Why the Node cannot be used as it is, for the log; null: it can.</summary>
    internal string? Complaint { get; private set; }

    internal void SetName(ReadOnlySpan<byte> text) => _name = Text("metadata.name", text);

    internal void SetUid(ReadOnlySpan<byte> text) => _uid = Text("metadata.uid", text);

    internal void SetResourceVersion(ReadOnlySpan<byte> text) =>
        ResourceVersion = Text("metadata.resourceVersion", text);

    /// <param name="unixSeconds">0: none.</param>
    internal void SetCreatedAt(long unixSeconds) => _createdAt = unixSeconds;

    internal void SetPodCidr(ReadOnlySpan<byte> text) => _podCidr = Text("spec.podCIDR", text);

    internal void AddPodCidr(ReadOnlySpan<byte> text)
    {
        if (_podCidrs.Count < ParseLimits.PodCidrs)
        {
            _podCidrs.Add(Text("spec.podCIDRs", text));
        }
    }

    internal void AddAddress(ReadOnlySpan<byte> type, ReadOnlySpan<byte> address)
    {
        Span<char> text = stackalloc char[64];
        if (!type.SequenceEqual("InternalIP"u8)
            || !Encoding.UTF8.TryGetChars(address, text, out int length)
            || !IpAddr.TryParse(text[..length], out IpAddr ip))
        {
            return;
        }

        if (ip.Is4 && _internalIP.IsNone)
        {
            _internalIP = ip;
        }
        else if (ip.Is6 && _internalIPv6.IsNone)
        {
            _internalIPv6 = ip;
        }
    }

    internal void AddCondition(ReadOnlySpan<byte> type, ReadOnlySpan<byte> status, ReadOnlySpan<byte> reason)
    {
        if (!type.SequenceEqual("NetworkUnavailable"u8))
        {
            return;
        }

        // Every Node of a healthy cluster has the same.
        if (!Ascii.Equals(status, _lastCondition.Status) || !Ascii.Equals(reason, _lastCondition.Reason))
        {
            _lastCondition = new NodeCondition(Text("status.conditions", status), Text("status.conditions", reason));
        }

        _networkUnavailable = _lastCondition;
    }

    /// <summary>Takes any of a Node's annotations, and keeps ours.</summary>
    internal void AddAnnotation(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        if (!_annotations.Take(name, value))
        {
            _tooLong = $"the annotation {Encoding.UTF8.GetString(name)}";
        }
    }

    /// <summary>The Node, and a fresh start; null: it has no name that a Node can have.</summary>
    internal NodeRecord? Build()
    {
        // RFC 1123: what the API takes as an object's name.
        bool isNamed = _name.Length is > 0 and <= 253;
        Complaint = !isNamed ? "a Node without a usable name is passed over"
            : _tooLong is not null ? $"Node {_name}: {_tooLong} is longer than {ParseLimits.TextSize} bytes, not used"
            : null;
        NodeRecord? record = !isNamed ? null : new NodeRecord
        {
            Name = _name,
            Uid = _uid,
            ResourceVersion = ulong.TryParse(ResourceVersion, out ulong version) ? version : 0,
            CreatedAt = _createdAt,
            PodCidrs = _podCidrs.Count > 0 ? [.. _podCidrs] : _podCidr.Length > 0 ? [_podCidr] : [],
            InternalIP = _internalIP,
            InternalIPv6 = _internalIPv6,
            Annotations = _annotations.Build(),
            NetworkUnavailable = _networkUnavailable,
        };
        Reset();
        return record;
    }

    /// <summary>Forgets what was collected.</summary>
    internal void Reset()
    {
        _annotations.Reset();
        _podCidrs.Clear();
        _name = "";
        _uid = "";
        _podCidr = "";
        _createdAt = 0;
        _internalIP = default;
        _internalIPv6 = default;
        _networkUnavailable = null;
        _tooLong = null;
        ResourceVersion = "";
    }

    private string Text(string field, ReadOnlySpan<byte> text)
    {
        if (text.Length <= ParseLimits.TextSize)
        {
            return Encoding.UTF8.GetString(text);
        }

        _tooLong = field;
        return "";
    }
}
