using FsCheck;

namespace FlannelCni.UnitTests;

/// <summary>How properties are checked here.</summary>
internal static class PropertyChecks
{
    /// <summary>Throws with the smallest counterexample; says nothing when all is well.</summary>
    internal static void Hold(this Property property) =>
        property.Check(Config.QuickThrowOnFailure.WithQuietOnSuccess(true));
}
