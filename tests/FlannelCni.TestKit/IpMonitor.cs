using System.Globalization;
using FlannelCni.Linux.Processes;

namespace FlannelCni.TestKit;

/// <summary>What <c>ip monitor</c> and <c>bridge monitor</c> print about a node, from here on.</summary>
public sealed class IpMonitor : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly TestNode _node;
    private readonly ChildProcess _ip;
    private readonly ChildProcess _bridge;
    private int _markers;

    private IpMonitor(TestNode node)
    {
        _node = node;
        _ip = node.Start($"exec ip -o monitor link address route neigh >{_folder.File("ip")}");
        _bridge = node.Start($"exec bridge monitor link fdb >{_folder.File("bridge")}");
    }

    /// <summary>Listens when this returns.</summary>
    public static async Task<IpMonitor> StartAsync(TestNode node)
    {
        IpMonitor monitor = new(node);
        await monitor.LinesAsync();
        return monitor;
    }

    /// <summary>All that happened before the call: first links, addresses, routes and neighbours, then FDB.</summary>
    public async Task<IReadOnlyList<string>> LinesAsync()
    {
        // What comes after a change of our own is not of interest, and all before it has been printed.
        string marker = string.Create(CultureInfo.InvariantCulture, $"marker{++_markers}");
        await Wait.Until(
            () =>
            {
                _node.Shell($"ip link add {marker} type bridge && ip link delete {marker}");
                return Task.FromResult(Lines("ip").Exists(IsMarker) && Lines("bridge").Exists(IsMarker));
            },
            TimeSpan.FromSeconds(5),
            "the monitors listen");
        return [.. Lines("ip").Concat(Lines("bridge")).Where(static line => line.Length > 0 && !IsAnyMarker(line))];

        bool IsMarker(string line) => line.Contains($"{marker}:", StringComparison.Ordinal);
    }

    public void Dispose()
    {
        _ip.Dispose();
        _bridge.Dispose();
        _folder.Dispose();
    }

    private List<string> Lines(string tool) => File.Exists(_folder.File(tool))
        ? [.. File.ReadAllLines(_folder.File(tool))]
        : [];

    private static bool IsAnyMarker(string line) => line.Contains("marker", StringComparison.Ordinal);
}
