using System.Collections.Immutable;

namespace FlannelCni.Linux.Nftables;

/// <summary>A table of one family.</summary>
public sealed record NftTable(NftFamily Family, string Name)
{
    public NftTableFlags Flags { get; init; }

    /// <summary>As <c>nft list</c> shows it; given once, when the table is made (Linux 5.10).</summary>
    public string? Comment { get; init; }
}

/// <summary>A chain of a table.</summary>
public sealed record NftChain(NftFamily Family, string Table, string Name)
{
    /// <summary>Null: no base chain, reached by jumps only.</summary>
    public NftBase? Base { get; init; }

    /// <inheritdoc cref="NftTable.Comment"/>
    public string? Comment { get; init; }
}

/// <summary>Where a base chain hangs: <c>type nat hook postrouting priority srcnat; policy accept;</c>.</summary>
/// <param name="Type"><c>filter</c>, <c>nat</c> or <c>route</c>.</param>
/// <param name="Priority">Lower ones come first.</param>
/// <param name="Policy">NF_ACCEPT or NF_DROP.</param>
public sealed record NftBase(string Type, NftHook Hook, int Priority, NftVerdict Policy);

/// <summary>A rule as the kernel lists it.</summary>
/// <param name="Handle">Its number in the table, never used twice.</param>
public sealed record NftRule(
    NftFamily Family, string Table, string Chain, ulong Handle, ImmutableArray<NftExpression> Expressions)
{
    public string? Comment { get; init; }

    /// <summary>Is it made of these steps, and no others?</summary>
    public bool Is(ReadOnlySpan<NftExpression> expressions) => Expressions.AsSpan().SequenceEqual(expressions);

    /// <summary>Does it jump, or go, to that chain of its table?</summary>
    public bool LeadsTo(string chain) => Expressions.Any(expression => expression.Chain == chain);
}

/// <summary>A change somebody made, as the kernel announced it.</summary>
/// <param name="Type">NFT_MSG_NEW… or NFT_MSG_DEL….</param>
/// <param name="Chain">Null where the message is about something else than a chain or a rule.</param>
/// <param name="PortId">Of the socket whose transaction it was.</param>
public readonly record struct NftEvent(ushort Type, NftFamily Family, string Table, string? Chain, uint PortId);
