using FlannelCni.TestKit.KubeApi.Objects;
using FlannelCni.TestKit.KubeApi.Requests;

namespace FlannelCni.TestKit.KubeApi.Faults;

/// <summary>How requests that match are treated, so many times.</summary>
internal sealed class Fault(Func<KubeRequest, bool> matches, int times)
{
    private int _left = times;

    /// <summary>The answer in place of the right one.</summary>
    internal ApiStatusException? Error { get; init; }

    /// <summary>Before anything is done.</summary>
    internal TimeSpan Delay { get; init; }

    /// <summary>No answer until this ends.</summary>
    internal CancellationToken Hang { get; init; }

    /// <summary>Bytes of the body after which it stops; null: all.</summary>
    internal int? Length { get; init; }

    /// <summary>Stopping is the end of the connection or stream, rather than of a whole answer.</summary>
    internal bool Breaks { get; init; }

    /// <summary>The body in place of the right one.</summary>
    internal byte[]? Garbage { get; init; }

    /// <summary>A list says that there is nothing.</summary>
    internal bool IsEmpty { get; init; }

    /// <summary>A watch says nothing, but stays.</summary>
    internal bool IsSilent { get; init; }

    internal bool TryTake(KubeRequest request)
    {
        if (_left == 0 || !matches(request))
        {
            return false;
        }

        _left--;
        return true;
    }
}
