// The kernel is asked for our own tables only, by name; what others have costs nothing. Everything is written in one
// transaction of both families: no packet sees half of it, and a chain's rules are replaced without a moment without.
// Between reading and writing somebody may delete what was read. The transaction then fails as a whole, and all is read
// again.

using System.Collections.Immutable;
using FlannelCni.Agent.Leases;
using FlannelCni.Linux;
using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Net;
using FlannelCni.Linux.Netlink;
using FlannelCni.Linux.Nftables;

namespace FlannelCni.Agent.TrafficRules.Nftables;

/// <summary>Keeps the rules in nftables' tables of our own, over netlink. Starts no program.</summary>
internal sealed class NftablesWriter : IRulesWriter
{
    private const int MaxTries = 5;

    private readonly TrafficSettings _settings;
    private readonly TrafficNames _names;
    private readonly NftSocket _nft;
    private readonly NftMonitor _monitor;

    /// <summary>Opens its sockets in the calling thread's network namespace.</summary>
    /// <exception cref="LinuxException">This kernel has no nfnetlink.</exception>
    public NftablesWriter(TrafficSettings settings)
    {
        _settings = settings;
        _names = new TrafficNames(settings.SubnetFile);
        _nft = NftSocket.Open();
        _monitor = NftMonitor.Open(_names.Table(is6: false), _names.Table(is6: true));
    }

    public string Name => "nftables";

    public Task<RulesChange> EnsureAsync(
        SubnetPair own, ImmutableArray<IpPrefix> notMasqueraded, CancellationToken cancellationToken)
    {
        ImmutableArray<FamilyRules> families = TrafficPlan.ForNftables(_settings, own, notMasqueraded);
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                NftTransaction transaction = new();
                RulesChange change = default;
                foreach (bool is6 in (bool[])[false, true])
                {
                    change |= AddRepairs(is6, families.FirstOrDefault(family => family.Is6 == is6), transaction);
                }

                _nft.Execute(transaction);
                return Task.FromResult(change);
            }
            catch (NetlinkException e)
                when (attempt < MaxTries && e.Errno is Errno.ENOENT or Errno.EEXIST or Errno.EBUSY)
            {
                // Changed since it was read, or a module is missing: the last try tells.
            }
            catch (NetlinkException e) when (e.Errno is Errno.ENOENT or Errno.EINVAL or Errno.EOPNOTSUPP)
            {
                throw new RulesException(
                    $"{e.Message}; has this kernel the modules nf_tables, nft_chain_nat and nft_masq?");
            }
        }
    }

    public async Task WatchAsync(Action onChange, CancellationToken cancellationToken)
    {
        List<NftEvent> events = [];
        while (true)
        {
            events.Clear();
            bool isComplete = await _monitor.ReceiveAsync(events, cancellationToken);
            if (!isComplete || events.Any(happened => happened.PortId != _nft.PortId))
            {
                onChange();
            }
        }
    }

    public void Dispose()
    {
        _monitor.Dispose();
        _nft.Dispose();
    }

    /// <summary>Adds to the transaction what makes a family's table right.</summary>
    private RulesChange AddRepairs(bool is6, FamilyRules? wanted, NftTransaction transaction)
    {
        NftTable table = NftablesRules.Table(is6, _names.Table(is6));
        NftTable? found = _nft.FindTable(table.Family, table.Name);
        if (wanted is null || wanted.Chains.IsEmpty)
        {
            if (found is not null)
            {
                transaction.DeleteTable(table.Family, table.Name);
            }

            return default;
        }

        RulesChange change = default;
        if (found?.Flags != NftTableFlags.None)
        {
            transaction.AddTable(table);
            if (found is not null)
            {
                // It slept, and all that is in it.
                change = new(wanted.Find(ChainRole.Masquerade) is not null, wanted.Find(ChainRole.Forward) is not null);
            }
        }

        ILookup<string, NftRule> rules = (found is null ? [] : _nft.ListRules(table.Family, table.Name))
            .ToLookup(static rule => rule.Chain);
        foreach (ChainRole role in NftablesRules.Roles)
        {
            NftChain chain = NftablesRules.Chain(is6, table.Name, role);
            NftChain? foundChain = found is null ? null : _nft.FindChain(chain.Family, chain.Table, chain.Name);
            if (AddRepairs(chain, wanted.Find(role), foundChain, rules[chain.Name], transaction))
            {
                change = change.With(role);
            }
        }

        return change;
    }

    /// <returns>True: the chain was not as it must be.</returns>
    private static bool AddRepairs(
        NftChain chain, RuleChain? wanted, NftChain? found, IEnumerable<NftRule> rules, NftTransaction transaction)
    {
        if (found is not null && (wanted is null || !IsSamePlace(found, chain)))
        {
            // A chain cannot move: another takes its name within the same transaction.
            transaction.FlushChain(chain.Family, chain.Table, chain.Name);
            transaction.DeleteChain(chain.Family, chain.Table, chain.Name);
            found = null;
            if (wanted is null)
            {
                return true;
            }
        }

        if (wanted is null)
        {
            return false;
        }

        bool isChainRight = found is not null && found.Base == chain.Base;
        if (!isChainRight)
        {
            transaction.AddChain(chain);
        }

        List<NftExpression[]> expressions = [.. wanted.Rules.Select(NftablesRules.Rule)];
        if (found is not null && IsSame(rules, expressions))
        {
            return !isChainRight;
        }

        if (found is not null)
        {
            transaction.FlushChain(chain.Family, chain.Table, chain.Name);
        }

        foreach (NftExpression[] rule in expressions)
        {
            transaction.AddRule(chain.Family, chain.Table, chain.Name, rule);
        }

        return true;
    }

    private static bool IsSamePlace(NftChain found, NftChain wanted) =>
        found.Base is { } place && wanted.Base is { } right && place with { Policy = right.Policy } == right;

    private static bool IsSame(IEnumerable<NftRule> rules, List<NftExpression[]> wanted)
    {
        List<NftRule> found = [.. rules];
        return found.Count == wanted.Count
            && found.Zip(wanted).All(static pair => pair.First.Expressions.AsSpan().SequenceEqual(pair.Second));
    }
}
