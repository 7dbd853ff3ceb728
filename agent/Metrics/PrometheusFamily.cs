using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace FlannelCni.Agent.Metrics;

/// <summary>How measurements become the value that is shown.</summary>
internal enum MetricKind
{
    /// <summary>They add up.</summary>
    Counter,

    /// <summary>A total that somebody else keeps: the last one is shown.</summary>
    ObservedCounter,

    /// <summary>The last one is shown.</summary>
    Gauge,

    Histogram,
}

/// <summary>All series of one name. Not for several threads at once.</summary>
internal sealed class PrometheusFamily(string name, string help, MetricKind kind, double[] bounds)
{
    private readonly Dictionary<string, Series> _series = new(StringComparer.Ordinal);  // by labels, in order of adding

    internal void Record(double value, ReadOnlySpan<KeyValuePair<string, object?>> labels)
    {
        string key = Join(labels);
        ref Series? series = ref CollectionsMarshal.GetValueRefOrAddDefault(_series, key, out _);
        series ??= new Series(kind == MetricKind.Histogram ? new long[bounds.Length] : []);
        series.Value = kind is MetricKind.Counter or MetricKind.Histogram ? series.Value + value : value;
        series.Count++;
        for (int i = 0; i < series.Buckets.Length; i++)
        {
            series.Buckets[i] += value <= bounds[i] ? 1 : 0;
        }
    }

    /// <summary>Nothing at all where nothing was measured.</summary>
    internal void WriteTo(StringBuilder text)
    {
        if (_series.Count == 0)
        {
            return;
        }

        string type = kind switch
        {
            MetricKind.Counter or MetricKind.ObservedCounter => "counter",
            MetricKind.Histogram => "histogram",
            _ => "gauge",
        };
        text.Append("# HELP ").Append(name).Append(' ').Append(EscapeHelp(help)).Append('\n');
        text.Append("# TYPE ").Append(name).Append(' ').Append(type).Append('\n');
        foreach ((string labels, Series series) in _series)
        {
            if (kind == MetricKind.Histogram)
            {
                WriteHistogram(text, labels, series);
            }
            else
            {
                WriteSample(text, "", labels, PrometheusText.Format(series.Value));
            }
        }
    }

    private void WriteHistogram(StringBuilder text, string labels, Series series)
    {
        string before = labels.Length == 0 ? "" : labels + ",";
        for (int i = 0; i < bounds.Length; i++)
        {
            string bound = PrometheusText.Format(bounds[i]);
            WriteSample(text, "_bucket", $"{before}le=\"{bound}\"", Whole(series.Buckets[i]));
        }

        WriteSample(text, "_bucket", $"{before}le=\"+Inf\"", Whole(series.Count));
        WriteSample(text, "_sum", labels, PrometheusText.Format(series.Value));
        WriteSample(text, "_count", labels, Whole(series.Count));
    }

    private void WriteSample(StringBuilder text, string suffix, string labels, string value)
    {
        text.Append(name).Append(suffix);
        if (labels.Length > 0)
        {
            text.Append('{').Append(labels).Append('}');
        }

        text.Append(' ').Append(value).Append('\n');
    }

    private static string Join(ReadOnlySpan<KeyValuePair<string, object?>> labels)
    {
        StringBuilder text = new();
        foreach ((string label, object? value) in labels)
        {
            text.Append(text.Length == 0 ? "" : ",").Append(label).Append("=\"");
            text.Append(EscapeLabel(Convert.ToString(value, CultureInfo.InvariantCulture) ?? "")).Append('"');
        }

        return text.ToString();
    }

    private static string Whole(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static string EscapeHelp(string text) =>
        text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);

    private static string EscapeLabel(string text) =>
        EscapeHelp(text).Replace("\"", "\\\"", StringComparison.Ordinal);

    private sealed class Series(long[] buckets)
    {
        internal double Value { get; set; }

        internal long Count { get; set; }

        /// <summary>Cumulative: each counts what is below its bound.</summary>
        internal long[] Buckets { get; } = buckets;
    }
}
