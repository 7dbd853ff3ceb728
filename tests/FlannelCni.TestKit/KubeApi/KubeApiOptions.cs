using System.Net;

namespace FlannelCni.TestKit.KubeApi;

/// <summary>How a <see cref="KubeApiServer"/> is set up.</summary>
public sealed record KubeApiOptions
{
    /// <summary>Null: a free port of 127.0.0.1.</summary>
    public IPEndPoint? Address { get; init; }

    /// <summary>In whose network namespace it listens; null: the caller's.</summary>
    public TestNode? Node { get; init; }

    /// <summary>What /version says.</summary>
    public string Version { get; init; } = "v1.34.0";

    /// <summary>Between the bookmarks of a watch; a real server's is a minute.</summary>
    public TimeSpan BookmarkInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Changes of a kind that are remembered, for watches to go on from.</summary>
    public int HistoryLimit { get; init; } = 10_000;

    /// <summary>Whether a watch can send the list itself (sendInitialEvents).</summary>
    public bool AllowsWatchList { get; init; } = true;

    /// <summary>Whether TLS offers HTTP/2; behind some load balancers it does not.</summary>
    public bool HasHttp2 { get; init; } = true;

    public TimeProvider Time { get; init; } = TimeProvider.System;
}
