using System.Text.Json;
using FlannelCni.Linux.Netlink;
using FlannelCni.Linux.Rtnetlink;
using FlannelCni.Plugin.Json;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.Plugin.Bridging;

/// <summary>The VLANs of a pod's port: the keys <c>vlan</c>, <c>vlanTrunk</c> and <c>preserveDefaultVlan</c>.</summary>
internal sealed record PortVlans
{
    private const int MaxId = 4094;
    private const ushort DefaultId = 1;

    /// <summary>The pod's frames without a tag are of this one; 0: none was given.</summary>
    internal ushort Access { get; init; }

    /// <summary>Those that the pod sees with their tags, ascending; none touches the next.</summary>
    internal IReadOnlyList<BridgeVlan> Trunk { get; init; } = [];

    /// <summary>The bridge keeps VLANs apart; an empty <c>vlanTrunk</c> is enough.</summary>
    internal bool IsFiltering { get; init; }

    /// <summary>The port also stays in the VLAN that the bridge gives to each.</summary>
    internal bool PreservesDefault { get; init; }

    private bool IsChosen => Access != 0 || Trunk.Count > 0;

    private ushort Native => Access == 0 ? DefaultId : Access;

    /// <summary>Gives a port these VLANs and, unless wanted, takes all others. Twice is as good as once.</summary>
    /// <exception cref="NetlinkException">EOPNOTSUPP: this kernel's bridges have no VLANs.</exception>
    internal void Apply(RtnlSocket socket, int port)
    {
        if (!IsChosen)
        {
            return;
        }

        // The native one last, for it counts where it is in the trunk as well.
        socket.AddBridgeVlans(port, [.. Trunk, new BridgeVlan(Native, Native, IsNative: true, IsUntagged: true)]);
        if (!PreservesDefault)
        {
            socket.DeleteBridgeVlans(port, ListOthers());
        }
    }

    /// <summary>Where the VLANs that a port has are not those that <see cref="Apply"/> gave it. Pure.</summary>
    /// <param name="found">Those it has.</param>
    /// <returns>The first that is missing, wrong or too much; null: none is.</returns>
    internal string? FindFault(IReadOnlyList<BridgeVlan> found)
    {
        if (!IsChosen)
        {
            return null;
        }

        BridgeVlan?[] byId = new BridgeVlan?[MaxId + 1];
        foreach (BridgeVlan range in found)
        {
            for (int id = Math.Max(range.First, (ushort)1); id <= Math.Min((int)range.Last, MaxId); id++)
            {
                byId[id] = range;
            }
        }

        bool[] isOther = WithoutOurs();
        bool sparesOne = PreservesDefault;
        for (int id = 1; id <= MaxId; id++)
        {
            // That which the bridge gives to each port is untagged, and its number the bridge's own to choose.
            if (sparesOne && isOther[id] && byId[id] is { IsUntagged: true, IsNative: false })
            {
                sparesOne = false;
            }
            else if (FindFault(id, byId[id], isOther[id]) is { } fault)
            {
                return fault;
            }
        }

        return null;
    }

    /// <exception cref="CniException">Internal: a number that is no VLAN's.</exception>
    /// <exception cref="JsonException">A wrong type.</exception>
    internal static PortVlans Read(JsonMap config)
    {
        int access = config.Integer("vlan") ?? 0;
        if (access is < 0 or > MaxId)
        {
            throw Invalid($"invalid VLAN ID {Text(access)} (must be between 0 and {Text(MaxId)})");
        }

        return new PortVlans
        {
            Access = (ushort)access,
            Trunk = ReadTrunk(config),
            IsFiltering = access != 0 || config.Array("vlanTrunk") is not null,
            PreservesDefault = config.Flag("preserveDefaultVlan"),
        };
    }

    private static List<BridgeVlan> ReadTrunk(JsonMap config)
    {
        bool[] isMember = new bool[MaxId + 2];
        foreach (JsonMap item in config.Objects("vlanTrunk"))
        {
            int? first = item.Integer("minID");
            int? last = item.Integer("maxID");
            if (first is null != last is null)
            {
                throw Invalid("minID and maxID should be configured simultaneously, "
                    + (first is null ? "minID is missing" : "maxID is missing"));
            }

            if (first is int from && last is int to)
            {
                RequireId(from, "minID");
                RequireId(to, "maxID");
                if (from > to)
                {
                    throw Invalid("minID is greater than maxID in trunk parameter");
                }

                isMember.AsSpan(from..(to + 1)).Fill(true);
            }

            if (item.Integer("id") is int id)
            {
                RequireId(id, "id");
                isMember[id] = true;
            }
        }

        return RangesOf(isMember);
    }

    private string? FindFault(int id, BridgeVlan? found, bool isOther)
    {
        bool isNative = id == Native;
        return (isOther, found) switch
        {
            (true, null) => null,
            (true, _) => $"is in VLAN {Text(id)}, too",
            (false, null) => $"is not in VLAN {Text(id)}",
            (false, { } vlan) when vlan.IsNative != isNative || vlan.IsUntagged != isNative =>
                $"is in VLAN {Text(id)}, but not with frames {(isNative ? "without a tag" : "that have its tag")}",
            _ => null,
        };
    }

    private List<BridgeVlan> ListOthers() => RangesOf(WithoutOurs());

    /// <summary>By number, those that the port is not to have.</summary>
    private bool[] WithoutOurs()
    {
        bool[] isOther = new bool[MaxId + 2];
        isOther.AsSpan(1..^1).Fill(true);
        isOther[Native] = false;
        foreach (BridgeVlan range in Trunk)
        {
            isOther.AsSpan(range.First..(range.Last + 1)).Clear();
        }

        return isOther;
    }

    private static List<BridgeVlan> RangesOf(ReadOnlySpan<bool> isMember)
    {
        List<BridgeVlan> ranges = [];
        for (int id = 1; id <= MaxId; id++)
        {
            if (isMember[id])
            {
                int first = id;
                while (isMember[id + 1])
                {
                    id++;
                }

                ranges.Add(new BridgeVlan((ushort)first, (ushort)id));
            }
        }

        return ranges;
    }

    private static void RequireId(int id, string parameter)
    {
        if (id is <= 0 or > MaxId)
        {
            throw Invalid($"incorrect trunk {parameter} parameter");
        }
    }

    private static CniException Invalid(string message) => new(CniErrorCode.Internal, message);

    private static string Text(int number) => number.ToString(provider: null);
}
