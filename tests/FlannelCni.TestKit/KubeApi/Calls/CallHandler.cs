using System.Collections.Immutable;
using System.Text.Json.Nodes;
using FlannelCni.TestKit.KubeApi.Access;
using FlannelCni.TestKit.KubeApi.Encodings;
using FlannelCni.TestKit.KubeApi.Faults;
using FlannelCni.TestKit.KubeApi.Objects;
using FlannelCni.TestKit.KubeApi.Registry;
using FlannelCni.TestKit.KubeApi.Requests;
using Microsoft.AspNetCore.Http;
using Action = FlannelCni.TestKit.KubeApi.Access.Action;

namespace FlannelCni.TestKit.KubeApi.Calls;

/// <summary>One request from its first line to its answer: who, may they, what.</summary>
internal sealed class CallHandler(
    ObjectRegistry registry,
    Authenticator authenticator,
    Negotiation negotiation,
    Discovery discovery,
    WatchCall watch,
    KubeFaults faults,
    TimeProvider time,
    bool allowsWatchList)
{
    private readonly RoleRules _roles = new(registry.Store);
    private readonly ListCall _list = new(registry.Store, time);
    private readonly WriteCalls _write = new(registry);

    /// <param name="received">Told of each request before it is answered.</param>
    internal async Task HandleAsync(HttpContext context, Action<KubeRequest> received)
    {
        KubeRequest request = await ReadAsync(context);
        try
        {
            try
            {
                request = request.Resolve();
            }
            finally
            {
                received(request);
            }

            Fault? fault = faults.Take(request);
            if (fault is null || !await InjectAsync(context, fault))
            {
                await AnswerAsync(context, request, fault);
            }
        }
        catch (ApiStatusException e) when (!context.Response.HasStarted)
        {
            await context.SendAsync(e);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // The client went away, or a fault cut its connection.
            context.Abort();
        }
        finally
        {
            request.Status = context.Response.StatusCode;
        }
    }

    private static async Task<KubeRequest> ReadAsync(HttpContext context)
    {
        HttpRequest http = context.Request;
        using MemoryStream body = new();
        await http.Body.CopyToAsync(body, context.RequestAborted);
        return new KubeRequest(
            http.Method,
            http.Path.Value ?? "/",
            http.Query.ToImmutableDictionary(static pair => pair.Key, static pair => pair.Value.ToString()))
        {
            ContentType = http.ContentType ?? "",
            Accept = http.Headers.Accept.ToString(),
            UserAgent = http.Headers.UserAgent.ToString(),
            Protocol = http.Protocol,
            Body = body.ToArray(),
        };
    }

    /// <returns>Whether that was the answer.</returns>
    private async Task<bool> InjectAsync(HttpContext context, Fault fault)
    {
        await Task.Delay(fault.Delay, time, context.RequestAborted);
        if (fault.Hang.CanBeCanceled)
        {
            using CancellationTokenSource either =
                CancellationTokenSource.CreateLinkedTokenSource(fault.Hang, context.RequestAborted);
            await Task.Delay(Timeout.InfiniteTimeSpan, time, either.Token);
        }

        if (fault.Error is not null)
        {
            throw fault.Error;
        }

        if (fault.Garbage is not null)
        {
            await context.SendAsync(200, "application/json", fault.Garbage);
            return true;
        }

        if (fault.Length is int length)
        {
            context.Response.Body =
                new FaultyBody(context.Response.Body, length, fault.Breaks ? context.Abort : null);
        }

        return false;
    }

    private async Task AnswerAsync(HttpContext context, KubeRequest request, Fault? fault)
    {
        KubeUser user = authenticator.Identify(
            await context.Connection.GetClientCertificateAsync(context.RequestAborted),
            context.Request.Headers.Authorization.FirstOrDefault());
        user = Impersonated(user, context.Request.Headers);
        request.User = user;
        if (request.Type is not ResourceType type)
        {
            await AnswerPathAsync(context, request, user);
            return;
        }

        Authorize(user, request, type);
        if (request.Subresource.Length > 0 && !(request.Subresource == "status" && type.HasStatus))
        {
            throw ApiStatusException.NoSuchPath();
        }

        ObjectEncoding encoding = negotiation.Choose(request, type);
        switch (request.Verb)
        {
            case "get":
                await context.SendAsync(encoding, registry.Get(type, request.Namespace, request.Name));
                break;
            case "list":
                ListOptions list = new(request, type, allowsWatchList);
                await _list.RunAsync(context, request, type, list, encoding, fault?.IsEmpty == true);
                break;
            case "watch":
                ListOptions options = new(request, type, allowsWatchList);
                await watch.RunAsync(context, request, type, options, encoding, fault?.IsSilent == true);
                break;
            default:
                await _write.RunAsync(context, request, type, encoding);
                break;
        }
    }

    // kubectl --as
    private static KubeUser Impersonated(KubeUser user, IHeaderDictionary headers)
    {
        string? other = headers["Impersonate-User"].FirstOrDefault();
        if (other is null)
        {
            return user;
        }

        return user.Groups.Contains("system:masters")
            ? KubeUser.Named(other, [.. headers["Impersonate-Group"].OfType<string>()])
            : throw ApiStatusException.Forbidden(
                $"User \"{user.Name}\" cannot impersonate resource \"users\"", $"users \"{other}\"");
    }

    private async Task AnswerPathAsync(HttpContext context, KubeRequest request, KubeUser user)
    {
        if (!RoleRules.AllowsPath(user, request.Path))
        {
            throw ApiStatusException.Forbidden(
                $"User \"{user.Name}\" cannot {request.Verb} path \"{request.Path}\"",
                $"forbidden: path \"{request.Path}\"");
        }

        if (request.Path is "/healthz" or "/livez" or "/readyz")
        {
            await context.SendAsync(200, "text/plain", "ok"u8.ToArray());
            return;
        }

        JsonNode found = OpenApi.Find(request.Path) ?? discovery.Find(request.Path, request.Accept)
            ?? throw ApiStatusException.NoSuchPath();
        string mediaType = found["kind"]?.ToString() == "APIGroupDiscoveryList"
            ? Discovery.AggregatedMediaType
            : "application/json";
        await context.SendAsync(200, mediaType, JsonText.Write(found));
    }

    private void Authorize(KubeUser user, KubeRequest request, ResourceType type)
    {
        Action action = new(request.Verb, type.Group, request.Resource, request.Namespace, request.Name);
        if (_roles.Allows(user, action))
        {
            return;
        }

        string scope = request.Namespace.Length > 0
            ? $"in the namespace \"{request.Namespace}\""
            : "at the cluster scope";
        string what = request.Name.Length > 0 ? $"{type.QualifiedName} \"{request.Name}\"" : type.QualifiedName;
        throw ApiStatusException.Forbidden(
            $"User \"{user.Name}\" cannot {request.Verb} resource \"{request.Resource}\" "
            + $"in API group \"{type.Group}\" {scope}",
            what);
    }
}
