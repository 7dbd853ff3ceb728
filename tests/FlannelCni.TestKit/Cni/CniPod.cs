namespace FlannelCni.TestKit.Cni;

/// <summary>A pod: its namespace and its container's id.</summary>
public sealed record CniPod(TestNode Node, string Id)
{
    public string Sandbox => Node.NamespacePath;

    /// <summary>Fails unless an answer comes back.</summary>
    public void Ping(string address) => Node.Shell($"ping -c 1 -w 5 -i 0.2 {address}");

    public string MacOf(string name) =>
        Node.ShellJson($"ip -json link show {name}")[0].GetProperty("address").GetString()!;

    /// <summary>Global ones of eth0, with their prefix lengths.</summary>
    public string[] Addresses(bool is6) => [.. Node
        .Shell($"ip -oneline -{(is6 ? 6 : 4)} address show eth0 scope global")
        .Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .Select(static line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[3])];
}
