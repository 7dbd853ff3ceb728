namespace FlannelCni.TestKit;

/// <summary>The checkout that the running tests were built from.</summary>
public static class Repository
{
    /// <summary>Its top folder: the one that holds the solution.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>An executable as <c>./build.sh build</c> leaves it: <c>flannel</c> or <c>flanneld</c>.</summary>
    public static string Executable(string name) => Path.Combine(Root, "artifacts", "bin", name);

    private static string FindRoot()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "FlannelCni.sln")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName
            ?? throw new DirectoryNotFoundException($"FlannelCni.sln is in no folder above {AppContext.BaseDirectory}");
    }
}
