using System.Text;
using FlannelCni.TestKit;

namespace FlannelCni.UnitTests.Docs;

/// <summary>What the documents name is there.</summary>
public sealed class DocumentationTests
{
    private static readonly string[] s_endings = [".cs", ".sh", ".md", ".csproj", ".props", ".sln", ".json", ".yml"];

    public static TheoryData<string> Documents =>
        [.. Files("*.md").Where(static path => !path.EndsWith("CHANGELOG.md", StringComparison.Ordinal))];

    [Theory]
    [MemberData(nameof(Documents))]
    public void Every_file_and_folder_that_a_document_names_exists(string document)
    {
        string path = Path.Combine(Repository.Root, document);
        string folder = Path.GetDirectoryName(path)!;    // it is a file's
        string text = File.ReadAllText(path);

        Assert.All(Links(text), link => Assert.True(Exists(Path.Combine(folder, link)), link));
        if (Path.GetFileName(path) == "README.md")
        {
            Assert.All(Quoted(text).Where(IsPath), name => Assert.True(
                Exists(Path.Combine(folder, name)) || Exists(Path.Combine(Repository.Root, name)), name));
        }
    }

    [Fact]
    public void Every_text_in_a_heading_of_the_troubleshooting_is_one_the_programs_print()
    {
        string sources = Sources();
        string[] headings = [.. File.ReadLines(Path.Combine(Repository.Root, "docs/troubleshooting.md"))
            .Where(static line => line.StartsWith("### `", StringComparison.Ordinal))
            .Select(static line => line[5..line.LastIndexOf('`')])];

        Assert.NotEmpty(headings);
        Assert.All(
            headings.SelectMany(static heading => heading.Split('…')),
            piece => Assert.True(sources.Contains(piece, StringComparison.Ordinal), piece));
    }

    [Fact]
    public void Every_flag_and_metric_in_the_documents_is_one_the_agent_has()
    {
        string sources = Sources();
        string[] words = [.. Files("*.md")
            .Where(static path => path.StartsWith("docs/", StringComparison.Ordinal) && !path.Contains("decisions"))
            .SelectMany(static path => Quoted(File.ReadAllText(Path.Combine(Repository.Root, path))))
            .Select(static quoted => quoted.Split(['=', '{', ' '])[0])];
        string[] flags = [.. words.Where(static word => word.StartsWith("--", StringComparison.Ordinal))];
        string[] metrics = [.. words.Where(static word => word.StartsWith("flannel_", StringComparison.Ordinal))];

        Assert.All(flags.Where(static flag => flag != "--help" && !flag.EndsWith('…')), flag => Assert.True(
            sources.Contains($"\"{flag[2..]}\"", StringComparison.Ordinal), flag));
        Assert.All(metrics, metric => Assert.True(
            sources.Contains($"\"{metric}\"", StringComparison.Ordinal), metric));
    }

    /// <summary>All code of the programs, with strings that go over several lines joined.</summary>
    private static string Sources()
    {
        StringBuilder text = new();
        foreach (string path in Files("*.cs")
            .Where(static path => !path.StartsWith("tests/", StringComparison.Ordinal)))
        {
            string[] lines = File.ReadAllLines(Path.Combine(Repository.Root, path));
            text.AppendJoin('\n', lines.Select(static line => line.Trim())).Append('\n');
        }

        return text.Replace("\"\n+ $\"", "").Replace("\"\n+ \"", "").Replace("\\\"", "\"").ToString();
    }

    private static IEnumerable<string> Files(string pattern) =>
        Directory.EnumerateFiles(Repository.Root, pattern, SearchOption.AllDirectories)
            .Select(static path => Path.GetRelativePath(Repository.Root, path))
            .Where(static path => !path.StartsWith("artifacts/", StringComparison.Ordinal));

    // [text](target)
    private static IEnumerable<string> Links(string text) =>
        text.Split("](").Skip(1).Select(static rest => rest[..rest.IndexOf(')')].Split('#')[0])
            .Where(static link => link.Length > 0 && !link.Contains("://", StringComparison.Ordinal));

    private static IEnumerable<string> Quoted(string text) =>
        text.Split("```").Where(static (_, i) => i % 2 == 0)
            .SelectMany(static part => part.Split('`').Where(static (_, i) => i % 2 == 1));

    // `Folder/` and `Folder/File.cs`, but not an absolute path of the node's, nor one with a part left open.
    private static bool IsPath(string name) =>
        !name.StartsWith('/') && !name.Contains(' ') && !name.Contains('*')
        && (name.EndsWith('/') || (name.Contains('/') && s_endings.Any(name.EndsWith)) || name.EndsWith(".cs"));

    private static bool Exists(string path) => File.Exists(path) || Directory.Exists(path);
}
