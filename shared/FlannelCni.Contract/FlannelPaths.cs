namespace FlannelCni.Contract;

/// <summary>Where agent and plugin meet when nobody says otherwise; upstream's places.</summary>
public static class FlannelPaths
{
    /// <summary>Written by the agent once its lease is held, read by every ADD.</summary>
    public const string SubnetFile = "/run/flannel/subnet.env";

    /// <summary>The plugin's: one file per container, from ADD to DEL.</summary>
    public const string CniDataDirectory = "/var/lib/cni/flannel";

    /// <summary>The agent's: what must survive a reboot (VXLAN MAC, WireGuard key, last lease).</summary>
    public const string StateDirectory = "/var/lib/flannel";
}
