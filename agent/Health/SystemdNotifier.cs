using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging;

namespace FlannelCni.Agent.Health;

/// <summary>Tells systemd how the service is: <c>sd_notify(3)</c>. Without a socket it is silent.</summary>
/// <param name="path">NOTIFY_SOCKET: a path, or <c>@name</c> in the abstract namespace; null: no systemd.</param>
internal sealed partial class SystemdNotifier(string? path, ILogger logger)
{
    /// <summary>Started: what waits for this service may go on.</summary>
    internal void Ready(string status) => Send($"READY=1\nSTATUS={OneLine(status)}");

    /// <summary>As <c>systemctl status</c> shows it.</summary>
    internal void Status(string status) => Send($"STATUS={OneLine(status)}");

    internal void Stopping() => Send("STOPPING=1");

    /// <summary>Still alive; systemd restarts a service with WatchdogSec= that does not say so in time.</summary>
    internal void Watchdog() => Send("WATCHDOG=1");

    private void Send(string message)
    {
        if (path is null)
        {
            return;
        }

        try
        {
            using Socket socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified)
            {
                Blocking = false,
            };
            string address = path.StartsWith('@') ? $"\0{path.AsSpan(1)}" : path;
            socket.SendTo(Encoding.UTF8.GetBytes(message), new UnixDomainSocketEndPoint(address));
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            Log.NotNotified(logger, path, e.Message);
        }
    }

    private static string OneLine(string text) => text.ReplaceLineEndings(" ");

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Warning, "systemd is not notified through {Socket}: {Cause}")]
        internal static partial void NotNotified(ILogger logger, string socket, string cause);
    }
}
