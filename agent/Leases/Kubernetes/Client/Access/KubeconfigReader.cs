using FlannelCni.Agent.Supervision;

namespace FlannelCni.Agent.Leases.Kubernetes.Client.Access;

/// <summary>A kubeconfig: its current context's cluster and user.</summary>
/// <remarks>
/// <see href="https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/"/>. What this agent cannot do is refused
/// by name: silently left out, it would be a puzzle of 401s.
/// </remarks>
internal sealed class KubeconfigReader
{
    private readonly string _file;
    private readonly YamlFields _root;
    private readonly TimeProvider _time;
    private readonly List<string> _warnings = [];

    private KubeconfigReader(string file, TimeProvider time)
    {
        _file = Path.GetFullPath(file);
        _root = YamlFields.Load(_file);
        _time = time;
    }

    /// <param name="address">Takes the place of the cluster's server; null: nothing does.</param>
    /// <exception cref="AgentFatalException">It cannot be used; the message names file and field.</exception>
    internal static KubeAccess Read(string file, string? address, TimeProvider time) =>
        new KubeconfigReader(file, time).Read(address);

    private KubeAccess Read(string? address)
    {
        string? current = _root.Text("current-context");
        YamlFields? context = current is null ? null : Named("contexts", current, "context", "current-context");
        YamlFields? cluster = Chosen(context, "cluster", "clusters");
        YamlFields? user = Chosen(context, "user", "users");
        if (address is null && cluster is null)
        {
            throw current is null
                ? _root.Bad("current-context", $"there is none; choose one of: {Names("contexts")}")
                : _root.Bad("contexts", $"context {current} names no cluster");
        }

        return Compose(current ?? "(none)", cluster, user, address);
    }

    private KubeAccess Compose(string context, YamlFields? cluster, YamlFields? user, string? address)
    {
        Material? roots = cluster is null ? null : Part(cluster, "certificate-authority");
        bool isAnybody = cluster?.Flag("insecure-skip-tls-verify") ?? false;
        if (isAnybody && cluster is not null && roots is not null)
        {
            throw cluster.Bad("insecure-skip-tls-verify", "it does not go with a certificate-authority: remove one");
        }

        bool isTlsExpected = roots is not null || isAnybody || (user is not null && HasCertificate(user));
        Uri server = ServerOf(cluster, address, isTlsExpected);

        // With another address the name of this one means nothing.
        string? serverName = address is null ? cluster?.Text("tls-server-name") : null;
        if (isAnybody)
        {
            _warnings.Add(
                $"kubeconfig {_file}: insecure-skip-tls-verify: whoever answers at {server} is believed to be the API"
                + " server, and gets our credentials");
        }

        ICredentials credentials = user is null
            ? new WrittenCredentials(null, null, null, null)
            : new KubeconfigUser(user, _file, cluster, server, _time).Read();
        return new KubeAccess(
            $"kubeconfig {_file}, context {context}",
            server,
            isAnybody ? ServerTrust.InAnybody(serverName) : ServerTrust.In(roots, serverName),
            credentials)
        {
            Proxy = cluster is null ? null : ProxyOf(cluster),
            Headers = user is null ? [] : KubeconfigUser.Impersonation(user),
            Warnings = [.. _warnings],
        };
    }

    private Uri ServerOf(YamlFields? cluster, string? address, bool isTlsExpected)
    {
        if (address is not null || cluster is null)
        {
            return ServerAddress.Read("--kube-api-url", address ?? "", isTlsExpected);
        }

        string text = cluster.Text("server")
            ?? throw cluster.Bad("server", "there is none; https://HOST:PORT is expected");
        return ServerAddress.Read($"kubeconfig {_file}: {cluster.Path}.server", text, isTlsExpected);
    }

    private static Uri? ProxyOf(YamlFields cluster) => cluster.Text("proxy-url") switch
    {
        null => null,
        string text when Uri.TryCreate(text, UriKind.Absolute, out Uri? proxy)
            && proxy.Scheme is "http" or "https" or "socks5" => proxy,
        _ => throw cluster.Bad("proxy-url", "http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT is expected"),
    };

    private static bool HasCertificate(YamlFields user) =>
        user.Text("client-certificate") is not null || user.Text("client-certificate-data") is not null;

    private Material? Part(YamlFields fields, string name) => KubeconfigUser.Part(fields, name, _file);

    /// <summary>The cluster or the user that a context names; null: it names none.</summary>
    private YamlFields? Chosen(YamlFields? context, string field, string list) =>
        context?.Text(field) is { } name ? Named(list, name, field, $"{context.Path}.{field}") : null;

    private YamlFields Named(string list, string name, string body, string namedBy)
    {
        YamlFields item = _root.Items(list).FirstOrDefault(item => item.Text("name") == name)
            ?? throw _root.Bad(namedBy, $"there is no {name} among {list}: {Names(list)}");
        return item.Section(body) ?? throw _root.Bad($"{item.Path}.{body}", "it is missing or empty");
    }

    private string Names(string list)
    {
        string names = string.Join(", ", _root.Items(list).Select(static item => item.Text("name") ?? "(no name)"));
        return names.Length == 0 ? "it has none" : names;
    }
}
