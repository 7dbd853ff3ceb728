namespace FlannelCni.Agent.Backends;

/// <summary>
/// When routes go through nexthop objects: only where they pay. Adding a route with a gateway costs the kernel time in
/// proportion to those on the same device: 15,000 take 3 s, and through nexthop objects a tenth. For small clusters the
/// plain form is kept, which <c>ip route</c> and upstream flannel can delete by what they show of it.
/// </summary>
internal static class NexthopPolicy
{
    internal const int EnoughRoutes = 1000;

    /// <summary>Below the other one, so that a cluster of that size does not go to and fro.</summary>
    internal const int TooFewRoutes = 800;

    /// <param name="routes">On the tunnel device.</param>
    /// <param name="isUsed">As it was decided last.</param>
    internal static bool IsWorthIt(NexthopObjects objects, int routes, bool isUsed) =>
        objects != NexthopObjects.Never && routes > (isUsed ? TooFewRoutes : EnoughRoutes);
}
