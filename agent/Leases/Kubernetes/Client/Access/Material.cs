using System.Text;
using FlannelCni.Agent.Supervision;

namespace FlannelCni.Agent.Leases.Kubernetes.Client.Access;

/// <summary>A certificate, a key or a token that stands in a file, or in a kubeconfig itself.</summary>
/// <param name="Name">For messages: <c>client-key of user admin</c>.</param>
/// <param name="Path">Absolute; null: <paramref name="Text"/> has it.</param>
internal sealed record Material(string Name, string? Path, string? Text)
{
    // What is read into memory of a file that somebody names.
    private const long MaxSize = 1 << 20;

    /// <summary>What is there now.</summary>
    /// <exception cref="AgentFatalException">The file cannot be read; the message says which and why.</exception>
    internal string Read()
    {
        if (Path is null)
        {
            return Text ?? "";
        }

        try
        {
            using FileStream file = File.OpenRead(Path);
            if (file.Length > MaxSize)
            {
                throw new AgentFatalException(
                    $"{Name}: {Path} has {file.Length} bytes: is another file meant?");
            }

            using StreamReader reader = new(file, Encoding.UTF8);
            return reader.ReadToEnd();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new AgentFatalException($"{Name}: read {Path}: {e.Message}", e);
        }
    }

    /// <summary>Where it is, without what it is.</summary>
    public override string ToString() => Path is null ? Name : $"{Name} ({Path})";
}
