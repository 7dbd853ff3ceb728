using System.Text;
using System.Text.Json;
using FlannelCni.Contract;
using FlannelCni.Linux.Processes;
using FlannelCni.Plugin.Attachments;
using FlannelCni.Plugin.Bridging;
using FlannelCni.Plugin.Delegates;
using FlannelCni.Plugin.Json;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.TestKit.Fuzzing;

/// <summary>
/// Something of the plugin that reads what others wrote. Whatever they wrote, it is read or refused: refused is an
/// error that prints as a document. The judge of documents is System.Text.Json, not our own reader.
/// </summary>
/// <param name="Name">Also that of the folder with its corpus, in tests/corpus.</param>
/// <param name="Read">Throws what it refuses with.</param>
public sealed record FuzzTarget(string Name, Action<byte[]> Read)
{
    private static readonly SubnetEnv s_env = SubnetEnvFile.Parse(
        "FLANNEL_NETWORK=10.42.0.0/16\nFLANNEL_SUBNET=10.42.3.1/24\nFLANNEL_IPV6_NETWORK=fd00:42::/56\n"
        + "FLANNEL_IPV6_SUBNET=fd00:42:0:3::1/64\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n",
        "subnet.env");

    private static readonly string[] s_verbs = ["ADD", "CHECK", "DEL", "GC", "STATUS"];

    public static IReadOnlyList<FuzzTarget> All { get; } =
    [
        new("stdin", ReadInput),
        new("subnet-env", ReadSubnetEnv),
        new("cni-args", static input => _ = CniArgs.Read(Encoding.UTF8.GetString(input))),
        new("prev-result", ReadPrevious),
        new("delegate-output", ReadOutput),
        new("scratch", ReadScratch),
    ];

    /// <summary>The seeds, all of which are sound.</summary>
    public IReadOnlyList<byte[]> Corpus { get; } =
        [.. Directory.EnumerateFiles(Path.Combine(Repository.Root, "tests", "corpus", Name)).Order()
            .Select(File.ReadAllBytes)];

    /// <returns>Null: it was read, or refused as it should be; otherwise what is wrong with that.</returns>
    public string? Judge(byte[] input)
    {
        try
        {
            Read(input);
            return null;
        }
        catch (CniException e)
        {
            return ComplaintOf(e.ToJson(), e.Message);
        }
        catch (JsonException e)
        {
            return e.Message.Length > 0 ? null : "an empty message";
        }
        catch (SubnetEnvException e)
        {
            return e.Message.Length > 0 ? null : "an empty message";
        }
        catch (Exception e)
        {
            return $"{e.GetType().Name}: {e.Message}\n{e.StackTrace}";
        }
    }

    private static string? ComplaintOf(byte[] error, string message)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(error);
            _ = document.RootElement.GetProperty("code").GetInt32();
            return document.RootElement.GetProperty("msg").GetString() is { Length: > 0 } || message.Length == 0
                ? null
                : "an error without a message";
        }
        catch (Exception e)
        {
            return $"the error is no document: {e.Message}";
        }
    }

    private static void ReadInput(byte[] input)
    {
        JsonMap document = NetConf.ReadDocument(input);
        string version = NetConf.ReadVersion(document);
        foreach (string verb in s_verbs)
        {
            try
            {
                CniVersion.Require(version, verb);
            }
            catch (CniException) when (verb != "STATUS")
            {
                // The last one's is the one to be judged.
            }
        }

        _ = ValidAttachments.Find(document);
        RenderedConfig config = new(DelegateConfig.Render(NetConf.Read(document), s_env));
        RequireDocument(config.Bytes);
        _ = BridgeConf.Read(config.Map, CniArgs.Read("IgnoreUnknown=1"));
    }

    private static void ReadSubnetEnv(byte[] input)
    {
        SubnetEnv env = SubnetEnvFile.Parse(Encoding.UTF8.GetString(input), "subnet.env");
        string text = SubnetEnvFile.Format(env);
        if (SubnetEnvFile.Format(SubnetEnvFile.Parse(text, "again")) != text)
        {
            throw new InvalidOperationException($"it is not written as it was read: {text}");
        }
    }

    private static void ReadPrevious(byte[] input)
    {
        JsonMap map = JsonParser.ParseMap(input);
        foreach (string version in CniVersion.Supported)
        {
            try
            {
                RequireDocument(ResultPrinter.Print(ResultReader.ReadPrevious(map, version), version));
            }
            catch (JsonException)
            {
                // Another version may take it.
            }
        }
    }

    private static void ReadOutput(byte[] input)
    {
        CniException error = PluginCall.Error(new ChildResult(1, input, []));
        if (ComplaintOf(error.ToJson(), error.Message) is string complaint)
        {
            throw new InvalidOperationException(complaint);
        }

        CniResult result = ResultReader.Read(input, "0.3.1", out _);
        foreach (string version in CniVersion.Supported.Where(_ => result.Ips.Count > 0))
        {
            RequireDocument(ResultPrinter.Print(result, version));
        }

        _ = BridgePlan.Derive(new BridgeConf { IsGateway = true, IsDefaultGateway = true }, result);
    }

    private static void ReadScratch(byte[] input)
    {
        NetConf conf = NetConf.Read(NetConf.ReadDocument("""{"name":"cbr0","cniVersion":"0.3.1"}"""u8));
        SavedConfig saved = SavedConfig.Choose(input, conf, static () => s_env);
        _ = saved.Config?.IpamType;
        _ = saved.Config?.Map.Flag("ipMasq");
        _ = BridgeConf.Read(saved.Config?.Map ?? new JsonMap(), CniArgs.Read(""));
    }

    private static void RequireDocument(byte[] printed)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(printed);
        }
        catch (JsonException e)
        {
            throw new InvalidOperationException($"{e.Message}: {Encoding.UTF8.GetString(printed)}", e);
        }
    }
}
