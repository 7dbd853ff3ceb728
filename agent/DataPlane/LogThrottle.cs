namespace FlannelCni.Agent.DataPlane;

/// <summary>Lets some lines through at once and then one now and again, counting those it held back.</summary>
/// <param name="burst">Lines at once after a quiet time.</param>
/// <param name="interval">Between two lines when they never end.</param>
internal sealed class LogThrottle(TimeProvider time, int burst, TimeSpan interval)
{
    private double _tokens = burst;
    private long _last = time.GetTimestamp();
    private int _heldBack;

    /// <summary>May the line be written?</summary>
    /// <param name="heldBack">Lines not written since the last one that was.</param>
    public bool TryPass(out int heldBack)
    {
        long now = time.GetTimestamp();
        _tokens = Math.Min(burst, _tokens + (time.GetElapsedTime(_last, now) / interval));
        _last = now;
        heldBack = _heldBack;
        if (_tokens < 1)
        {
            _heldBack++;
            return false;
        }

        _tokens--;
        _heldBack = 0;
        return true;
    }
}
