using System.Text.Json;

namespace FlannelCni.EndToEndTests.Plugin;

/// <summary>Other plugins: those that do the work instead of the bridge, and those behind it in a chain.</summary>
public sealed class DelegationTests : IDisposable
{
    private readonly CniHost _host = new(CniHost.IPv4);

    public void Dispose() => _host.Dispose();

    [Fact]
    public void Another_delegate_is_executed_with_the_rendered_configuration()
    {
        _host.Delegate = """{ "type": "ptp" }""";
        CniPod pod = _host.NewPod();

        JsonElement result = _host.Add(pod).Success();

        Assert.Equal(["10.42.3.2/24"], pod.Addresses(is6: false));
        Assert.Equal("10.42.3.2/24", result.GetProperty("ips")[0].GetProperty("address").GetString());
        Assert.Equal([pod.Id], _host.DataFiles());
        string rendered = File.ReadAllText(Path.Combine(_host.DataDir, pod.Id));
        Assert.DoesNotContain("isGateway", rendered, StringComparison.Ordinal);
        _host.Delete(pod).SilentSuccess();
        _host.Delete(pod).SilentSuccess();
        _host.AssertClean();
    }

    [Fact]
    public void A_delegates_own_error_is_passed_on_and_nothing_stays()
    {
        _host.Delegate = """{ "type": "macvlan", "master": "nowhere0" }""";

        CniAnswer answer = _host.Add(_host.NewPod());

        Assert.Equal(1, answer.ExitStatus);
        Assert.Contains("ink not found", answer.Message, StringComparison.Ordinal);
        Assert.Empty(_host.ReservedAddresses());
    }

    [Fact]
    public void A_delegate_that_is_not_there_is_named()
    {
        _host.Delegate = """{ "type": "nothing" }""";

        _host.Add(_host.NewPod()).Failure(
            999, $"failed to delegate add: failed to find plugin \"nothing\" in path [{CniHost.PluginFolder}]");

        _host.AssertClean();
    }

    [Fact]
    public void Portmap_finds_the_pods_address_in_the_result()
    {
        CniPod pod = _host.NewPod();
        string result = _host.Add(pod).Output;
        string chained = $$"""
            {
              "cniVersion": "0.3.1", "name": "cbr0", "type": "portmap", "prevResult": {{result}},
              "capabilities": { "portMappings": true },
              "runtimeConfig": { "portMappings": [ { "hostPort": 8080, "containerPort": 80, "protocol": "tcp" } ] }
            }
            """;
        _host.Executable = $"{CniHost.PluginFolder}/portmap";

        JsonElement mapped = _host.Call("ADD", pod, chained).Success();

        Assert.Equal("10.42.3.2/24", mapped.GetProperty("ips")[0].GetProperty("address").GetString());
        Assert.Contains("10.42.3.2:80", _host.Node.Shell("iptables -t nat -S"), StringComparison.Ordinal);
    }
}
