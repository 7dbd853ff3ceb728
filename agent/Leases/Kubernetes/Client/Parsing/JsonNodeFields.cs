using System.Buffers;
using System.Text;
using System.Text.Json;

namespace FlannelCni.Agent.Leases.Kubernetes.Client.Parsing;

/// <summary>What the values of a JSON body mean, place by place.</summary>
internal sealed class JsonNodeFields(AnnotationNames names, ParsedNodes found)
{
    private readonly NodeBuilder _node = new(names);
    private readonly ArrayBufferWriter<byte> _first = new();     // an annotation's name, a type
    private readonly ArrayBufferWriter<byte> _second = new();    // a condition's status, an address
    private readonly ArrayBufferWriter<byte> _third = new();     // a condition's reason
    private readonly byte[] _text = new byte[ParseLimits.TextSize + 1];
    private bool _isEvent;
    private string _eventType = "";
    private string _kind = "";
    private string _listKind = "";
    private string _message = "";
    private string _reason = "";
    private int _code;
    private int _retryAfter;

    /// <summary>A property's name is read.</summary>
    /// <returns>Where its value stands.</returns>
    internal JsonPlace Enter(JsonPlace within, ref Utf8JsonReader reader)
    {
        ReadOnlySpan<byte> name = Text(ref reader);
        if (within == JsonPlace.Annotations)
        {
            Keep(_first, name);
        }

        return JsonPlaces.PropertyOf(within, name);
    }

    /// <summary>An object or an array begins.</summary>
    internal void Begin(JsonPlace place)
    {
        switch (place)
        {
            case JsonPlace.Event:
                _isEvent = true;
                (_eventType, _kind, _message, _reason, _code, _retryAfter) = ("", "", "", "", 0, 0);
                _node.Reset();
                break;
            case JsonPlace.Node when !_isEvent:
                _node.Reset();
                break;
            case JsonPlace.Address or JsonPlace.Condition:
                _first.ResetWrittenCount();
                _second.ResetWrittenCount();
                _third.ResetWrittenCount();
                break;
        }
    }

    /// <summary>An object or an array is over.</summary>
    /// <exception cref="InvalidDataException">It is not what it has to be.</exception>
    internal void End(JsonPlace place)
    {
        switch (place)
        {
            case JsonPlace.List when _listKind != "NodeList":
                throw new InvalidDataException($"JSON: a {_listKind} instead of a NodeList");
            case JsonPlace.Node when !_isEvent:
                found.Add(NodeEventKind.Added, _node);
                break;
            case JsonPlace.Event:
                EndEvent();
                break;
            case JsonPlace.Address:
                _node.AddAddress(_first.WrittenSpan, _second.WrittenSpan);
                break;
            case JsonPlace.Condition:
                _node.AddCondition(_first.WrittenSpan, _second.WrittenSpan, _third.WrittenSpan);
                break;
        }
    }

    /// <summary>A text or a number is read.</summary>
    internal void Take(JsonPlace place, ref Utf8JsonReader reader)
    {
        switch (place)
        {
            case JsonPlace.Other:
                break;
            case JsonPlace.Code:
                _ = reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out _code);
                break;
            case JsonPlace.RetryAfterSeconds:
                _ = reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out _retryAfter);
                break;
            case var _ when reader.TokenType == JsonTokenType.Number:
                break;
            case JsonPlace.CreationTimestamp:
                _node.SetCreatedAt(reader.TryGetDateTimeOffset(out DateTimeOffset time) ? time.ToUnixTimeSeconds() : 0);
                break;
            default:
                TakeText(place, Text(ref reader));
                break;
        }
    }

    private void TakeText(JsonPlace place, ReadOnlySpan<byte> text)
    {
        switch (place)
        {
            case JsonPlace.Name:
                _node.SetName(text);
                break;
            case JsonPlace.Uid:
                _node.SetUid(text);
                break;
            case JsonPlace.ResourceVersion:
                _node.SetResourceVersion(text);
                break;
            case JsonPlace.Annotation:
                _node.AddAnnotation(_first.WrittenSpan, text);
                break;
            case JsonPlace.PodCidr:
                _node.SetPodCidr(text);
                break;
            case JsonPlace.PodCidrOfMany:
                _node.AddPodCidr(text);
                break;
            case JsonPlace.Type:
                Keep(_first, text);
                break;
            case JsonPlace.AddressText or JsonPlace.ConditionStatus:
                Keep(_second, text);
                break;
            case JsonPlace.ConditionReason:
                Keep(_third, text);
                break;
            default:
                TakeOther(place, Encoding.UTF8.GetString(text));
                break;
        }
    }

    private void TakeOther(JsonPlace place, string text)
    {
        switch (place)
        {
            case JsonPlace.EventType:
                _eventType = text;
                break;
            case JsonPlace.Kind:
                _kind = text;
                break;
            case JsonPlace.ListKind:
                _listKind = text;
                break;
            case JsonPlace.ListResourceVersion:
                found.ResourceVersion = text;
                break;
            case JsonPlace.Continue:
                found.Continue = text.Length > 0 ? text : null;
                break;
            case JsonPlace.Message:
                _message = text;
                break;
            case JsonPlace.Reason:
                _reason = text;
                break;
        }
    }

    private void EndEvent()
    {
        if (NodeEventKinds.Find(Encoding.UTF8.GetBytes(_eventType)) is not { } kind)
        {
            return;
        }

        switch (_kind)
        {
            case "Node" when kind != NodeEventKind.Error:
                found.Add(kind, _node);
                break;
            case "Status" when kind == NodeEventKind.Error:
                found.Events.Add(new NodeEvent(kind, null, "", new ApiStatus(_code, _reason, _message, _retryAfter)));
                break;
            default:
                throw new InvalidDataException($"a watch of Nodes has a {_kind} in an event {kind}");
        }
    }

    /// <summary>The token's text, unescaped; valid until the next. One that is too long stays so.</summary>
    private ReadOnlySpan<byte> Text(ref Utf8JsonReader reader) =>
        !reader.ValueIsEscaped ? reader.ValueSpan
        : reader.ValueSpan.Length <= ParseLimits.TextSize ? _text.AsSpan(0, reader.CopyString(_text))
        : _text;    // too long by one

    private static void Keep(ArrayBufferWriter<byte> into, ReadOnlySpan<byte> text)
    {
        into.ResetWrittenCount();
        into.Write(text.Length <= ParseLimits.TextSize ? text : text[..ParseLimits.TextSize]);
    }
}
