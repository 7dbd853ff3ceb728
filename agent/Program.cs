using System.CommandLine;
using Google.Protobuf;
using Microsoft.Extensions.Logging;
using YamlDotNet.RepresentationModel;

namespace FlannelCni.Agent;

/// <summary>The agent <c>flanneld</c>.</summary>
internal static class Program
{
    private static int Main(string[] args)
    {
        // A first use of each library, so that publishing proves that all of them survive trimming.
        using ILoggerFactory logging = LoggerFactory.Create(static builder => builder.AddSimpleConsole());
        _ = logging.CreateLogger("flanneld");

        using CodedOutputStream output = new(new byte[16]);
        output.WriteString("range");

        YamlStream yaml = [];
        yaml.Load(new StringReader("apiVersion: v1"));

        RootCommand root = new("Leases a subnet to this node and keeps the routes to all others.");
        root.SetAction(static _ => 0);
        return root.Parse(args).Invoke();
    }
}
