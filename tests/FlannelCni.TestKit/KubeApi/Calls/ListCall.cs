using System.Globalization;
using System.Text;
using FlannelCni.TestKit.KubeApi.Encodings;
using FlannelCni.TestKit.KubeApi.Objects;
using FlannelCni.TestKit.KubeApi.Requests;
using FlannelCni.TestKit.KubeApi.Storage;
using Microsoft.AspNetCore.Http;

namespace FlannelCni.TestKit.KubeApi.Calls;

/// <summary>A list: of which version, and which part of it.</summary>
internal sealed class ListCall(KubeStore store, TimeProvider time)
{
    // For how long a list waits for a version that is yet to come.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(3);

    /// <param name="isEmpty">Says that there is nothing, at the right version.</param>
    internal async Task RunAsync(
        HttpContext context,
        KubeRequest request,
        ResourceType type,
        ListOptions options,
        ObjectEncoding encoding,
        bool isEmpty)
    {
        (Snapshot snapshot, string start) = await FindAsync(type, options, context.RequestAborted);
        // Of any version, the server's cache answers, which knows no pages.
        int limit = options.ResourceVersion == "0" && options.Continue.Length == 0 ? 0 : options.Limit;
        List<StoredObject> items = [];
        string next = "";
        int remaining = 0;
        foreach ((string key, StoredObject stored) in snapshot.Objects)
        {
            bool isMeant = !isEmpty
                && string.CompareOrdinal(key, start) >= 0
                && (request.Namespace.Length == 0 || stored.Namespace == request.Namespace)
                && options.Selector.Matches(stored);
            if (isMeant && limit > 0 && items.Count == limit)
            {
                next = next.Length > 0 ? next : Token(snapshot.Revision, key);
                remaining++;
            }
            else if (isMeant)
            {
                items.Add(stored);
            }
        }

        context.Response.ContentType = encoding.MediaType;
        ListMeta meta = new(snapshot.Revision, next, options.Selector.SelectsAll ? remaining : 0);
        foreach (ReadOnlyMemory<byte> piece in encoding.List(type, meta, items))
        {
            await context.Response.Body.WriteAsync(piece, context.RequestAborted);
        }
    }

    private async Task<(Snapshot Snapshot, string Start)> FindAsync(
        ResourceType type, ListOptions options, CancellationToken cancellationToken)
    {
        if (options.Continue.Length > 0)
        {
            (long revision, string start) = ReadToken(options.Continue);
            try
            {
                return (store.ReadAt(type, revision), start);
            }
            catch (ApiStatusException e) when (e.Code == 410)
            {
                throw ApiStatusException.Expired(
                    "The provided continue parameter is too old to display a consistent list result. "
                    + "You can start a new list without the continue parameter.");
            }
        }

        bool isExact = options.Match == "Exact" || (options.Match.Length == 0 && options.Limit > 0);
        if (options.Revision == 0)
        {
            return (store.Read(type), "");
        }

        if (isExact)
        {
            return (store.ReadAt(type, options.Revision), "");
        }

        await ReachAsync(options.Revision, cancellationToken);
        return (store.Read(type), "");
    }

    /// <exception cref="ApiStatusException">504: it did not come.</exception>
    private async Task ReachAsync(long revision, CancellationToken cancellationToken)
    {
        long start = time.GetTimestamp();
        while (store.Revision < revision)
        {
            if (time.GetElapsedTime(start) > s_patience)
            {
                throw ApiStatusException.TooLargeResourceVersion(revision, store.Revision);
            }

            await Task.Delay(TimeSpan.FromMilliseconds(20), time, cancellationToken);
        }
    }

    // Opaque to clients: version, and the key to go on with.
    private static string Token(long revision, string key) =>
        Convert.ToBase64String(Encoding.UTF8.GetBytes($"{revision.Text()} {key}"));

    /// <exception cref="ApiStatusException">400.</exception>
    private static (long Revision, string Start) ReadToken(string token)
    {
        Span<byte> bytes = new byte[token.Length];
        if (Convert.TryFromBase64String(token, bytes, out int length))
        {
            string[] parts = Encoding.UTF8.GetString(bytes[..length]).Split(' ', 2);
            if (parts.Length == 2
                && long.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out long revision))
            {
                return (revision, parts[1]);
            }
        }

        throw ApiStatusException.BadRequest("continue key is not valid");
    }
}
