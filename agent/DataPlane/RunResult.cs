using FlannelCni.Agent.Backends;

namespace FlannelCni.Agent.DataPlane;

/// <summary>What one run of the reconciler saw and did, gathered on its way.</summary>
internal sealed class RunResult
{
    /// <summary>The first with a complete list of leases.</summary>
    public bool IsFirst { get; set; }

    /// <summary>It looked at everything. Otherwise what failed is tried again soon, by one that does.</summary>
    public bool IsFull { get; set; }

    /// <summary>What is on the external interface's link, in words; null: as before.</summary>
    public string? OnLink { get; set; }

    public List<string> DeviceRepairs { get; } = [];

    public List<PeerChange> PeerChanges { get; } = [];

    public List<KeyValuePair<PeerKey, Refusal>> Refusals { get; } = [];

    /// <summary>Kind and key of each entry that somebody else had changed.</summary>
    public List<(string Kind, string Key)> Drifted { get; } = [];

    public List<string> Failures { get; } = [];

    /// <summary>Lines to be said once.</summary>
    public List<string> Notes { get; } = [];

    /// <summary>Lines to be said once, for somebody to look at.</summary>
    public List<string> Warnings { get; } = [];

    /// <summary>Entries written or deleted.</summary>
    public int Changed { get; private set; }

    public bool HadTrouble => DeviceRepairs.Count > 0 || Drifted.Count > 0 || Failures.Count > 0;

    public void Add(string kind, TableResult result)
    {
        Changed += result.Changed;
        Drifted.AddRange(result.Drifted.Select(key => (kind, key)));
        Failures.AddRange(result.Failures);
        Notes.AddRange(result.Notes);
        Warnings.AddRange(result.Warnings);
    }
}
