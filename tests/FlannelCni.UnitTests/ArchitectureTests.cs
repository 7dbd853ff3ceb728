using System.Reflection;

namespace FlannelCni.UnitTests;

/// <summary>References point one way: Linux, Contract, the two programs, tests.</summary>
public sealed class ArchitectureTests
{
    [Theory]
    [InlineData("FlannelCni.Linux")]
    [InlineData("FlannelCni.Contract", "FlannelCni.Linux")]
    [InlineData("flannel", "FlannelCni.Contract", "FlannelCni.Linux")]
    [InlineData("flanneld", "FlannelCni.Contract", "FlannelCni.Linux")]
    public void An_assembly_knows_of_ours_only_those_below_it(string assembly, params string[] below)
    {
        string?[] ours = ["FlannelCni.Linux", "FlannelCni.Contract", "flannel", "flanneld"];

        AssemblyName[] known = Assembly.Load(assembly).GetReferencedAssemblies();

        Assert.Empty(known.Select(static name => name.Name).Intersect(ours).Except(below));
    }
}
