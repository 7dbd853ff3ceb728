using System.Text;
using FlannelCni.Linux.Netlink;

namespace FlannelCni.Linux.Nftables;

/// <summary>Notifications about some tables: <c>nft monitor</c>. Those about others are passed by unread.</summary>
public sealed class NftMonitor : IDisposable
{
    // Who programs Services changes thousands of rules at once. What does not fit is reported as lost.
    private const int BufferSize = 2 * 1024 * 1024;

    private readonly NetlinkMonitor _monitor;
    private readonly (byte[] Utf8, string Name)[] _tables;
    private readonly NotificationParser<NftEvent> _parser;

    private NftMonitor(NetlinkMonitor monitor, IEnumerable<string> tables)
    {
        _monitor = monitor;
        _tables = [.. tables.Distinct().Select(static name => (Encoding.UTF8.GetBytes(name), name))];
        _parser = Read;
    }

    /// <summary>Subscribes in the calling thread's network namespace.</summary>
    /// <param name="tables">Names, in whichever family.</param>
    public static NftMonitor Open(params IEnumerable<string> tables) => new(
        NetlinkMonitor.Open(NetlinkFamily.NETLINK_NETFILTER, (int)NfnlGroup.NFNLGRP_NFTABLES, BufferSize), tables);

    /// <inheritdoc cref="NetlinkMonitor.ReceiveAsync{T}"/>
    public ValueTask<bool> ReceiveAsync(List<NftEvent> into, CancellationToken cancellationToken) =>
        _monitor.ReceiveAsync(into, _parser, cancellationToken);

    public void Dispose() => _monitor.Dispose();

    private void Read(in NetlinkMessage message, List<NftEvent> into)
    {
        if (message.Header.Type >> 8 != NftMsgType.NFNL_SUBSYS_NFTABLES)
        {
            return;
        }

        ReadOnlySpan<byte> table = NftMessages.ReadTableName(message);
        foreach ((byte[] utf8, string name) in _tables)
        {
            if (table.SequenceEqual(utf8))
            {
                into.Add(NftMessages.ReadEvent(message, name));
                return;
            }
        }
    }
}
