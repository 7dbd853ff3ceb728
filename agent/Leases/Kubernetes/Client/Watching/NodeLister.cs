using FlannelCni.Agent.Leases.Kubernetes.Client.Parsing;
using FlannelCni.Agent.Leases.Kubernetes.Client.Transport;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent.Leases.Kubernetes.Client.Watching;

/// <summary>All Nodes at one resourceVersion.</summary>
internal sealed record NodeList(List<NodeRecord> Nodes, string ResourceVersion);

/// <summary>Lists the Nodes: page by page where the server has pages, each read as it streams.</summary>
/// <remarks>
/// The API's rules for lists: <see href="https://kubernetes.io/docs/reference/using-api/api-concepts/"/>, "Semantics
/// for get and list" and "Retrieving large results sets in chunks".
/// </remarks>
internal sealed partial class NodeLister(KubeTransport transport, NodeFormat format, NodeTable book, ILogger logger)
{
    private const string Path = "api/v1/nodes";
    private const string Limit = "limit=500";

    /// <summary>Until an answer begins: a server that has just started reads all of its store first.</summary>
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(60);

    /// <summary>From the server's memory, at whatever version that is.</summary>
    internal Task<NodeList> AnyAsync(CancellationToken cancellationToken) =>
        ReadAsync($"resourceVersion=0&{Limit}", cancellationToken);

    /// <summary>From the server's memory, at that version or a later one.</summary>
    /// <remarks>Without a limit, which would make of it a list at exactly that version, from the store.</remarks>
    internal Task<NodeList> NotOlderThanAsync(string resourceVersion, CancellationToken cancellationToken) =>
        ReadAsync($"resourceVersion={Uri.EscapeDataString(resourceVersion)}", cancellationToken);

    /// <summary>As it is in the store now.</summary>
    internal Task<NodeList> LatestAsync(CancellationToken cancellationToken) => ReadAsync(Limit, cancellationToken);

    /// <exception cref="KubeApiException">It is not to be had, or the answer is no whole list.</exception>
    private async Task<NodeList> ReadAsync(string query, CancellationToken cancellationToken)
    {
        List<NodeRecord> nodes = [];
        ParsedNodes page = await ReadPageAsync(query, nodes, cancellationToken);
        while (page.Continue is { } next)
        {
            try
            {
                page = await ReadPageAsync(
                    $"{Limit}&continue={Uri.EscapeDataString(next)}", nodes, cancellationToken);
            }
            catch (KubeApiException e) when (e.IsGone)
            {
                // The pages took longer than the store keeps versions. In one piece then.
                Log.NotInPages(logger, e.Message);
                nodes.Clear();
                page = await ReadPageAsync("", nodes, cancellationToken);
            }
        }

        return page.ResourceVersion is { Length: > 0 } version and not "0"
            ? new NodeList(nodes, version)
            : throw new KubeApiException(
                0, "", $"list nodes at {transport.Server}: the answer cannot be read: it has no resourceVersion");
    }

    private async Task<ParsedNodes> ReadPageAsync(
        string query, List<NodeRecord> nodes, CancellationToken cancellationToken)
    {
        KubeRequest request = new(HttpMethod.Get, "list nodes", query.Length == 0 ? Path : $"{Path}?{query}")
        {
            Accept = format.Accept,
            Timeout = s_timeout,
        };
        using KubeResponse response = await transport.SendAsync(request, cancellationToken);
        INodeParser parser = format.OfList(response);
        await response.ReadAsync(
            async answer =>
            {
                while (await answer.Body.FillAsync())
                {
                    answer.Body.Consume(parser.Parse(answer.Body.Data));
                    Take(parser.Found, nodes);
                }

                return parser.IsComplete
                    ? true
                    : throw new InvalidDataException("it ends before it is whole");
            },
            cancellationToken);
        return parser.Found;
    }

    private void Take(ParsedNodes found, List<NodeRecord> nodes)
    {
        foreach (NodeEvent item in found.Events)
        {
            if (item.Node is { } node)
            {
                nodes.Add(book.Known(node));
            }
        }

        foreach (string complaint in found.Complaints)
        {
            Log.PassedOver(logger, complaint);
        }

        found.Clear();
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Information, "Nodes are listed in one piece: {Cause}")]
        internal static partial void NotInPages(ILogger logger, string cause);

        [LoggerMessage(LogLevel.Warning, "List of the nodes: {Complaint}")]
        internal static partial void PassedOver(ILogger logger, string complaint);
    }
}
