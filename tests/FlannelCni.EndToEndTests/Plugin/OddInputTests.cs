using System.Net.Sockets;
using System.Text;
using FlannelCni.Linux.Processes;

namespace FlannelCni.EndToEndTests.Plugin;

/// <summary>
/// Names and paths that are none: an ADD that says so and leaves nothing, and a DEL that succeeds, for a runtime calls
/// it until it does.
/// </summary>
public sealed class OddInputTests : IDisposable
{
    private readonly CniHost _host = new();
    private readonly CniPod _pod;

    public OddInputTests() => _pod = _host.NewPod();

    public void Dispose() => _host.Dispose();

    [Theory]
    [InlineData("CNI_IFNAME", "eth%d", 4, "interface name contains %, for which the kernel would put a number")]
    [InlineData("CNI_IFNAME", "100%", 4, "interface name contains %, for which the kernel would put a number")]
    [InlineData("CNI_IFNAME", "lo", 999, "container veth name (\"lo\") peer provided (\"veth…\") already exists")]
    [InlineData("CNI_CONTAINERID", "ID of 300", 4, "the container's id is too long for the name of a file")]
    [InlineData("CNI_CONTAINERID", "ID of 250", 4, "the container's id is too long for the name of a file")]
    [InlineData("CNI_NETNS", "PIPE", 999, "failed to open netns \"PIPE\": open PIPE as a network namespace, …")]
    [InlineData("CNI_NETNS", "SOCKET", 999, "failed to open netns \"SOCKET\": …")]
    [InlineData("CNI_NETNS", "LOOP", 999, "failed to open netns \"LOOP\": …")]
    [InlineData("CNI_NETNS", "FILE", 999, "failed to open netns \"FILE\": …")]
    [InlineData("CNI_NETNS", "/tmp", 999, "failed to open netns \"/tmp\": …")]
    [InlineData("CNI_NETNS", "/nowhere/ns", 999, "failed to open netns \"/nowhere/ns\": …")]
    [InlineData("CNI_NETNS", "/proc/self/ns/uts", 999, "failed to open netns \"/proc/self/ns/uts\": …")]
    [InlineData("CNI_NETNS", "TOO LONG", 999, "failed to open netns \"TOO LONG\": …")]
    public void What_cannot_be_attached_is_named_and_can_be_deleted(
        string variable, string value, int code, string expected)
    {
        MakePaths();
        (string, string) odd = (variable, Named(value));

        CniAnswer answer = _host.Call("ADD", _pod, null, odd);

        Assert.Equal(code, answer.Code);
        string[] pieces = Named(expected).Split('…');
        Assert.StartsWith(pieces[0], answer.Message, StringComparison.Ordinal);
        Assert.EndsWith(pieces[^1], answer.Message, StringComparison.Ordinal);
        _host.AssertClean();
        _host.Call("DEL", _pod, null, odd).SilentSuccess();
        _host.AssertClean();
    }

    [Theory]
    [InlineData("""{ "bridge": "cni%d" }""")]
    [InlineData("""{ "bridge": "cni0\u0000x" }""")]
    [InlineData("""{ "bridge": "a/b" }""")]
    [InlineData("""{ "bridge": "." }""")]
    [InlineData("""{ "bridge": "abcdefghijklmnop" }""")]
    [InlineData("""{ "mtu": 67 }""")]
    [InlineData("""{ "mtu": 1e30 }""")]
    [InlineData("""{ "type": "ptp\u0000x" }""")]
    [InlineData("""{ "type": "nowhere" }""")]
    [InlineData("""{ "type": "" }""")]
    public void A_delegate_that_is_none_is_refused_and_no_link_is_made(string users)
    {
        _host.Delegate = users;

        CniAnswer answer = _host.Add(_pod);

        Assert.Equal(999, answer.Code);
        Assert.Single(_host.Node.ShellJson("ip -json link show").EnumerateArray());
        _host.Delete(_pod).SilentSuccess();
        _host.AssertClean();
    }

