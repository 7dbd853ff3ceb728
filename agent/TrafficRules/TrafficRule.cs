using System.Collections.Immutable;
using FlannelCni.Linux.Net;

namespace FlannelCni.Agent.TrafficRules;

/// <summary>One rule, as data. What a match that is absent would look at does not matter.</summary>
internal readonly record struct TrafficRule(RuleAction Action)
{
    public MarkMatch? Mark { get; init; }

    public AddressMatch? Source { get; init; }

    public AddressMatch? Destination { get; init; }
}

/// <summary>An address in the prefix, or outside of it.</summary>
internal readonly record struct AddressMatch(IpPrefix Prefix, bool IsNegated = false);

/// <summary>A packet's mark whose bits under the mask are the value.</summary>
internal readonly record struct MarkMatch(uint Value, uint Mask);

internal enum RuleAction
{
    /// <summary>None of the chain's further rules; for masquerading that is: leave the addresses alone.</summary>
    Return,
    Accept,

    /// <summary>The source becomes the address of the interface that the packet leaves by.</summary>
    Masquerade,

    /// <summary>
    /// As <see cref="Masquerade"/>, with a random source port: fewer clashes when many connect at once.
    /// </summary>
    MasqueradeFullyRandom,
}

/// <summary>Rules that are looked at in order.</summary>
internal sealed record RuleChain(ChainRole Role, ImmutableArray<TrafficRule> Rules)
{
    /// <summary>By value, unlike the array's own.</summary>
    public bool Equals(RuleChain? other) => other is not null && Role == other.Role && Rules.SequenceEqual(other.Rules);

    public override int GetHashCode() => HashCode.Combine(Role, Rules.Length);
}

/// <summary>What a chain is for.</summary>
internal enum ChainRole
{
    /// <summary>Masquerading, of whatever leaves the node.</summary>
    Masquerade,

    /// <summary>
    /// Masquerading of what is for pods and does not come from pods; before <see cref="Masquerade"/>.
    /// </summary>
    MasqueradeToPods,

    /// <summary>Letting through what is forwarded from and to pods.</summary>
    Forward,
}

/// <summary>
/// All that one family of addresses needs. A role without a chain: that of an earlier agent is removed.
/// </summary>
internal sealed record FamilyRules(bool Is6, ImmutableArray<RuleChain> Chains)
{
    public RuleChain? Find(ChainRole role) => Chains.FirstOrDefault(chain => chain.Role == role);
}
