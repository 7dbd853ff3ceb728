using FlannelCni.TestKit.KubeApi.Objects;
using FlannelCni.TestKit.KubeApi.Requests;

namespace FlannelCni.TestKit.KubeApi.Faults;

/// <summary>
/// Misbehaviour on command. Each method takes which requests are meant (null: all) and how many of them; what was
/// commanded last is tried first. None makes the server lie about what it stores but <see cref="EmptyLists"/>.
/// </summary>
public sealed class KubeFaults : IDisposable
{
    private readonly Lock _lock = new();
    private readonly List<Fault> _faults = [];
    private CancellationTokenSource _cleared = new();

    /// <summary>Answers with this code: 429, 500, 503, 401, ...</summary>
    /// <param name="retryAfterSeconds">0: does not say when to come again.</param>
    public void Fail(
        int code, Func<KubeRequest, bool>? which = null, int times = int.MaxValue, int retryAfterSeconds = 0)
    {
        string reason = code switch
        {
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "NotFound",
            409 => "Conflict",
            410 => "Expired",
            429 => "TooManyRequests",
            500 => "InternalError",
            503 => "ServiceUnavailable",
            504 => "Timeout",
            _ => "",
        };
        ApiStatusException error = new(code, reason, "this is a test") { RetryAfterSeconds = retryAfterSeconds };
        Add(new Fault(which ?? All, times) { Error = error });
    }

    /// <summary>Answers later.</summary>
    public void Delay(TimeSpan delay, Func<KubeRequest, bool>? which = null, int times = int.MaxValue) =>
        Add(new Fault(which ?? All, times) { Delay = delay });

    /// <summary>Takes the request and does not answer, until <see cref="Clear"/>; then the connection ends.</summary>
    public void Hang(Func<KubeRequest, bool>? which = null, int times = int.MaxValue) =>
        Add(new Fault(which ?? All, times) { Hang = _cleared.Token });

    /// <summary>Resets the connection (HTTP/2: the stream) after so many bytes of the body.</summary>
    public void Cut(int bytes, Func<KubeRequest, bool>? which = null, int times = int.MaxValue) =>
        Add(new Fault(which ?? All, times) { Length = bytes, Breaks = true });

    /// <summary>Ends the body after so many bytes as if that were all.</summary>
    public void Truncate(int bytes, Func<KubeRequest, bool>? which = null, int times = int.MaxValue) =>
        Add(new Fault(which ?? All, times) { Length = bytes });

    /// <summary>Answers 200 with this.</summary>
    public void Garbage(byte[] body, Func<KubeRequest, bool>? which = null, int times = int.MaxValue) =>
        Add(new Fault(which ?? All, times) { Garbage = body });

    /// <summary>Lists come back well-formed, at the right version, and with nothing in them.</summary>
    public void EmptyLists(Func<KubeRequest, bool>? which = null, int times = int.MaxValue) =>
        Add(new Fault(which ?? All, times) { IsEmpty = true });

    /// <summary>Watches stay open and say nothing: no event, no bookmark.</summary>
    public void SilentWatches(Func<KubeRequest, bool>? which = null, int times = int.MaxValue) =>
        Add(new Fault(which ?? All, times) { IsSilent = true });

    /// <summary>No more of any of this for new requests.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            _faults.Clear();
            _cleared.Cancel();
            _cleared = new CancellationTokenSource();
        }
    }

    public void Dispose() => _cleared.Dispose();

    internal Fault? Take(KubeRequest request)
    {
        lock (_lock)
        {
            return _faults.FindLast(fault => fault.TryTake(request));
        }
    }

    private static bool All(KubeRequest request) => true;

    private void Add(Fault fault)
    {
        lock (_lock)
        {
            _faults.Add(fault);
        }
    }
}
