using System.Text;

namespace FlannelCni.Agent.TrafficRules.Iptables;

/// <summary>
/// Rules as iptables takes and lists them: <c>-s 10.244.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT</c>.
/// </summary>
internal static class IptablesRules
{
    /// <summary>Everything after <c>-A CHAIN</c>.</summary>
    /// <param name="supportsFullyRandom">iptables 1.6.2 and later.</param>
    internal static string Rule(TrafficRule rule, string comment, bool supportsFullyRandom)
    {
        StringBuilder text = new();
        AddAddress(text, "-s", rule.Source);
        AddAddress(text, "-d", rule.Destination);
        if (rule.Mark is { } mark)
        {
            text.Append("-m mark --mark 0x").AppendFormat(null, "{0:x}", mark.Value);
            text.Append("/0x").AppendFormat(null, "{0:x}", mark.Mask).Append(' ');
        }

        text.Append("-m comment --comment \"").Append(comment).Append("\" -j ");
        text.Append(rule.Action switch
        {
            RuleAction.Return => "RETURN",
            RuleAction.Accept => "ACCEPT",
            RuleAction.MasqueradeFullyRandom when supportsFullyRandom => "MASQUERADE --random-fully",
            _ => "MASQUERADE",
        });
        return text.ToString();
    }

    /// <summary>The rule of POSTROUTING or FORWARD that leads to a chain of ours.</summary>
    internal static string Jump(string chain, string comment) => $"-m comment --comment \"{comment}\" -j {chain}";

    private static void AddAddress(StringBuilder text, string option, AddressMatch? match)
    {
        if (match is { } address)
        {
            text.Append(address.IsNegated ? "! " : "").Append(option).Append(' ');
            text.Append(address.Prefix.Masked.ToString()).Append(' ');
        }
    }
}

/// <summary>
/// The two places where iptables keeps rules of ours: a chain, and the jump to it from one of the kernel's hooks.
/// </summary>
/// <param name="Table"><c>nat</c> or <c>filter</c>.</param>
/// <param name="Hook"><c>POSTROUTING</c> or <c>FORWARD</c>.</param>
/// <param name="Comment">On each rule.</param>
internal sealed record IptablesPlace(ChainRole Role, string Table, string Hook, string Chain, string Comment)
{
    internal static IptablesPlace[] All(TrafficNames names) =>
    [
        new(ChainRole.Masquerade, "nat", "POSTROUTING", names.PostroutingChain, "flanneld masq"),
        new(ChainRole.Forward, "filter", "FORWARD", names.ForwardChain, "flanneld forward"),
    ];

    /// <summary>
    /// An agent with the usual subnet file also tidies up after those that had no chains of their own.
    /// </summary>
    public bool TidiesHook => Chain is "FLANNEL-POSTRTG" or "FLANNEL-FWD";
}
