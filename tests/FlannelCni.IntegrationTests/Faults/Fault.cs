namespace FlannelCni.IntegrationTests.Faults;

/// <summary>What somebody does to a node.</summary>
/// <param name="Command">For a shell on the node.</param>
/// <param name="Input">Of the command.</param>
internal sealed record Fault(string Command, string Input = "")
{
    /// <summary>It changes one entry, so that its repair touches that one and no other.</summary>
    public bool IsOfOneEntry { get; init; }

    public override string ToString() => Command;
}
