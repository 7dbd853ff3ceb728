using Xunit;

namespace FlannelCni.TestKit;

/// <summary>
/// The trait that says which kernel a test runs on: that of the machine, unless it is marked. The guest of
/// <c>./build.sh test guest</c> has Debian's own, with all its modules; all in it takes some twenty times longer.
/// </summary>
public static class KernelTrait
{
    /// <summary>The trait's name.</summary>
    public const string Name = "Kernel";

    /// <summary>Only in the guest: the machine's kernel may lack what the test needs.</summary>
    public const string Guest = "guest";

    /// <summary>On the machine and in the guest.</summary>
    public const string Both = "both";

    /// <summary>Is this the guest?</summary>
    public static bool IsGuest { get; } = Environment.GetEnvironmentVariable("FLANNEL_GUEST") is not null;

    /// <summary>Skips the test outside of the guest, where build.sh leaves it out.</summary>
    public static void RequireGuest()
    {
        if (!IsGuest)
        {
            Assert.Skip("needs the guest's kernel: ./build.sh test guest");
        }
    }
}
