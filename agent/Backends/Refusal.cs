namespace FlannelCni.Agent.Backends;

/// <summary>Why a lease is not let in.</summary>
/// <param name="Text">In words: what the lease says, and what is wrong with it.</param>
internal readonly record struct Refusal(RefusalReason Reason, string Text)
{
    /// <summary>For metrics.</summary>
    public string Label => Reason switch
    {
        RefusalReason.Backend => "backend",
        RefusalReason.BackendData => "backend-data",
        RefusalReason.Subnet => "subnet",
        RefusalReason.PublicIP => "public-ip",
        RefusalReason.Conflict => "conflict",
        _ => throw new ArgumentOutOfRangeException(nameof(Reason)),
    };

    public override string ToString() => Text;
}

/// <summary>What about a lease is refused.</summary>
internal enum RefusalReason
{
    /// <summary>It is of another backend.</summary>
    Backend,

    /// <summary>What its backend publishes cannot be used: no JSON, another VNI, no MAC that a node can have.</summary>
    BackendData,

    /// <summary>Its subnet is not a peer's to have.</summary>
    Subnet,

    /// <summary>Its node cannot be reached at that address.</summary>
    PublicIP,

    /// <summary>An older lease has the same subnet or MAC.</summary>
    Conflict,
}
