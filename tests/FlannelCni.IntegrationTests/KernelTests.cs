namespace FlannelCni.IntegrationTests;

/// <summary>What the kernel must offer before any other test here means something.</summary>
public sealed class KernelTests
{
    [Theory]
    [InlineData("net")]
    [InlineData("mnt")]
    public void The_kernel_has_namespaces_of_the_kind(string kind)
    {
        Assert.True(File.Exists($"/proc/self/ns/{kind}"));
    }
}
