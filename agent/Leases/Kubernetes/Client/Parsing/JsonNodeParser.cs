using System.Text.Json;

namespace FlannelCni.Agent.Leases.Kubernetes.Client.Parsing;

/// <summary>
/// A NodeList, the events of a watch, or one Node, in JSON. It follows the tokens as they come, knows where among the
/// objects it is, and passes by all that it does not want.
/// </summary>
internal sealed class JsonNodeParser : INodeParser
{
    private const int MaxDepth = 64;

    private readonly JsonNodeFields _fields;
    private readonly bool _isWatch;
    private readonly Stack<JsonPlace> _places = new();
    private JsonReaderState _state;
    private JsonPlace _next;
    private int _skipTo = -1;    // the depth at which what is skipped ends; -1: nothing is
    private bool _isWithin;
    private bool _isAny;

    private JsonNodeParser(AnnotationNames names, JsonPlace top)
    {
        _isWatch = top == JsonPlace.Event;
        _fields = new JsonNodeFields(names, Found);
        _next = top;
        Top = top;
        _state = new JsonReaderState(new JsonReaderOptions { MaxDepth = MaxDepth, AllowMultipleValues = _isWatch });
    }

    public ParsedNodes Found { get; } = new();

    public bool IsComplete => !_isWithin && (_isWatch || _isAny);

    private JsonPlace Top { get; }

    internal static JsonNodeParser OfList(AnnotationNames names) => new(names, JsonPlace.List);

    internal static JsonNodeParser OfWatch(AnnotationNames names) => new(names, JsonPlace.Event);

    internal static JsonNodeParser OfNode(AnnotationNames names) => new(names, JsonPlace.Node);

    public int Parse(ReadOnlySpan<byte> data)
    {
        try
        {
            Utf8JsonReader reader = new(data, isFinalBlock: false, _state);
            while (reader.Read())
            {
                if (_skipTo < 0)
                {
                    Follow(ref reader);
                }
                else if (reader.CurrentDepth == _skipTo
                    && reader.TokenType is JsonTokenType.EndObject or JsonTokenType.EndArray)
                {
                    _skipTo = -1;
                }
            }

            _state = reader.CurrentState;
            int done = (int)reader.BytesConsumed;
            _isWithin = _places.Count > 0 || !data[done..].Trim(" \n\r\t"u8).IsEmpty;
            return done;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            // InvalidOperationException: a text that is no UTF-8.
            throw new InvalidDataException($"JSON: {e.Message}", e);
        }
    }

    private void Follow(ref Utf8JsonReader reader)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.PropertyName:
                _next = _fields.Enter(_places.Peek(), ref reader);
                break;
            case JsonTokenType.StartObject or JsonTokenType.StartArray:
                Start(ref reader);
                break;
            case JsonTokenType.EndObject or JsonTokenType.EndArray:
                End();
                break;
            case JsonTokenType.String or JsonTokenType.Number:
                _fields.Take(_next, ref reader);
                Passed();
                break;
            default:
                Passed();
                break;
        }
    }

    private void Start(ref Utf8JsonReader reader)
    {
        bool isArray = reader.TokenType == JsonTokenType.StartArray;
        if (_next == JsonPlace.Other || JsonPlaces.IsArray(_next) != isArray || JsonPlaces.IsText(_next))
        {
            _skipTo = reader.CurrentDepth;
            Passed();
            return;
        }

        _places.Push(_next);
        _fields.Begin(_next);
        _next = JsonPlaces.ItemOf(_next);
        _isAny = true;
    }

    private void End()
    {
        JsonPlace ended = _places.Pop();
        _fields.End(ended);
        if (_places.Count == 0)
        {
            _next = Top;
        }
        else
        {
            Passed();
        }
    }

    /// <summary>A value is over: in an array another of its items may follow, in an object a name.</summary>
    private void Passed() =>
        _next = _places.TryPeek(out JsonPlace place) ? JsonPlaces.ItemOf(place) : throw NoObject();

    private static InvalidDataException NoObject() => new("JSON: the body is no object");
}
