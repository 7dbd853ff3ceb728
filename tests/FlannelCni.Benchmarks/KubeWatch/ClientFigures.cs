using System.Globalization;

namespace FlannelCni.Benchmarks.KubeWatch;

/// <summary>What a client's run took, in milliseconds.</summary>
/// <param name="List">From the request to the complete table, or to the last byte.</param>
/// <param name="ListProcessor">Processor time of that.</param>
/// <param name="Beat">Processor time of one heartbeat.</param>
internal sealed record ClientFigures(double List, double ListProcessor, double Beat)
{
    internal string Line => string.Create(CultureInfo.InvariantCulture, $"figures {List} {ListProcessor} {Beat}");

    internal static ClientFigures Read(string output)
    {
        string line = output.Split('\n').Single(static line => line.StartsWith("figures ", StringComparison.Ordinal));
        double[] numbers =
            [.. line.Split(' ').Skip(1).Select(static text => double.Parse(text, CultureInfo.InvariantCulture))];
        return new ClientFigures(numbers[0], numbers[1], numbers[2]);
    }
}
