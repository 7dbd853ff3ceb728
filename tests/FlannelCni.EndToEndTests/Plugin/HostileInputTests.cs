using System.Text;
using System.Text.Json;
using FlannelCni.TestKit.Fuzzing;

namespace FlannelCni.EndToEndTests.Plugin;

/// <summary>Input that nobody should send: an error document, and nothing else.</summary>
public sealed class HostileInputTests : IDisposable
{
    private const int Inputs = 60;

    private readonly CniHost _host = new();

    public void Dispose() => _host.Dispose();

    [Theory]
    [InlineData("ADD", 1)]
    [InlineData("DEL", 2)]
    [InlineData("CHECK", 3)]
    [InlineData("STATUS", 4)]
    [InlineData("GC", 5)]
    public void Any_input_ends_in_silence_or_in_one_document(string verb, int seed)
    {
        // A path that a mutant kept must not lead to the machine's own files.
        byte[][] corpus = [.. FuzzTarget.All[0].Corpus.Select(bytes => Encoding.UTF8.GetBytes(
            Encoding.UTF8.GetString(bytes)
                .Replace("/run/flannel", _host.Folder.Path, StringComparison.Ordinal)
                .Replace("/var/lib/cni/flannel", _host.DataDir, StringComparison.Ordinal)
                .Replace("/var/lib/cni/networks", _host.IpamDir, StringComparison.Ordinal)))];
        Mutator mutator = new(corpus, seed);
        for (int i = 0; i < Inputs; i++)
        {
            string input = Encoding.UTF8.GetString(mutator.Next());

            // Nothing can be attached: this is about reading.
            CniAnswer answer = _host.Call(
                verb, new CniPod(_host.Node, "x"), input, ("CNI_NETNS", "/nowhere"), ("CNI_PATH", "/nowhere"));

            Assert.True(answer.ExitStatus is 0 or 1, $"{answer.ExitStatus}: {answer.Error}\n{input}");
            if (answer.ExitStatus == 1)
            {
                Assert.NotEqual("", answer.Message);
            }
        }
    }

    [Theory]
    [InlineData('[')]
    [InlineData('{')]
    [InlineData('"')]
    [InlineData('1')]
    [InlineData(' ')]
    public void A_million_times_the_same_is_refused(char what)
    {
        CniAnswer answer = _host.Call("ADD", _host.NewPod(), new string(what, 1_000_000));

        Assert.Equal(6, answer.Code);
    }

    [Fact]
    public void More_than_a_configuration_can_be_is_refused()
    {
        CniAnswer answer = _host.Call("ADD", _host.NewPod(), new string(' ', 3_000_000) + _host.Config);

        answer.Failure(6, "error unmarshall network config: longer than 1048576 bytes");
    }

    [Fact]
    public void A_hundred_thousand_keys_are_read_in_no_time()
    {
        StringBuilder more = new();
        for (int i = 0; i < 80_000; i++)
        {
            more.Append(", \"k").Append(i).Append("\":1");
        }

        _host.More = more.ToString();

        _host.Add(_host.NewPod()).Success();
    }

    [Theory]
    [InlineData("echo '{\"code\":'; exit 1")]
    [InlineData("echo '[]'")]
    [InlineData("echo '{\"ips\":[{\"address\":\"10.42.3.2/24\"}]} {}'")]
    [InlineData("yes '{' | head -c 3000000")]
    [InlineData("head -c 300000 /dev/urandom")]
    [InlineData("kill -SEGV $$")]
    [InlineData("exit 0")]
    [InlineData("echo '{\"ips\":[{\"address\":\"fe80::1/200\"}]}'")]
    [InlineData("echo '{\"ips\":[{\"address\":\"10.42.3.2/24\",\"interface\":-7}], \"routes\":[{\"dst\":\"\"}]}'")]
    public void An_IPAM_plugin_that_talks_nonsense_is_an_error_and_nothing_stays(string script)
    {
        _host.InstallIpam($"cat > /dev/null; {script}");

        CniAnswer answer = _host.Add(_host.NewPod());

        Assert.Equal(1, answer.ExitStatus);
        Assert.Equal(JsonValueKind.Object, answer.Document.ValueKind);
        Assert.Empty(_host.Ports());
    }
}
