using System.Runtime.InteropServices;
using FlannelCni.Linux.Processes;

namespace FlannelCni.IntegrationTests.Processes;

public sealed class NativeEnvironmentTests
{
    // Names that nobody else asks for.
    private const string Unset = "FLANNEL_TEST_UNSET";

    [Fact]
    public void C_libraries_see_it_for_the_time_of_the_action_only()
    {
        string? seen = null;

        NativeEnvironment.RunWith([Unset], "value", () => seen = Marshal.PtrToStringUTF8(getenv(Unset)));

        Assert.Equal("value", seen);
        Assert.Equal(0, getenv(Unset));
    }

    [Fact]
    public void What_was_set_before_is_set_again_even_after_a_failure()
    {
        string before = Environment.GetEnvironmentVariable("PATH")!;

        Assert.Throws<InvalidOperationException>(() => NativeEnvironment.RunWith(
            ["PATH"], Environment.GetEnvironmentVariable("PATH")!, static () => throw new InvalidOperationException()));

        Assert.Equal(before, Marshal.PtrToStringUTF8(getenv("PATH")));
    }

    [DllImport("libc", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    private static extern nint getenv(string name);
}