    [Theory]
    [InlineData(""", "subnetFile": "/dev/zero" """, "open /dev/zero: file too large")]
    [InlineData(""", "subnetFile": "/tmp" """, "open /tmp: is a directory")]
    [InlineData(""", "subnetFile": "/tmp\u0000/x" """, "\"subnetFile\" contains a NUL")]
    [InlineData(""", "dataDir": "/tmp\u0000/x" """, "\"dataDir\" contains a NUL")]
    public void A_path_that_is_none_is_refused(string more, string expected)
    {
        _host.More = more;

        CniAnswer answer = _host.Add(_pod);

        Assert.Contains(expected, answer.Message, StringComparison.OrdinalIgnoreCase);
        _host.AssertClean();
    }

    [Fact]
    public void A_folder_in_the_place_of_the_scratch_file_keeps_no_pod_from_ending()
    {
        _host.Add(_pod).Success();
        string path = Path.Combine(_host.DataDir, _pod.Id);
        File.Delete(path);
        Directory.CreateDirectory(path);

        _host.Delete(_pod).SilentSuccess();

        Assert.Empty(_host.ReservedAddresses());
        Assert.Empty(_host.Ports());
    }

    [Fact]
    public void Of_ADDs_at_once_for_one_attachment_one_wins_and_the_others_harm_it_not()
    {
        ChildProcess[] calls = [.. Enumerable.Range(0, 6).Select(_ => _host.Start("ADD", _pod))];
        CniAnswer[] answers = [.. calls.Select(static call => CniAnswer.Of(call.Wait()))];
        Array.ForEach(calls, static call => call.Dispose());

        CniAnswer winner = Assert.Single(answers, static answer => answer.ExitStatus == 0);
        Assert.All(
            answers.Where(answer => answer != winner),
            static answer => Assert.EndsWith("already exists", answer.Message, StringComparison.Ordinal));
        _pod.Ping("10.42.3.1");
        Assert.Single(_host.Ports());
        Assert.Equal(2, _host.ReservedAddresses().Length);
        Assert.Equal([_pod.Id], _host.DataFiles());
        _host.Delete(_pod).SilentSuccess();
        _host.Delete(_pod).SilentSuccess();
        _host.AssertClean();
    }

    [Theory]
    [InlineData("\uFEFF", "FLANNEL_NETWORK, FLANNEL_IPV6_NETWORK")]
    [InlineData("export ", "FLANNEL_NETWORK, FLANNEL_IPV6_NETWORK")]
    public void A_first_line_that_is_no_pair_of_ours_is_as_good_as_none(string before, string missing)
    {
        _host.SetSubnetEnv($"{before}{CniHost.IPv4}FLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n");

        CniAnswer answer = _host.Add(_pod);

        Assert.Contains($"is missing {missing}. Check", answer.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_subnet_file_of_another_system_is_read_and_one_cut_short_never_half()
    {
        string whole = $"{CniHost.IPv4}FLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n";
        for (int length = 0; length < whole.IndexOf("FLANNEL_IPMASQ=", StringComparison.Ordinal) + 15; length += 7)
        {
            _host.SetSubnetEnv(whole[..length]);
            CniAnswer answer = _host.Add(_pod);
            Assert.True(answer.ExitStatus == 1, $"{length}: {answer.Output}");
            Assert.Contains("failed to load flannel 'subnet.env' file", answer.Message, StringComparison.Ordinal);
        }

        _host.SetSubnetEnv(whole.ReplaceLineEndings("\r\n"));
        _host.Add(_pod).Success();
        _host.Delete(_pod).SilentSuccess();
        _host.AssertClean();
    }

    private void MakePaths()
    {
        _host.Node.Shell($"mkfifo {Named("PIPE")}; ln -s LOOP {Named("LOOP")}; echo text > {Named("FILE")}");
        using Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(Named("SOCKET")));
    }

    private string Named(string text) => new StringBuilder(text)
        .Replace("PIPE", _host.Folder.File("PIPE"))
        .Replace("SOCKET", _host.Folder.File("SOCKET"))
        .Replace("LOOP", _host.Folder.File("LOOP"))
        .Replace("FILE", _host.Folder.File("FILE"))
        .Replace("TOO LONG", $"/{new string('n', 300)}")
        .Replace("ID of 300", new string('c', 300))
        .Replace("ID of 250", new string('c', 250))
        .ToString();
}
