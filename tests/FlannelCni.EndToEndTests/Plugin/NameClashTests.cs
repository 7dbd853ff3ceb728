using System.Text.Json;

namespace FlannelCni.EndToEndTests.Plugin;

/// <summary>
/// The name of the pair's end on the host is drawn by lot, and may be taken. Here strace sees to the lots: a draw that
/// it takes the place of gives the name veth00000000.
/// </summary>
public sealed class NameClashTests : IDisposable
{
    private const string Taken = "veth00000000";

    private readonly CniHost _host = new();

    public NameClashTests() => _host.Node.Shell($"ip link add {Taken} type veth peer name far");

    public void Dispose() => _host.Dispose();

    [Fact]
    public void A_name_that_is_taken_on_the_host_is_drawn_again()
    {
        // The first is the name, of which the second and third are the addresses of the two ends.
        LoadDice("1..3");
        CniPod pod = _host.NewPod();

        JsonElement result = _host.Add(pod).Success();

        string name = result.GetProperty("interfaces")[1].GetProperty("name").GetString()!;
        Assert.NotEqual(Taken, name);
        Assert.Contains(name, _host.Ports());
        Assert.Contains("far", _host.Ports());
        pod.Ping("10.42.3.1");
        Assert.Contains("INJECTED", File.ReadAllText(_host.Folder.File("trace")), StringComparison.Ordinal);
    }

    [Fact]
    public void Names_that_are_all_taken_are_an_error_that_leaves_nothing()
    {
        LoadDice("1+");
        CniPod pod = _host.NewPod();

        CniAnswer answer = _host.Add(pod);

        answer.Failure(999, $"container veth name (\"eth0\") peer provided (\"{Taken}\") already exists");
        Assert.Equal(["far", Taken], _host.Ports());
        Assert.Empty(_host.ReservedAddresses());
        Assert.Empty(_host.DataFiles());
        Assert.Single(pod.Node.ShellJson("ip -json link show").EnumerateArray());
        int draws = File.ReadAllLines(_host.Folder.File("trace")).Count(
            static line => line.Contains("INJECTED", StringComparison.Ordinal));
        Assert.InRange(draws, 10, 20);
    }

    /// <param name="which">Calls of getrandom, as strace's <c>when</c> has them.</param>
    private void LoadDice(string which)
    {
        string script = _host.Folder.File("flannel");
        File.WriteAllText(
            script,
            $"""
            #!/bin/sh
            exec strace -q -o {_host.Folder.File("trace")} -e trace=getrandom \
              -e inject=getrandom:retval=8:when={which} {_host.Executable}

            """);
        File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        _host.Executable = script;
    }
}
