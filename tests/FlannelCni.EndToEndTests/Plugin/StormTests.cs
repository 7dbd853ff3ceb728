namespace FlannelCni.EndToEndTests.Plugin;

/// <summary>Sixty-four at once, with kills. The long form: <c>./build.sh bench storm</c>.</summary>
public sealed class StormTests
{
    private const int Pods = 64;

    [Theory]
    [InlineData(CniHost.UsualDelegate)]
    [InlineData("""{ "isDefaultGateway": true, "ipMasq": true }""")]
    public void Nothing_is_lost_and_nothing_is_left(string users)
    {
        using CniHost host = new() { Delegate = users };

        new Storm(host, seed: 7).Run(Pods);
    }
}
