using System.Net.Http.Headers;
using System.Text.Json;
using FlannelCni.Agent.Leases.Kubernetes.Client.Parsing;

namespace FlannelCni.Agent.Leases.Kubernetes.Client.Transport;

/// <summary>An answer that is a success, with its body still to be read.</summary>
internal sealed class KubeResponse : IDisposable
{
    // Of an error's body: a Status has some hundred bytes.
    private const int MaxErrorSize = 64 << 10;
    private const int MaxErrorText = 500;

    private readonly HttpResponseMessage _response;
    private readonly string _what;
    private readonly Uri _server;

    private KubeResponse(string what, Uri server, HttpResponseMessage response, ReadTimer timer, Stream body)
    {
        _what = what;
        _server = server;
        _response = response;
        Timer = timer;
        Body = new BodyReader(body, timer, ParseLimits.ObjectSize);
    }

    internal BodyReader Body { get; }

    internal ReadTimer Timer { get; }

    /// <summary>Is the body protobuf? Otherwise it is JSON.</summary>
    internal bool IsProtobuf => IsOf(_response, KubeRequest.Protobuf);

    /// <exception cref="KubeApiException">It is none.</exception>
    internal static async Task<KubeResponse> OpenAsync(
        string what, Uri server, HttpResponseMessage response, ReadTimer timer)
    {
        Stream body = await response.Content.ReadAsStreamAsync(timer.Token);
        return !response.IsSuccessStatusCode ? throw await RefusedAsync(what, server, response, body, timer)
            : IsOf(response, KubeRequest.Protobuf) || IsOf(response, KubeRequest.Json)
                ? new KubeResponse(what, server, response, timer, body)
            : throw new KubeApiException(
                0, "", $"{what} at {server}: the answer is {response.Content.Headers.ContentType?.MediaType ?? "of no"
                    + " type"}, which an API server does not send: is there something else at this address?");
    }

    /// <summary>Runs a step of reading; what goes wrong in it becomes a <see cref="KubeApiException"/>.</summary>
    /// <param name="cancellationToken">The caller's own; its cancellation stays one.</param>
    internal async Task<T> ReadAsync<T>(Func<KubeResponse, ValueTask<T>> read, CancellationToken cancellationToken)
    {
        try
        {
            return await read(this);
        }
        catch (InvalidDataException e)
        {
            throw new KubeApiException(0, "", $"{_what} at {_server}: the answer cannot be read: {e.Message}", null, e);
        }
        catch (Exception e) when (e is not KubeApiException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw Unreachable.From(_what, _server, e);
        }
    }

    public void Dispose()
    {
        _response.Dispose();
        Timer.Dispose();
    }

    private static bool IsOf(HttpResponseMessage response, string type) =>
        string.Equals(response.Content.Headers.ContentType?.MediaType, type, StringComparison.OrdinalIgnoreCase);

    private static async Task<KubeApiException> RefusedAsync(
        string what, Uri server, HttpResponseMessage response, Stream stream, ReadTimer timer)
    {
        BodyReader body = new(stream, timer, MaxErrorSize);
        while (body.Data.Length < MaxErrorSize && await body.FillAsync())
        {
        }

        int code = (int)response.StatusCode;
        ApiStatus status = ReadStatus(response, body.Data)
            ?? new ApiStatus(code, "", response.ReasonPhrase ?? "", 0);
        string message = status.Message.Length > MaxErrorText ? status.Message[..MaxErrorText] + "..." : status.Message;
        return new KubeApiException(
            code,
            status.Reason,
            $"{what} at {server}: {code} {(message.Length > 0 ? message : status.Reason)}{Advice(code)}",
            RetryAfter(response, status));
    }

    private static ApiStatus? ReadStatus(HttpResponseMessage response, ReadOnlySpan<byte> body)
    {
        try
        {
            return IsOf(response, KubeRequest.Protobuf) ? ProtoObjects.ReadStatus(ProtoObjects.Open(body, out _))
                : IsOf(response, KubeRequest.Json) ? JsonObjects.ReadStatus(body)
                : null;
        }
        catch (Exception e) when (e is InvalidDataException or JsonException)
        {
            return null;
        }
    }

    /// <summary>The Retry-After of a 429 or 503; in seconds, as the API sends it.</summary>
    private static TimeSpan? RetryAfter(HttpResponseMessage response, ApiStatus status) =>
        response.Headers.RetryAfter is RetryConditionHeaderValue { Delta: { } delta } ? delta
        : status.RetryAfterSeconds > 0 ? TimeSpan.FromSeconds(status.RetryAfterSeconds)
        : null;

    private static string Advice(int code) => code switch
    {
        401 => ". The server does not accept our credentials: have they run out, or are they for another cluster?",
        403 => ". Give the agent's user the rights of the manifest's ClusterRole",
        _ => "",
    };
}
