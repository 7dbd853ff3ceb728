using System.Text;
using System.Text.Json;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace FlannelCni.Agent.Leases.Kubernetes.Client.Access;

/// <summary>What an exec plugin finds in KUBERNETES_EXEC_INFO.</summary>
internal static class ExecInfo
{
    private const string Extension = "client.authentication.k8s.io/exec";

    /// <param name="cluster">Null: it is not to be told.</param>
    /// <param name="kubeconfig">Its file.</param>
    internal static string Compose(string apiVersion, YamlFields? cluster, Uri server, string kubeconfig)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter json = new(stream))
        {
            json.WriteStartObject();
            json.WriteString("kind", "ExecCredential");
            json.WriteString("apiVersion", apiVersion);
            json.WriteStartObject("spec");
            if (cluster is not null)
            {
                WriteCluster(json, cluster, server, kubeconfig);
            }

            json.WriteBoolean("interactive", false);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(stream.ToArray());
    }

    private static void WriteCluster(Utf8JsonWriter json, YamlFields cluster, Uri server, string kubeconfig)
    {
        json.WriteStartObject("cluster");
        json.WriteString("server", server.AbsoluteUri.TrimEnd('/'));
        WriteIfGiven(json, "tls-server-name", cluster.Text("tls-server-name"));
        if (cluster.Flag("insecure-skip-tls-verify"))
        {
            json.WriteBoolean("insecure-skip-tls-verify", true);
        }

        if (KubeconfigUser.Part(cluster, "certificate-authority", kubeconfig) is { } roots)
        {
            json.WriteBase64String("certificate-authority-data", Encoding.UTF8.GetBytes(roots.Read()));
        }

        WriteIfGiven(json, "proxy-url", cluster.Text("proxy-url"));
        foreach (YamlFields extension in cluster.Items("extensions"))
        {
            if (extension.Text("name") == Extension && extension.Find("extension") is { } config)
            {
                json.WritePropertyName("config");
                Write(json, config);
            }
        }

        json.WriteEndObject();
    }

    private static void WriteIfGiven(Utf8JsonWriter json, string name, string? value)
    {
        if (value is not null)
        {
            json.WriteString(name, value);
        }
    }

    private static void Write(Utf8JsonWriter json, YamlNode node)
    {
        switch (node)
        {
            case YamlMappingNode mapping:
                json.WriteStartObject();
                foreach ((YamlNode name, YamlNode value) in mapping.Children)
                {
                    json.WritePropertyName((name as YamlScalarNode)?.Value ?? "");
                    Write(json, value);
                }

                json.WriteEndObject();
                break;
            case YamlSequenceNode list:
                json.WriteStartArray();
                foreach (YamlNode item in list.Children)
                {
                    Write(json, item);
                }

                json.WriteEndArray();
                break;
            case YamlScalarNode scalar:
                WriteScalar(json, scalar);
                break;
        }
    }

    private static void WriteScalar(Utf8JsonWriter json, YamlScalarNode scalar)
    {
        bool isPlain = scalar.Style is ScalarStyle.Plain;
        if (isPlain && YamlFields.IsNull(scalar))
        {
            json.WriteNullValue();
        }
        else if (isPlain && scalar.Value is "true" or "false")
        {
            json.WriteBooleanValue(scalar.Value == "true");
        }
        else if (isPlain && long.TryParse(scalar.Value, out long number))
        {
            json.WriteNumberValue(number);
        }
        else
        {
            json.WriteStringValue(scalar.Value);
        }
    }
}
