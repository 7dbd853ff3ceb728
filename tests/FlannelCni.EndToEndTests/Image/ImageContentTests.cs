using System.Text.Json.Nodes;
using FlannelCni.TestKit;

namespace FlannelCni.EndToEndTests.Image;

/// <summary>What is in the image, and what is not.</summary>
public sealed class ImageContentTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public ImageContentTests()
    {
        Shell.Run($"tar -xf {Repository.Root}/artifacts/image/flanneld.tar -C {_folder.Path}");
        JsonNode manifest = JsonNode.Parse(File.ReadAllText(_folder.File("manifest.json")))![0]!;
        Assert.Equal("localhost/flanneld:0.1.0", manifest["RepoTags"]![0]!.ToString());
        JsonNode config = JsonNode.Parse(File.ReadAllText(_folder.File(manifest["Config"]!.ToString())))!["config"]!;
        Assert.Equal("""["/opt/bin/flanneld"]""", config["Entrypoint"]!.ToJsonString());
        Directory.CreateDirectory(_folder.File("root"));
        foreach (JsonNode? layer in manifest["Layers"]!.AsArray())
        {
            Shell.Run($"tar -xf {_folder.File(layer!.ToString())} -C {_folder.File("root")}");
        }
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_program_finds_all_libraries_in_the_image()
    {
        string root = _folder.File("root");
        string output = Shell.Run(
            $"cd {root} && for file in $(find opt usr lib -type f); do "
            + "if head -c 4 $file | grep -q ELF && readelf -d $file | grep -q NEEDED; then "
            + $"echo $file: $(chroot {root} /lib64/ld-linux-x86-64.so.2 --list /$file); fi; done");

        Assert.Contains("opt/bin/flanneld: ", output, StringComparison.Ordinal);
        Assert.Contains("xtables-legacy-multi: ", output, StringComparison.Ordinal);
        Assert.DoesNotContain("not found", output, StringComparison.Ordinal);
    }

    [Fact]
    public void There_is_no_shell_and_nothing_but_what_is_needed()
    {
        string[] programs = [.. Shell.Run(
            $"cd {_folder.File("root")} && find . -perm /111 -type f ! -name '*.so*' | sort").Split(
                '\n', StringSplitOptions.RemoveEmptyEntries)];

        Assert.Equal(
            [
                "./opt/bin/flanneld", "./usr/lib/cni/flannel", "./usr/lib/cni/host-local", "./usr/lib/cni/loopback",
                "./usr/lib/cni/portmap", "./usr/sbin/xtables-legacy-multi", "./usr/sbin/xtables-nft-multi",
            ],
            programs);
    }

    [Theory]
    [InlineData("flanneld")]
    [InlineData("flannel")]
    public void The_programs_are_the_published_ones(string name) => Assert.Equal(
        File.ReadAllBytes(Repository.Executable(name)),
        File.ReadAllBytes(_folder.File(name == "flannel" ? "root/usr/lib/cni/flannel" : "root/opt/bin/flanneld")));

    [Fact]
    public void It_knows_its_version() => Assert.Equal(
        "0.1.0", Shell.Run($"chroot {_folder.File("root")} /opt/bin/flanneld --version 2>&1").Trim());
}
