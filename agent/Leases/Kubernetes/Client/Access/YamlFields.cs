using System.Text;
using FlannelCni.Agent.Supervision;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace FlannelCni.Agent.Leases.Kubernetes.Client.Access;

/// <summary>A mapping in a YAML file, which knows where it is for the sake of messages.</summary>
internal sealed class YamlFields
{
    private readonly string _file;
    private readonly YamlMappingNode _mapping;

    private YamlFields(string file, string path, YamlMappingNode mapping)
    {
        _file = file;
        Path = path;
        _mapping = mapping;
    }

    /// <summary><c>users[2].user</c>; empty at the top.</summary>
    internal string Path { get; }

    /// <exception cref="AgentFatalException">It cannot be read, or is no mapping.</exception>
    internal static YamlFields Load(string file)
    {
        string text = new Material("--kubeconfig-file", file, null).Read();
        try
        {
            YamlStream stream = [];
            stream.Load(new StringReader(text));
            return stream.Documents is [{ RootNode: YamlMappingNode root }, ..]
                ? new YamlFields(file, "", root)
                : throw new AgentFatalException($"kubeconfig {file}: it is empty, or no YAML mapping");
        }
        catch (YamlException e)
        {
            throw new AgentFatalException(
                $"kubeconfig {file}, line {e.Start.Line}, column {e.Start.Column}: {e.Message}", e);
        }
    }

    /// <summary>A text; null: there is none, or an empty one.</summary>
    /// <exception cref="AgentFatalException">It is something else.</exception>
    internal string? Text(string name) => Find(name) switch
    {
        null => null,
        YamlScalarNode { Value: { } text } scalar => text.Length == 0 || IsNull(scalar) ? null : text,
        _ => throw Bad(name, "it has to be a text"),
    };

    /// <exception cref="AgentFatalException">It is there, and neither true nor false.</exception>
    internal bool Flag(string name) => Text(name) switch
    {
        null or "false" or "False" or "FALSE" => false,
        "true" or "True" or "TRUE" => true,
        string other => throw Bad(name, $"it has to be true or false, not {other}"),
    };

    /// <summary>A text in base64; null: there is none.</summary>
    internal string? Decoded(string name)
    {
        try
        {
            return Text(name) is { } text ? Encoding.UTF8.GetString(Convert.FromBase64String(text)) : null;
        }
        catch (FormatException e)
        {
            throw Bad(name, $"it has to be base64: {e.Message}");
        }
    }

    /// <summary>A mapping within; null: there is none.</summary>
    internal YamlFields? Section(string name) => Find(name) switch
    {
        null => null,
        YamlScalarNode scalar when IsNull(scalar) => null,
        YamlMappingNode mapping => new YamlFields(_file, Sub(name), mapping),
        _ => throw Bad(name, "it has to be a mapping"),
    };

    /// <summary>The mappings of a list; none: there is no list.</summary>
    internal IEnumerable<YamlFields> Items(string name) => List(name).Select(
        (item, i) => item is YamlMappingNode mapping
            ? new YamlFields(_file, $"{Sub(name)}[{i}]", mapping)
            : throw Bad($"{name}[{i}]", "it has to be a mapping"));

    /// <summary>The texts of a list; none: there is no list.</summary>
    internal IEnumerable<string> Texts(string name) => List(name).Select(
        (item, i) => item is YamlScalarNode scalar
            ? scalar.Value ?? ""
            : throw Bad($"{name}[{i}]", "it has to be a text"));

    /// <summary>Whatever it is; null: it is not there.</summary>
    internal YamlNode? Find(string name) =>
        _mapping.Children.TryGetValue(new YamlScalarNode(name), out YamlNode? node) ? node : null;

    /// <summary>An error that says where.</summary>
    internal AgentFatalException Bad(string name, string what) => new($"kubeconfig {_file}: {Sub(name)}: {what}");

    /// <summary>Has a plain text no value?</summary>
    internal static bool IsNull(YamlScalarNode scalar) =>
        scalar.Style is ScalarStyle.Plain or ScalarStyle.Any && scalar.Value is null or "" or "~" or "null";

    private IEnumerable<YamlNode> List(string name) => Find(name) switch
    {
        null => [],
        YamlScalarNode scalar when IsNull(scalar) => [],
        YamlSequenceNode list => list.Children,
        _ => throw Bad(name, "it has to be a list"),
    };

    private string Sub(string name) => Path.Length == 0 ? name : $"{Path}.{name}";
}
