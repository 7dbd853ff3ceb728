using System.Formats.Tar;
using System.Security.Cryptography;
using System.Text;

namespace FlannelCni.TestKit.Cri;

/// <summary>An image of one static program that sleeps, as <c>docker save</c> would write it.</summary>
internal static class TestImage
{
    internal const string Name = "flannel.test/pause:1";

    private const string Program = "/bin/busybox"; // of the package busybox-static

    /// <summary>Writes the archive.</summary>
    internal static void Write(string path)
    {
        byte[] layer = Tar(("bin/busybox", File.ReadAllBytes(Program)));
        string digest = Convert.ToHexStringLower(SHA256.HashData(layer));
        string config =
            """{"architecture":"amd64","os":"linux","config":{"Entrypoint":["/bin/busybox","sleep","100000"]},"""
            + $$"""
            "rootfs":{"type":"layers","diff_ids":["sha256:{{digest}}"]},"history":[{"created_by":"test"}]}
            """;
        string manifest = $$"""[{"Config":"config.json","RepoTags":["{{Name}}"],"Layers":["layer.tar"]}]""";
        File.WriteAllBytes(path, Tar(
            ("manifest.json", Encoding.UTF8.GetBytes(manifest)),
            ("config.json", Encoding.UTF8.GetBytes(config)),
            ("layer.tar", layer)));
    }

    private static byte[] Tar(params (string Name, byte[] Content)[] files)
    {
        using MemoryStream stream = new();
        using (TarWriter writer = new(stream, TarEntryFormat.Ustar, leaveOpen: true))
        {
            foreach ((string name, byte[] content) in files)
            {
                writer.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, name)
                {
                    Mode = UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.OtherRead
                        | UnixFileMode.OtherExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute,
                    DataStream = new MemoryStream(content),
                });
            }
        }

        return stream.ToArray();
    }
}
