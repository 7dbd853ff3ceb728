using FlannelCni.Agent.Supervision;
using FlannelCni.Contract;
using FlannelCni.Linux;
using FlannelCni.Linux.Files;

namespace FlannelCni.Agent;

/// <summary>
/// Where this agent keeps what is its own. All of it follows from the subnet file's path, so that two agents with
/// different subnet files share a host.
/// </summary>
/// <param name="SubnetFile">What the plugin reads.</param>
/// <param name="LockFile">Held by the agent that writes it.</param>
/// <param name="StateDirectory">Survives a reboot; readable by root alone.</param>
internal sealed record AgentPaths(string SubnetFile, string LockFile, string StateDirectory)
{
    private const uint OwnerOnly = 0b111_000_000;
    private const uint AllMayRead = 0b111_101_101;

    public static AgentPaths For(string subnetFile)
    {
        string path = Path.GetFullPath(subnetFile);
        string state = path == FlannelPaths.SubnetFile
            ? FlannelPaths.StateDirectory
            : $"{FlannelPaths.StateDirectory}/{Uri.EscapeDataString(path)}";
        return new AgentPaths(path, $"{path}.lock", state);
    }

    /// <summary>Makes the folders, and sees to it that no other agent uses them until the lock is released.</summary>
    /// <exception cref="AgentFatalException">Another one does.</exception>
    /// <exception cref="LinuxException">A folder cannot be made.</exception>
    public FileLock Take()
    {
        Folder.EnsureParent(LockFile, AllMayRead);
        Folder.Ensure(StateDirectory, OwnerOnly);
        return FileLock.TryAcquire(LockFile) ?? throw new AgentFatalException(
            $"another flanneld keeps {SubnetFile} (it holds {LockFile}): "
            + "stop it, or give this one another --subnet-file");
    }
}
