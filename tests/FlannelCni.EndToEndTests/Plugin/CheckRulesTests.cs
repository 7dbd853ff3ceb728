namespace FlannelCni.EndToEndTests.Plugin;

/// <summary>CHECK of what lets a pod's packets out, in nftables and in both kinds of iptables.</summary>
public sealed class CheckRulesTests : IDisposable
{
    private const string Table = "inet cni_plugins_masquerade";
    private const string Way = "chain postrouting of table cni_plugins_masquerade does not lead to the rules";

    private readonly CniHost _host = new() { Version = "1.0.0" };
    private string _path = "/usr/sbin:/usr/bin:/sbin:/bin";
    private CniPod _pod = null!;

    public void Dispose() => _host.Dispose();

    [Theory]
    [InlineData("", "")]
    [InlineData("nftables", "")]
    [InlineData("iptables", "")]
    [InlineData("iptables", "legacy")]
    public void What_was_just_made_is_right(string backend, string variant)
    {
        Attach(backend, variant);

        Check().SilentSuccess();
    }

    [Theory]
    [InlineData($"nft flush chain {Table} masq_checks", "no rule masquerades what 10.42.3.2 sends out of 10.42.3.0/24")]
    [InlineData($"nft delete table {Table}", "no rule masquerades what 10.42.3.2 sends out of 10.42.3.0/24")]
    [InlineData($"nft flush chain {Table} postrouting", Way)]
    [InlineData($"nft insert rule {Table} postrouting accept", Way)]
    public void What_is_lost_of_nftables_is_named(string harm, string expected)
    {
        Attach("", "");
        _host.Node.Shell(harm);

        Check().Failure(999, $"check: {expected}");
    }

    [Fact]
    public void One_family_is_not_enough()
    {
        Attach("", "");
        string handle = _host.Node.Shell($"nft -a list table {Table} | sed -n 's/.*saddr fd00.*# handle //p'").Trim();
        _host.Node.Shell($"nft delete rule {Table} masq_checks handle {handle}");

        Check().Failure(999, "check: no rule masquerades what fd00:42:0:3::2 sends out of fd00:42:0:3::/64");
    }

    [Fact]
    public void Rules_in_nfts_own_words_are_as_good()
    {
        Attach("nftables", "");
        string listed = _host.Node.Shell($"nft list table {Table}");
        File.WriteAllText(_host.Folder.File("rules"), listed);
        _host.Node.Shell($"nft delete table {Table}");
        Assert.Equal(999, Check().Code);

        _host.Node.Shell($"nft -f {_host.Folder.File("rules")}");

        Check().SilentSuccess();
    }

    [Theory]
    [InlineData("", "iptables", "-F CHAIN", "table nat of iptables has lost its rule -A CHAIN -d 10.42.3.0/24 …")]
    [InlineData("", "ip6tables", "-F CHAIN", "table nat of iptables has lost its rule -A CHAIN -d fd00:42:0:3::/64 …")]
    [InlineData(
        "", "iptables", "-F POSTROUTING", "table nat of iptables has lost its rule -A POSTROUTING -s 10.42.3.2/32 …")]
    [InlineData(
        "legacy",
        "ip6tables",
        "-F POSTROUTING",
        "table nat of iptables has lost its rule -A POSTROUTING -s fd00:42:0:3::2/128 …")]
    [InlineData(
        "legacy", "iptables", "-D CHAIN 2", "table nat of iptables has lost its rule -A CHAIN ! -d 224.0.0.0/4 …")]
    [InlineData(
        "", "iptables", "-F; iptables -t nat -X", "there is no chain CHAIN that masquerades what 10.42.3.2 sends")]
    public void What_is_lost_of_iptables_is_named(string variant, string program, string harm, string expected)
    {
        Attach("iptables", variant);
        string chain = _host.Node.Shell($"PATH={_path} iptables -t nat -S | sed -n 's/^-N \\(CNI-.*\\)/\\1/p'").Trim();

        _host.Node.Shell($"PATH={_path} {program} -t nat {harm.Replace("CHAIN", chain, StringComparison.Ordinal)}");

        CniAnswer answer = Check();
        string[] pieces = expected.Replace("CHAIN", chain, StringComparison.Ordinal).Split('…');
        Assert.StartsWith($"check: {pieces[0]}", answer.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rules_that_upstream_made_are_right_where_no_backend_was_named()
    {
        Attach("", "");
        string rendered = File.ReadAllText(Path.Combine(_host.DataDir, _pod.Id));
        _host.Delete(_pod).SilentSuccess();
        _host.Node.Shell($"nft delete table {Table}");
        File.WriteAllText(Path.Combine(_host.DataDir, _pod.Id), rendered);
        string ours = _host.Executable;
        _host.Executable = $"{CniHost.PluginFolder}/bridge";
        CniAnswer added = _host.Call("ADD", _pod, rendered);
        _host.Executable = ours;
        _host.More = $", \"prevResult\": {added.Success().GetRawText()}";

        Check().SilentSuccess();
    }

    private void Attach(string backend, string variant)
    {
        if (variant.Length > 0)
        {
            string folder = _host.Folder.File("bin");
            Directory.CreateDirectory(folder);
            foreach (string program in (string[])["iptables", "ip6tables"])
            {
                File.CreateSymbolicLink($"{folder}/{program}", $"/usr/sbin/{program}-{variant}");
                File.CreateSymbolicLink($"{folder}/{program}-restore", $"/usr/sbin/{program}-{variant}-restore");
            }

            _path = $"{folder}:{_path}";
        }

        _host.Delegate =
            $$"""{ "isDefaultGateway": true, "ipMasq": true, "ipMasqBackend": "{{backend}}" }""";
        _pod = _host.NewPod();
        string result = _host.Call("ADD", _pod, null, ("PATH", _path)).Success().GetRawText();
        _host.More = $", \"prevResult\": {result}";
    }

    private CniAnswer Check() => _host.Call("CHECK", _pod, null, ("PATH", _path));
}
