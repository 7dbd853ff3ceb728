using FlannelCni.Agent.Supervision;

namespace FlannelCni.Agent.Options;

/// <summary>Flags that are read and that this version has no function for yet.</summary>
internal static class UnservedFlags
{
    private static readonly string[] s_names =
    [
        "ip-blackhole-route",
        "kube-annotation-prefix",
        "kube-api-url",
        "kube-subnet-mgr",
        "kubeconfig-file",
        "net-config-path",
    ];

    /// <exception cref="AgentFatalException">One of them was asked for.</exception>
    internal static void Refuse(AgentOptions options)
    {
        if (Describe(options) is { } unserved)
        {
            throw new AgentFatalException(unserved);
        }
    }

    /// <summary>
    /// Which of the flags given ask for what cannot be done, in one sentence; null: none. A switch that is off asks for
    /// nothing, and neither does a value that is the default.
    /// </summary>
    internal static string? Describe(AgentOptions options)
    {
        List<string> names = [.. options.Given.Where(AsksForUnserved).Select(static given => given.Source).Distinct()];
        return names.Count == 0 ? null : $"not served by this version of flanneld: {string.Join(", ", names)}";
    }

    private static bool AsksForUnserved(GivenFlag given) =>
        Array.IndexOf(s_names, given.Flag.Name) >= 0 && (given.Flag.Kind == FlagKind.Switch
            ? FlagValues.ReadBoolean(given.Text) == true
            : given.Text != given.Flag.DefaultText);
}
