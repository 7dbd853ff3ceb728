using FlannelCni.TestKit.KubeApi.Encodings;
using FlannelCni.TestKit.KubeApi.Objects;
using FlannelCni.TestKit.KubeApi.Requests;
using FlannelCni.TestKit.KubeApi.Storage;
using Microsoft.AspNetCore.Http;

namespace FlannelCni.TestKit.KubeApi.Calls;

/// <summary>
/// A watch reads the history from where it is, and waits for the bell when it is at its end: nothing is queued for it.
/// </summary>
internal sealed class WatchCall(KubeStore store, TimeProvider time, TimeSpan bookmarkInterval) : IDisposable
{
    private static readonly TimeSpan s_longest = TimeSpan.FromMinutes(45);

    private CancellationTokenSource _expiry = new();
    private int _bookmarks;

    /// <summary>How many were sent, in all watches.</summary>
    internal int Bookmarks => Volatile.Read(ref _bookmarks);

    /// <summary>Tells all watches that go on now that their version is too old.</summary>
    internal void Expire() => Interlocked.Exchange(ref _expiry, new CancellationTokenSource()).Cancel();

    public void Dispose() => _expiry.Dispose();

    internal async Task RunAsync(
        HttpContext context,
        KubeRequest request,
        ResourceType type,
        ListOptions options,
        ObjectEncoding encoding,
        bool isSilent)
    {
        context.Response.ContentType = encoding.StreamType;
        await context.Response.Body.FlushAsync(context.RequestAborted);
        TimeSpan timeout = options.TimeoutSeconds > 0 ? TimeSpan.FromSeconds(options.TimeoutSeconds) : s_longest;
        using CancellationTokenSource end = new(timeout, time);
        CancellationToken expiry = _expiry.Token;
        using CancellationTokenSource any =
            CancellationTokenSource.CreateLinkedTokenSource(end.Token, expiry, context.RequestAborted);
        Stream body = context.Response.Body;
        try
        {
            if (isSilent)
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, time, any.Token);
            }

            await FollowAsync(body, request, type, options, encoding, any.Token);
        }
        catch (ApiStatusException e)
        {
            // The answer has begun: what went wrong is an event.
            await SendAsync(body, encoding.Error(e), context.RequestAborted);
        }
        catch (OperationCanceledException) when (expiry.IsCancellationRequested)
        {
            ReadOnlyMemory<byte> last =
                encoding.Error(ApiStatusException.Expired("The resourceVersion for the provided watch is too old."));
            await SendAsync(body, last, context.RequestAborted);
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            // Its time is over: a watch just ends.
            await body.FlushAsync(context.RequestAborted);
        }
    }

    private async Task FollowAsync(
        Stream body,
        KubeRequest request,
        ResourceType type,
        ListOptions options,
        ObjectEncoding encoding,
        CancellationToken cancellationToken)
    {
        bool Selects(StoredObject? stored) => stored is not null
            && (request.Namespace.Length == 0 || stored.Namespace == request.Namespace)
            && options.Selector.Matches(stored);

        long revision = options.Revision;
        if (options.SendsInitialEvents == true || (options.SendsInitialEvents is null && revision == 0))
        {
            Snapshot snapshot = store.Read(type);
            foreach (StoredObject stored in snapshot.Objects.Values.Where(Selects))
            {
                await body.WriteAsync(encoding.Event("ADDED", stored), cancellationToken);
            }

            revision = snapshot.Revision;
            if (options.SendsInitialEvents == true && options.AllowsBookmarks)
            {
                await body.WriteAsync(encoding.Bookmark(type, revision, endsInitial: true), cancellationToken);
            }

            await body.FlushAsync(cancellationToken);
        }
        else if (revision == 0)
        {
            revision = store.Revision;
        }

        long bookmarked = time.GetTimestamp();
        while (true)
        {
            (IReadOnlyList<StoreEvent> events, revision, Task next) = store.Changes(type, revision);
            foreach (StoreEvent change in events)
            {
                await SendAsync(body, encoding, change, Selects, cancellationToken);
            }

            TimeSpan left = bookmarkInterval - time.GetElapsedTime(bookmarked);
            if (options.AllowsBookmarks && left <= TimeSpan.Zero)
            {
                // Who asked for what is yet to come is told nothing until then, not even that.
                if (revision <= store.Revision)
                {
                    await body.WriteAsync(encoding.Bookmark(type, revision, endsInitial: false), cancellationToken);
                    Interlocked.Increment(ref _bookmarks);
                }

                bookmarked = time.GetTimestamp();
                left = bookmarkInterval;
            }

            await body.FlushAsync(cancellationToken);
            await WaitAsync(next, options.AllowsBookmarks ? left : Timeout.InfiniteTimeSpan, cancellationToken);
        }
    }

    private async Task WaitAsync(Task next, TimeSpan bookmark, CancellationToken cancellationToken)
    {
        try
        {
            await next.WaitAsync(bookmark, time, cancellationToken);
        }
        catch (TimeoutException)
        {
            // Time for a bookmark, which the caller looks after.
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    // An object that begins or ceases to be selected comes or goes for this watch.
    private static async ValueTask SendAsync(
        Stream body,
        ObjectEncoding encoding,
        StoreEvent change,
        Func<StoredObject?, bool> selects,
        CancellationToken cancellationToken)
    {
        bool was = selects(change.Previous);
        bool isNow = !change.IsDeletion && selects(change.Object);
        string? kind = (was, isNow) switch
        {
            (false, true) => "ADDED",
            (true, true) => "MODIFIED",
            (true, false) => "DELETED",
            _ => null,
        };
        if (kind is not null)
        {
            await body.WriteAsync(encoding.Event(kind, change.Object), cancellationToken);
        }
    }

    private static async Task SendAsync(Stream body, ReadOnlyMemory<byte> last, CancellationToken cancellationToken)
    {
        await body.WriteAsync(last, cancellationToken);
        await body.FlushAsync(cancellationToken);
    }
}
