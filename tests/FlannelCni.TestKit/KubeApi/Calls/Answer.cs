using System.Text.Json.Nodes;
using FlannelCni.TestKit.KubeApi.Encodings;
using FlannelCni.TestKit.KubeApi.Objects;
using Microsoft.AspNetCore.Http;

namespace FlannelCni.TestKit.KubeApi.Calls;

/// <summary>Answers that are whole.</summary>
internal static class Answer
{
    internal static Task SendAsync(
        this HttpContext context, ObjectEncoding encoding, StoredObject stored, int status = 200) =>
        context.SendAsync(status, encoding.MediaType, encoding.Object(stored));

    internal static Task SendAsync(this HttpContext context, JsonNode json, int status = 200) =>
        context.SendAsync(status, "application/json", JsonText.Write(json));

    internal static Task SendAsync(this HttpContext context, ApiStatusException error)
    {
        if (error.RetryAfterSeconds > 0)
        {
            context.Response.Headers.RetryAfter = ((long)error.RetryAfterSeconds).Text();
        }

        return context.SendAsync(error.ToJson(), error.Code);
    }

    internal static async Task SendAsync(
        this HttpContext context, int status, string mediaType, ReadOnlyMemory<byte> body)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = mediaType;
        await context.Response.Body.WriteAsync(body, context.RequestAborted);
    }
}
