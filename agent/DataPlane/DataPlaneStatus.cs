namespace FlannelCni.Agent.DataPlane;

/// <summary>What the reconciler last found, for those who ask from other threads.</summary>
/// <param name="Trouble">Why the kernel is not as it must be; null: it is.</param>
/// <param name="Beat">When the loop last came by, in the clock's timestamps.</param>
/// <param name="Peers">Admitted, of both families.</param>
/// <param name="Refused">Not admitted.</param>
internal sealed record DataPlaneStatus(string? Trouble, long Beat, int Peers, int Refused);
