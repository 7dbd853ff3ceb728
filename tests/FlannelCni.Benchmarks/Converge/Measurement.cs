using System.Globalization;

namespace FlannelCni.Benchmarks.Converge;

/// <summary>All figures of one cluster's size.</summary>
internal sealed class Measurement(int peers)
{
    private readonly Dictionary<Figure, List<double>> _figures = [];

    internal void Add(Figure figure, TimeSpan time) => Add(figure, time.TotalMilliseconds);

    internal void Add(Figure figure, double value)
    {
        if (!_figures.TryGetValue(figure, out List<double>? values))
        {
            _figures[figure] = values = [];
        }

        values.Add(value);
    }

    internal void Print(TextWriter output)
    {
        double tools = Math.Min(Median(Figure.ToolsPlain), Median(Figure.ToolsNexthops));
        double initial = Median(Figure.Initial);
        output.WriteLine();
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{peers} peers"));
        Line("empty kernel to complete", initial, string.Create(
            CultureInfo.InvariantCulture,
            $"{initial * 1000 / peers:0.0} us a peer; processor time {Median(Figure.InitialProcessor):0}"));
        Line("  batch tools, plain routes", Median(Figure.ToolsPlain));
        Line(
            "  batch tools, nexthop objects",
            Median(Figure.ToolsNexthops),
            Ratio("of the better one is what ours takes", initial / tools));
        Line(
            "  one request, one socket",
            Median(Figure.OneByOne),
            Ratio("times ours", Median(Figure.OneByOne) / initial));
        Line("restart, nothing to do", Median(Figure.Restart), $"{Median(Figure.RestartWrites)} writes");
        Line("10 % changed", Median(Figure.Change));
        Line(
            "look at all, nothing to do",
            Median(Figure.IdleProcessor),
            $"processor time; {Median(Figure.IdleAllocated) / 1024:0} kB allocated");
        Line("peak memory, MB", Median(Figure.PeakMemory) / (1 << 20));
        Line("socket calls of a first start", Median(Figure.SocketCalls));

        void Line(string title, double value, string remark = "") => output.WriteLine(
            string.Create(CultureInfo.InvariantCulture, $"  {title,-32}{value,10:0.0}  {remark}"));
    }

    /// <summary>What a peer costs in a cluster of one size against another.</summary>
    internal static void PrintGrowth(IReadOnlyList<Measurement> all, TextWriter output)
    {
        output.WriteLine();
        foreach ((Measurement small, Measurement large) in all.Zip(all.Skip(1)))
        {
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"a peer of {large.Peers} costs {large.PerPeer / small.PerPeer:0.00} of one of {small.Peers}"));
        }

        if (all is [_, Measurement first, .., Measurement last] && last != first)
        {
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"a peer of {last.Peers} costs {last.PerPeer / first.PerPeer:0.00} of one of {first.Peers}"));
        }
    }

    private int Peers => peers;

    private double PerPeer => Median(Figure.Initial) / peers;

    private double Median(Figure figure)
    {
        double[] sorted = [.. _figures[figure].Order()];
        return sorted[sorted.Length / 2];
    }

    private static string Ratio(string of, double ratio) =>
        string.Create(CultureInfo.InvariantCulture, $"{ratio:0.00} {of}");
}
