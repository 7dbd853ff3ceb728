using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace FlannelCni.Agent.Metrics;

/// <summary>
/// Listens to the instruments of one meter and renders them in the text format of Prometheus, version 0.0.4.
/// Instruments are written in the order of their creation, their series in that of their first measurement.
/// </summary>
internal sealed class PrometheusText : IDisposable
{
    private readonly Lock _lock = new();    // guards all series; held for microseconds
    private readonly List<PrometheusFamily> _families = [];
    private readonly MeterListener _listener = new();
    private readonly double[] _bounds;

    /// <param name="bounds">Upper bounds of every histogram's buckets, ascending, without +Inf.</param>
    internal PrometheusText(Meter meter, double[] bounds)
    {
        _bounds = bounds;
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (ReferenceEquals(instrument.Meter, meter))
            {
                listener.EnableMeasurementEvents(instrument, Add(instrument));
            }
        };
        _listener.SetMeasurementEventCallback<long>((_, value, tags, family) => Record(family, value, tags));
        _listener.SetMeasurementEventCallback<double>((_, value, tags, family) => Record(family, value, tags));
        _listener.Start();
    }

    internal string Render()
    {
        _listener.RecordObservableInstruments();
        StringBuilder text = new();
        lock (_lock)
        {
            foreach (PrometheusFamily family in _families)
            {
                family.WriteTo(text);
            }
        }

        return text.ToString();
    }

    public void Dispose() => _listener.Dispose();

    /// <summary>A number as Prometheus reads it: <c>3</c>, <c>0.25</c>, <c>+Inf</c>.</summary>
    internal static string Format(double value) => value switch
    {
        double.PositiveInfinity => "+Inf",
        double.NegativeInfinity => "-Inf",
        _ => value.ToString(CultureInfo.InvariantCulture),
    };

    private PrometheusFamily Add(Instrument instrument)
    {
        PrometheusFamily family = new(instrument.Name, instrument.Description ?? "", KindOf(instrument), _bounds);
        lock (_lock)
        {
            _families.Add(family);
        }

        return family;
    }

    private void Record(object? family, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (family is PrometheusFamily known)
        {
            lock (_lock)
            {
                known.Record(value, tags);
            }
        }
    }

    private static MetricKind KindOf(Instrument instrument) => instrument switch
    {
        Counter<long> or Counter<double> => MetricKind.Counter,
        ObservableCounter<long> or ObservableCounter<double> => MetricKind.ObservedCounter,
        Histogram<long> or Histogram<double> => MetricKind.Histogram,
        _ => MetricKind.Gauge,
    };
}
