using System.Collections.Immutable;
using FlannelCni.Agent.Leases;
using FlannelCni.Linux;
using FlannelCni.Linux.Net;

namespace FlannelCni.Agent.TrafficRules;

/// <summary>One way to bring rules into the kernel: nftables or iptables. Not for several callers at once.</summary>
internal interface IRulesWriter : IDisposable
{
    /// <summary>For messages: <c>nftables</c>.</summary>
    string Name { get; }

    /// <summary>Reads what is there, and where it is not as it must be, puts it right in one step.</summary>
    /// <exception cref="LinuxException">Nothing is changed.</exception>
    /// <exception cref="RulesException">A program failed.</exception>
    Task<RulesChange> EnsureAsync(
        SubnetPair own, ImmutableArray<IpPrefix> notMasqueraded, CancellationToken cancellationToken);

    /// <summary>
    /// Calls <paramref name="onChange"/> when somebody may have touched the rules. Ends only with the token.
    /// </summary>
    Task WatchAsync(Action onChange, CancellationToken cancellationToken);
}

/// <summary>What <see cref="IRulesWriter.EnsureAsync"/> had to write; neither: all was as it must be.</summary>
internal readonly record struct RulesChange(bool IsMasqueradeWritten, bool IsForwardWritten)
{
    public bool IsAny => IsMasqueradeWritten || IsForwardWritten;

    public static RulesChange operator |(RulesChange left, RulesChange right) => new(
        left.IsMasqueradeWritten || right.IsMasqueradeWritten, left.IsForwardWritten || right.IsForwardWritten);

    public RulesChange With(ChainRole role) => role == ChainRole.Forward
        ? this with { IsForwardWritten = true }
        : this with { IsMasqueradeWritten = true };

    public override string ToString() => (IsMasqueradeWritten, IsForwardWritten) switch
    {
        (true, true) => "masquerade, forward",
        (true, false) => "masquerade",
        (false, true) => "forward",
        _ => "nothing",
    };
}

/// <summary>Rules that an agent of the other mode left behind.</summary>
internal interface ILeftRules : IDisposable
{
    /// <summary>For messages: <c>nftables</c>.</summary>
    string Name { get; }

    /// <summary>Removes what is this agent's by its names, and nothing else.</summary>
    /// <returns>False: there was nothing.</returns>
    Task<bool> RemoveAsync(CancellationToken cancellationToken);
}

/// <summary>A program that was to bring rules into the kernel said no.</summary>
internal sealed class RulesException(string message) : Exception(message);
