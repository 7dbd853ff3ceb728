using System.Collections.Immutable;
using System.Text;
using FlannelCni.Agent.Supervision;

namespace FlannelCni.Agent.Leases.Kubernetes.Client.Access;

/// <summary>A user of a kubeconfig: certificate, token, password, or a program that tells one of them.</summary>
/// <param name="file">Of the kubeconfig: relative paths begin in its folder.</param>
/// <param name="cluster">Told to a program that wants to know it; null: there is none.</param>
internal sealed class KubeconfigUser(YamlFields user, string file, YamlFields? cluster, Uri server, TimeProvider time)
{
    private const string ApiGroup = "client.authentication.k8s.io/";

    /// <exception cref="AgentFatalException">It cannot be used.</exception>
    internal ICredentials Read()
    {
        if (user.Find("auth-provider") is not null)
        {
            throw user.Bad("auth-provider", "Kubernetes has removed it: use exec, with the provider's own plugin");
        }

        Material? certificate = Part(user, "client-certificate", file);
        Material? key = Part(user, "client-key", file);
        if (certificate is null != key is null)
        {
            throw user.Bad(certificate is null ? "client-certificate" : "client-key", "a certificate needs its key");
        }

        Material? token = Token();
        string? basic = Basic();
        YamlFields? exec = user.Section("exec");
        if (new[] { token is not null, basic is not null, exec is not null }.Count(static isGiven => isGiven) > 1)
        {
            throw user.Bad("token", "only one of token, tokenFile, username and exec can be used: remove the others");
        }

        WrittenCredentials written = new(token, basic, certificate, key);
        return exec is null ? written : new ExecCredentials(Plugin(exec), written, time);
    }

    /// <summary>The headers by which it acts as somebody else; none: it does not.</summary>
    internal static ImmutableArray<KeyValuePair<string, string>> Impersonation(YamlFields user)
    {
        if (user.Section("as-user-extra") is not null)
        {
            throw user.Bad("as-user-extra", "this agent cannot send it: remove it");
        }

        ImmutableArray<KeyValuePair<string, string>>.Builder headers =
            ImmutableArray.CreateBuilder<KeyValuePair<string, string>>();
        Add("Impersonate-User", user.Text("as"));
        Add("Impersonate-Uid", user.Text("as-uid"));
        foreach (string group in user.Texts("as-groups"))
        {
            Add("Impersonate-Group", group);
        }

        return headers.DrainToImmutable();

        void Add(string name, string? value)
        {
            if (value is not null)
            {
                headers.Add(new KeyValuePair<string, string>(name, value));
            }
        }
    }

    /// <summary>The text of NAME-data, else the file of NAME; null: neither is given.</summary>
    internal static Material? Part(YamlFields fields, string name, string kubeconfig)
    {
        string title = $"kubeconfig {kubeconfig}: {fields.Path}.{name}";
        return fields.Decoded($"{name}-data") is { } text ? new Material($"{title}-data", null, text)
            : fields.Text(name) is { } path ? new Material(title, Resolved(path, kubeconfig), null)
            : null;
    }

    private static string Resolved(string path, string kubeconfig) =>
        Path.GetFullPath(path, Path.GetDirectoryName(kubeconfig) ?? "/");

    private Material? Token()
    {
        string title = $"kubeconfig {file}: {user.Path}.token";

        // The file wins: the text beside it is what was in it once.
        return user.Text("tokenFile") is { } path ? new Material(title + "File", Resolved(path, file), null)
            : user.Text("token") is { } token ? new Material(title, null, token)
            : null;
    }

    private string? Basic() => user.Text("username") is { } name
        ? "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{name}:{user.Text("password")}"))
        : null;

    private ExecPlugin Plugin(YamlFields exec)
    {
        string version = exec.Text("apiVersion")
            ?? throw exec.Bad("apiVersion", $"there is none; {ApiGroup}v1 is expected");
        if (version is not (ApiGroup + "v1" or ApiGroup + "v1beta1"))
        {
            throw exec.Bad("apiVersion", $"{version} is not known; {ApiGroup}v1 or {ApiGroup}v1beta1 is expected");
        }

        string command = exec.Text("command") ?? throw exec.Bad("command", "there is none");
        if (exec.Text("interactiveMode") is "Always")
        {
            throw exec.Bad("interactiveMode", "Always: there is nobody at this agent's input; use another plugin");
        }

        return new ExecPlugin(
            version,
            command.Contains('/') ? Resolved(command, file) : command,
            [.. exec.Texts("args")],
            [.. exec.Items("env").Select(static item => $"{item.Text("name")}={item.Text("value")}")],
            exec.Text("installHint"),
            ExecInfo.Compose(version, exec.Flag("provideClusterInfo") ? cluster : null, server, file));
    }
}
