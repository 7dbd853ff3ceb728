using FlannelCni.Linux;

namespace FlannelCni.Agent.Backends;

/// <summary>What a look at a backend's devices came to.</summary>
internal sealed record Ensured(BackendState State)
{
    /// <summary>What others had changed and was mended, in words.</summary>
    public IReadOnlyList<string> Repairs { get; init; } = [];

    /// <summary>
    /// What cannot be had. One family's failure is not the other's: whatever does not need it is right, and what is
    /// known of it stays as it was.
    /// </summary>
    public IReadOnlyList<LinuxException> Failures { get; init; } = [];

    /// <summary>For the start, which half a node is no good for.</summary>
    /// <exception cref="LinuxException">The first of the failures.</exception>
    public BackendState OrThrow() => Failures.Count == 0 ? State : throw Failures[0];
}
