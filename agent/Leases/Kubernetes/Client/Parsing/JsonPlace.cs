namespace FlannelCni.Agent.Leases.Kubernetes.Client.Parsing;

/// <summary>Where in a JSON body a value stands.</summary>
internal enum JsonPlace
{
    /// <summary>Nowhere that we look.</summary>
    Other,

    Event,
    EventType,

    List,
    Items,
    ListKind,
    ListMetadata,
    ListResourceVersion,
    Continue,

    Kind,

    Node,
    Metadata,
    Name,
    Uid,
    ResourceVersion,
    CreationTimestamp,
    Annotations,
    Annotation,

    Spec,
    PodCidr,
    PodCidrs,
    PodCidrOfMany,

    NodeStatus,
    Addresses,
    Address,
    Conditions,
    Condition,

    /// <summary>Of an address or a condition.</summary>
    Type,
    AddressText,
    ConditionStatus,
    ConditionReason,

    /// <summary>Of a Status.</summary>
    Message,
    Reason,
    Code,
    Details,
    RetryAfterSeconds,
}

/// <summary>What is where.</summary>
internal static class JsonPlaces
{
    internal static bool IsArray(JsonPlace place) =>
        place is JsonPlace.Items or JsonPlace.PodCidrs or JsonPlace.Addresses or JsonPlace.Conditions;

    /// <summary>Is it neither an object nor an array?</summary>
    internal static bool IsText(JsonPlace place) => place is not (
        JsonPlace.Event or JsonPlace.List or JsonPlace.Items or JsonPlace.ListMetadata or JsonPlace.Node
        or JsonPlace.Metadata or JsonPlace.Annotations or JsonPlace.Spec or JsonPlace.PodCidrs or JsonPlace.NodeStatus
        or JsonPlace.Addresses or JsonPlace.Address or JsonPlace.Conditions or JsonPlace.Condition
        or JsonPlace.Details);

    /// <summary>Of an array.</summary>
    internal static JsonPlace ItemOf(JsonPlace array) => array switch
    {
        JsonPlace.Items => JsonPlace.Node,
        JsonPlace.PodCidrs => JsonPlace.PodCidrOfMany,
        JsonPlace.Addresses => JsonPlace.Address,
        JsonPlace.Conditions => JsonPlace.Condition,
        _ => JsonPlace.Other,
    };

    /// <summary>Of an object: where the value of a property stands.</summary>
    internal static JsonPlace PropertyOf(JsonPlace place, ReadOnlySpan<byte> name) => place switch
    {
        JsonPlace.Event => name switch
        {
            _ when name.SequenceEqual("type"u8) => JsonPlace.EventType,
            _ when name.SequenceEqual("object"u8) => JsonPlace.Node,
            _ => JsonPlace.Other,
        },
        JsonPlace.List => name switch
        {
            _ when name.SequenceEqual("items"u8) => JsonPlace.Items,
            _ when name.SequenceEqual("metadata"u8) => JsonPlace.ListMetadata,
            _ when name.SequenceEqual("kind"u8) => JsonPlace.ListKind,
            _ => JsonPlace.Other,
        },
        JsonPlace.ListMetadata => name switch
        {
            _ when name.SequenceEqual("resourceVersion"u8) => JsonPlace.ListResourceVersion,
            _ when name.SequenceEqual("continue"u8) => JsonPlace.Continue,
            _ => JsonPlace.Other,
        },
        JsonPlace.Node => name switch
        {
            _ when name.SequenceEqual("metadata"u8) => JsonPlace.Metadata,
            _ when name.SequenceEqual("spec"u8) => JsonPlace.Spec,
            _ when name.SequenceEqual("status"u8) => JsonPlace.NodeStatus,
            _ when name.SequenceEqual("kind"u8) => JsonPlace.Kind,
            _ when name.SequenceEqual("message"u8) => JsonPlace.Message,
            _ when name.SequenceEqual("reason"u8) => JsonPlace.Reason,
            _ when name.SequenceEqual("code"u8) => JsonPlace.Code,
            _ when name.SequenceEqual("details"u8) => JsonPlace.Details,
            _ => JsonPlace.Other,
        },
        JsonPlace.Metadata => name switch
        {
            _ when name.SequenceEqual("name"u8) => JsonPlace.Name,
            _ when name.SequenceEqual("uid"u8) => JsonPlace.Uid,
            _ when name.SequenceEqual("resourceVersion"u8) => JsonPlace.ResourceVersion,
            _ when name.SequenceEqual("creationTimestamp"u8) => JsonPlace.CreationTimestamp,
            _ when name.SequenceEqual("annotations"u8) => JsonPlace.Annotations,
            _ => JsonPlace.Other,
        },
        JsonPlace.Annotations => JsonPlace.Annotation,
        JsonPlace.Spec => name switch
        {
            _ when name.SequenceEqual("podCIDR"u8) => JsonPlace.PodCidr,
            _ when name.SequenceEqual("podCIDRs"u8) => JsonPlace.PodCidrs,
            _ => JsonPlace.Other,
        },
        JsonPlace.NodeStatus => name switch
        {
            _ when name.SequenceEqual("addresses"u8) => JsonPlace.Addresses,
            _ when name.SequenceEqual("conditions"u8) => JsonPlace.Conditions,
            _ => JsonPlace.Other,
        },
        JsonPlace.Address => name switch
        {
            _ when name.SequenceEqual("type"u8) => JsonPlace.Type,
            _ when name.SequenceEqual("address"u8) => JsonPlace.AddressText,
            _ => JsonPlace.Other,
        },
        JsonPlace.Condition => name switch
        {
            _ when name.SequenceEqual("type"u8) => JsonPlace.Type,
            _ when name.SequenceEqual("status"u8) => JsonPlace.ConditionStatus,
            _ when name.SequenceEqual("reason"u8) => JsonPlace.ConditionReason,
            _ => JsonPlace.Other,
        },
        JsonPlace.Details => name.SequenceEqual("retryAfterSeconds"u8) ? JsonPlace.RetryAfterSeconds : JsonPlace.Other,
        _ => JsonPlace.Other,
    };
}
