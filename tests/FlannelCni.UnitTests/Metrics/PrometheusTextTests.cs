using System.Diagnostics.Metrics;
using FlannelCni.Agent.Metrics;

namespace FlannelCni.UnitTests.Metrics;

public sealed class PrometheusTextTests : IDisposable
{
    private readonly Meter _meter = new("test");
    private readonly PrometheusText _text;

    public PrometheusTextTests() => _text = new PrometheusText(_meter, [0.1, 1]);

    public void Dispose()
    {
        _text.Dispose();
        _meter.Dispose();
    }

    [Fact]
    public void A_counter_adds_up_for_each_set_of_labels()
    {
        Counter<long> counter = _meter.CreateCounter<long>("requests_total", null, "Requests.");
        counter.Add(1, Label("op", "add route"), Label("errno", "EEXIST"));
        counter.Add(2, Label("op", "add route"), Label("errno", "EEXIST"));
        counter.Add(5);

        Assert.Equal(
            """
            # HELP requests_total Requests.
            # TYPE requests_total counter
            requests_total{op="add route",errno="EEXIST"} 3
            requests_total 5

            """,
            _text.Render());
    }

    [Fact]
    public void Of_a_gauge_the_last_value_is_shown_and_an_observed_one_is_asked()
    {
        Gauge<double> gauge = _meter.CreateGauge<double>("temperature");
        gauge.Record(3);
        gauge.Record(-2.5);
        _meter.CreateObservableGauge("observed", static () => 7L);

        Assert.Equal(
            """
            # HELP temperature 
            # TYPE temperature gauge
            temperature -2.5
            # HELP observed 
            # TYPE observed gauge
            observed 7

            """,
            _text.Render());
    }

    [Fact]
    public void The_buckets_of_a_histogram_are_cumulative()
    {
        Histogram<double> histogram = _meter.CreateHistogram<double>("seconds", "s", "Time.");
        histogram.Record(0.05);
        histogram.Record(0.1);
        histogram.Record(0.5);
        histogram.Record(30);

        Assert.Equal(
            """
            # HELP seconds Time.
            # TYPE seconds histogram
            seconds_bucket{le="0.1"} 2
            seconds_bucket{le="1"} 3
            seconds_bucket{le="+Inf"} 4
            seconds_sum 30.65
            seconds_count 4

            """,
            _text.Render());
    }

    [Fact]
    public void What_would_break_a_line_is_escaped()
    {
        _meter.CreateCounter<long>("odd_total", null, "A \\ and\na line").Add(1, Label("what", "\"a\"\\\n"));

        Assert.Equal(
            "# HELP odd_total A \\\\ and\\na line\n# TYPE odd_total counter\nodd_total{what=\"\\\"a\\\"\\\\\\n\"} 1\n",
            _text.Render());
    }

    [Fact]
    public void An_instrument_without_a_measurement_and_another_meter_s_are_not_shown()
    {
        using Meter other = new("test");
        other.CreateCounter<long>("other_total").Add(1);
        _meter.CreateCounter<long>("silent_total");

        Assert.Equal("", _text.Render());
    }

    [Theory]
    [InlineData(double.PositiveInfinity, "+Inf")]
    [InlineData(double.NegativeInfinity, "-Inf")]
    [InlineData(double.NaN, "NaN")]
    [InlineData(1787300000.123, "1787300000.123")]
    [InlineData(1e21, "1E+21")]
    public void Numbers_are_as_Prometheus_reads_them(double value, string expected)
    {
        Assert.Equal(expected, PrometheusText.Format(value));
    }

    private static KeyValuePair<string, object?> Label(string name, string value) => new(name, value);
}
