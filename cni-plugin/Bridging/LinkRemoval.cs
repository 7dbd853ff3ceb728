// The kernel takes a deleted device's addresses and its place in the bridge away within a millisecond, and lets go of
// the lock that all requests take; only then does it wait for every reader of old pointers on every processor, which
// takes 15 to 40 ms, before it answers. Whoever asks for the link in between is told that there is none.

using System.Runtime.ExceptionServices;
using FlannelCni.Linux.Rtnetlink;

namespace FlannelCni.Plugin.Bridging;

/// <summary>The deletion of a link, on a thread of its own.</summary>
internal sealed class LinkRemoval
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromMinutes(1);

    private readonly string _name;
    private readonly Thread _thread;
    private ExceptionDispatchInfo? _failure;
    private volatile bool _hasEnded;

    /// <summary>Begins.</summary>
    /// <param name="socket">Opened where the link is; nobody else's until <see cref="Complete"/>.</param>
    internal LinkRemoval(RtnlSocket socket, string name)
    {
        _name = name;
        _thread = new Thread(() => Run(socket)) { IsBackground = true };
        _thread.Start();
    }

    /// <summary>Returns when the link is out of use.</summary>
    /// <param name="looking">Another socket, opened where the link is.</param>
    /// <returns>False: it is not, and why not <see cref="Complete"/> will say.</returns>
    internal bool WaitUntilGone(RtnlSocket looking)
    {
        ShortPolling polling = new(s_timeout);
        while (looking.FindLink(_name) is not null)
        {
            if (_hasEnded || !polling.Wait())
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Waits for the kernel's answer.</summary>
    internal void Complete()
    {
        _thread.Join();
        _failure?.Throw();
    }

    private void Run(RtnlSocket socket)
    {
        try
        {
            _ = socket.DeleteLinkIfPresent(_name);
        }
        catch (Exception e)
        {
            _failure = ExceptionDispatchInfo.Capture(e);
        }

        _hasEnded = true;
    }
}
