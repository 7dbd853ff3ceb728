using FlannelCni.Contract;
using FlannelCni.Linux.Processes;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.Plugin.Commands;

/// <summary>subnet.env for a command. Its error is the best known one of flannel: people look for its words.</summary>
internal static class NodeSubnet
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(50);

    /// <exception cref="CniException">Internal: it is missing or incomplete.</exception>
    internal static SubnetEnv Load(NetConf conf)
    {
        try
        {
            return SubnetEnvFile.Load(conf.SubnetFile);
        }
        catch (SubnetEnvException e)
        {
            throw new CniException(
                CniErrorCode.Internal,
                $"failed to load flannel 'subnet.env' file: {e.Message}. Check the flannel pod log for this node.");
        }
    }

    /// <summary>
    /// As <see cref="Load"/>, but until <see cref="NetConf.SubnetWait"/> is over: on a node that starts, pods come
    /// before the agent's lease. Looks twenty times a second, for the folder may not be there either, nor stay: an
    /// inotify watch would have to follow each part of the path.
    /// </summary>
    internal static SubnetEnv WaitFor(NetConf conf)
    {
        for (TimeSpan waited = TimeSpan.Zero; waited < conf.SubnetWait; waited += s_pause)
        {
            if (TryLoad(conf) is SubnetEnv env)
            {
                return env;
            }

            Pause.For(s_pause);
        }

        return Load(conf);
    }

    /// <summary>Null: it is missing or incomplete.</summary>
    internal static SubnetEnv? TryLoad(NetConf conf)
    {
        try
        {
            return SubnetEnvFile.Load(conf.SubnetFile);
        }
        catch (SubnetEnvException)
        {
            return null;
        }
    }
}
