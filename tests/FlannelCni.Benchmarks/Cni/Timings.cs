using System.Globalization;

namespace FlannelCni.Benchmarks.Cni;

/// <summary>What one action took, for each contender.</summary>
internal sealed class Timings
{
    private readonly Dictionary<Contender, List<double>> _milliseconds = [];

    internal void Add(Contender contender, TimeSpan time)
    {
        if (!_milliseconds.TryGetValue(contender, out List<double>? times))
        {
            _milliseconds[contender] = times = [];
        }

        times.Add(time.TotalMilliseconds);
    }

    /// <summary>A line for each, and their ratio.</summary>
    internal void Print(string title, Contender[] both, TextWriter output)
    {
        output.WriteLine();
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{title,-32}{"p50",8}{"p90",8}{"p99",8}"));
        foreach (Contender contender in both)
        {
            PrintLine(contender.Name, percent => Percentile(contender, percent), output);
        }

        PrintLine("ratio", percent => Percentile(both[0], percent) / Percentile(both[1], percent), output);
    }

    private static void PrintLine(string name, Func<int, double> value, TextWriter output) =>
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"  {name,-30}{value(50),8:0.00}{value(90),8:0.00}{value(99),8:0.00}"));

    private double Percentile(Contender contender, int percent)
    {
        double[] sorted = [.. _milliseconds[contender].Order()];
        return sorted[Math.Min(sorted.Length - 1, sorted.Length * percent / 100)];
    }
}
