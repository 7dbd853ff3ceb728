using System.Runtime.InteropServices;

namespace FlannelCni.Linux.Nftables;

/// <summary>
/// One step of a rule. Those made here work on register 1 and print as <c>nft --debug=netlink</c> does. What the kernel
/// lists and this type has no form for is <see cref="NftExpressionKind.Other"/>, by its name, which nothing made here
/// equals.
/// </summary>
public readonly record struct NftExpression
{
    private NftExpression(NftExpressionKind kind) => Kind = kind;

    public NftExpressionKind Kind { get; }

    public NftMetaKey MetaKey { get; private init; }

    public NftPayloadBase PayloadBase { get; private init; }

    /// <summary>Bytes from the base.</summary>
    public uint PayloadOffset { get; private init; }

    public uint PayloadLength { get; private init; }

    public NftCmpOp CmpOp { get; private init; }

    /// <summary>Of a comparison its right side, of a mask its ones.</summary>
    public NftData Data { get; private init; }

    public NftVerdict Verdict { get; private init; }

    /// <summary>Where NFT_JUMP and NFT_GOTO go.</summary>
    public string? Chain { get; private init; }

    public NftNatFlags NatFlags { get; private init; }

    /// <summary>The kernel's name of an <see cref="NftExpressionKind.Other"/>.</summary>
    public string? Name { get; private init; }

    /// <summary><c>meta load KEY => reg 1</c>.</summary>
    public static NftExpression LoadMeta(NftMetaKey key) => new(NftExpressionKind.Meta) { MetaKey = key };

    /// <summary><c>payload load LENGTH @ BASE + OFFSET => reg 1</c>.</summary>
    public static NftExpression LoadPayload(NftPayloadBase from, uint offset, uint length) =>
        new(NftExpressionKind.Payload) { PayloadBase = from, PayloadOffset = offset, PayloadLength = length };

    /// <summary><c>bitwise reg 1 = ( reg 1 &amp; MASK ) ^ 0</c>.</summary>
    public static NftExpression Mask(ReadOnlySpan<byte> mask) =>
        new(NftExpressionKind.Bitwise) { Data = new NftData(mask) };

    /// <summary><c>cmp OP reg 1 DATA</c>.</summary>
    public static NftExpression Cmp(NftCmpOp op, ReadOnlySpan<byte> data) =>
        new(NftExpressionKind.Cmp) { CmpOp = op, Data = new NftData(data) };

    /// <summary>A number that the kernel keeps in the host's byte order, such as a mark.</summary>
    public static NftExpression Cmp(NftCmpOp op, uint value) =>
        Cmp(op, MemoryMarshal.AsBytes(new ReadOnlySpan<uint>(in value)));

    /// <inheritdoc cref="Cmp(NftCmpOp, uint)"/>
    public static NftExpression Mask(uint mask) => Mask(MemoryMarshal.AsBytes(new ReadOnlySpan<uint>(in mask)));

    /// <summary><c>immediate reg 0 VERDICT</c>.</summary>
    /// <param name="chain">Of NFT_JUMP and NFT_GOTO.</param>
    public static NftExpression Decide(NftVerdict verdict, string? chain = null) =>
        new(NftExpressionKind.Verdict) { Verdict = verdict, Chain = chain };

    /// <summary><c>masq</c>.</summary>
    public static NftExpression Masquerade(NftNatFlags flags) => new(NftExpressionKind.Masquerade) { NatFlags = flags };

    /// <summary>One that was listed and is not understood here.</summary>
    public static NftExpression Other(string name) => new(NftExpressionKind.Other) { Name = name };

    public override string ToString() => Kind switch
    {
        NftExpressionKind.Meta => $"[ meta load {MetaKey} => reg 1 ]",
        NftExpressionKind.Payload => $"[ payload load {PayloadLength}b @ {PayloadBase} + {PayloadOffset} => reg 1 ]",
        NftExpressionKind.Bitwise => $"[ bitwise reg 1 = ( reg 1 & {Data} ) ^ 0 ]",
        NftExpressionKind.Cmp => $"[ cmp {CmpOp} reg 1 {Data} ]",
        NftExpressionKind.Verdict => Chain is null
            ? $"[ immediate reg 0 {Verdict} ]"
            : $"[ immediate reg 0 {Verdict} -> {Chain} ]",
        NftExpressionKind.Masquerade => $"[ masq flags 0x{(uint)NatFlags:x} ]",
        _ => $"[ {Name} ]",
    };
}

/// <summary>Which members of an <see cref="NftExpression"/> mean something.</summary>
public enum NftExpressionKind : byte
{
    Other,
    Meta,
    Payload,
    Bitwise,
    Cmp,
    Verdict,
    Masquerade,
}
