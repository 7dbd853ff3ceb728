// One iptables-save tells what is there; one iptables-restore --noflush changes it, all of a table or nothing, and
// holds the lock no longer than that takes. Foreign rules are neither moved nor written again. The variant that keeps
// its rules in nftables is looked at over netlink, and starts a program only when something of ours is not what it was:
// 10,000 rules of others cost nothing.

using System.Collections.Immutable;
using System.Text;
using FlannelCni.Agent.Leases;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Nftables;

namespace FlannelCni.Agent.TrafficRules.Iptables;

/// <summary>Keeps the rules by means of iptables and ip6tables.</summary>
internal sealed class IptablesWriter : IRulesWriter
{
    private readonly TrafficSettings _settings;
    private readonly IptablesPlace[] _places;
    private readonly KeptFamily[] _families;
    private readonly NftSocket? _nft;
    private readonly NftMonitor? _monitor;
    private readonly NftFingerprint? _fingerprint;

    /// <summary>Opens its sockets in the calling thread's network namespace.</summary>
    /// <param name="iptables">Null: IPv4 is off and iptables not installed.</param>
    /// <param name="ip6tables">Null: IPv6 is off and ip6tables not installed.</param>
    public IptablesWriter(TrafficSettings settings, IptablesPrograms? iptables, IptablesPrograms? ip6tables)
    {
        _settings = settings;
        _places = IptablesPlace.All(new TrafficNames(settings.SubnetFile));
        _families = [.. ((KeptFamily?[])[Of(iptables, is6: false), Of(ip6tables, is6: true)]).OfType<KeptFamily>()];
        if (_families.Any(static family => family.Programs.Version.IsNft))
        {
            _nft = NftSocket.Open();
            _monitor = NftMonitor.Open(_places.Select(static place => place.Table));
            _fingerprint = new NftFingerprint(_nft, _places);
        }

        static KeptFamily? Of(IptablesPrograms? programs, bool is6) =>
            programs is null ? null : new KeptFamily(is6, programs);
    }

    public string Name => _families is [KeptFamily first, ..]
        ? $"{first.Programs.Name} {first.Programs.Version}"
        : "iptables";

    /// <summary>Are a family's rules kept in nftables? Null: the family is off.</summary>
    public bool? IsNft(bool is6) => _families.FirstOrDefault(family => family.Is6 == is6)?.Programs.Version.IsNft;

    public async Task<RulesChange> EnsureAsync(
        SubnetPair own, ImmutableArray<IpPrefix> notMasqueraded, CancellationToken cancellationToken)
    {
        ImmutableArray<FamilyRules> wanted = TrafficPlan.ForIptables(_settings, own, notMasqueraded);
        RulesChange change = default;
        foreach (KeptFamily family in _families)
        {
            FamilyRules? rules = wanted.FirstOrDefault(rules => rules.Is6 == family.Is6);
            change |= await EnsureAsync(family, rules, cancellationToken);
        }

        return change;
    }

    /// <remarks>
    /// Of the tables of iptables others change much and often. What matters is what happens to our chains, and what is
    /// taken away from the hooks that lead to them.
    /// </remarks>
    public async Task WatchAsync(Action onChange, CancellationToken cancellationToken)
    {
        if (_monitor is null)
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
            return;
        }

        List<NftEvent> events = [];
        while (true)
        {
            events.Clear();
            bool isComplete = await _monitor.ReceiveAsync(events, cancellationToken);
            if (!isComplete || events.Any(Concerns))
            {
                onChange();
            }
        }
    }

    public void Dispose()
    {
        _monitor?.Dispose();
        _nft?.Dispose();
    }

    private bool Concerns(NftEvent happened) => _places.Any(place => place.Table == happened.Table
        && (happened.Chain == place.Chain
            || (happened.Type == NftMsgType.NFT_MSG_DELRULE && happened.Chain == place.Hook)
            || happened.Type is NftMsgType.NFT_MSG_DELTABLE or NftMsgType.NFT_MSG_NEWTABLE));

    private async Task<RulesChange> EnsureAsync(
        KeptFamily family, FamilyRules? wanted, CancellationToken cancellationToken)
    {
        IReadOnlyList<string>?[] rules = [.. _places.Select(place => Render(family, place, wanted?.Find(place.Role)))];
        string right = string.Join('\n', _places.Select((place, i) => IptablesScript.Right(place, rules[i]).Canonical));
        string? fingerprint = family.Programs.Version.IsNft ? _fingerprint?.Read(family.Is6) : null;
        if (fingerprint is not null && family.Known == (right, fingerprint))
        {
            return default;
        }

        IptablesListing[] found = await ListAsync(family, cancellationToken);
        if (right == Canonical(found) || family.Accepted == (right, Canonical(found)))
        {
            family.WasWritten = false;
            family.Known = fingerprint is not null && fingerprint == _fingerprint?.Read(family.Is6)
                ? (right, fingerprint)
                : null;
            return default;
        }

        family.Known = null;
        RulesChange change = default;
        StringBuilder script = new();
        for (int i = 0; i < _places.Length; i++)
        {
            if (IptablesScript.Append(script, _places[i], rules[i], found[i]))
            {
                change = change.With(_places[i].Role);
            }
        }

        await family.Programs.RestoreAsync(script.ToString(), cancellationToken);
        if (family.WasWritten)
        {
            await AcceptOwnFormAsync(family, right, rules, cancellationToken);
        }

        family.WasWritten = true;
        return change;
    }

    /// <summary>
    /// Written, and at the next look not as it was written: somebody changes it, or this version of iptables shows it
    /// in a way unknown here. What it shows directly after the writing decides, or the rules would be written for ever.
    /// </summary>
    private async Task AcceptOwnFormAsync(
        KeptFamily family, string right, IReadOnlyList<string>?[] rules, CancellationToken cancellationToken)
    {
        IptablesListing[] found = await ListAsync(family, cancellationToken);
        bool isComplete = found.Zip(rules).All(static pair =>
            pair.First.HasChain == pair.Second is not null
            && pair.First.Rules.Count == (pair.Second?.Count ?? 0)
            && pair.First.Jumps.Count == (pair.Second is null ? 0 : 1)
            && pair.First.Strays.Count == 0);
        family.Accepted = isComplete ? (right, Canonical(found)) : null;
    }

    private async Task<IptablesListing[]> ListAsync(KeptFamily family, CancellationToken cancellationToken) =>
        IptablesListing.Read(await family.Programs.SaveAsync(cancellationToken), _places);

    private static string[]? Render(KeptFamily family, IptablesPlace place, RuleChain? chain) => chain is null
        ? null
        : [.. chain.Rules.Select(rule => IptablesRules.Rule(rule, place.Comment, family.Programs.Version.IsModern))];

    private static string Canonical(IEnumerable<IptablesListing> listings) =>
        string.Join('\n', listings.Select(static listing => listing.Canonical));

    /// <summary>One of the two programs, and what is known of its rules.</summary>
    private sealed class KeptFamily(bool is6, IptablesPrograms programs)
    {
        internal bool Is6 { get; } = is6;

        internal IptablesPrograms Programs { get; } = programs;

        /// <summary>The rules were right when the fingerprint was this.</summary>
        internal (string Right, string Fingerprint)? Known { get; set; }

        /// <summary>A listing that is how this version shows the right rules.</summary>
        internal (string Right, string Canonical)? Accepted { get; set; }

        /// <summary>The last look found them wrong and wrote them.</summary>
        internal bool WasWritten { get; set; }
    }
}
