namespace FlannelCni.Benchmarks.Converge;

/// <summary>What is measured; times in milliseconds.</summary>
internal enum Figure
{
    /// <summary>Empty kernel to complete.</summary>
    Initial,

    /// <summary>Processor time of that, and of what follows by itself.</summary>
    InitialProcessor,

    /// <summary>A new process onto the complete kernel.</summary>
    Restart,

    /// <summary>Notifications that the restart caused.</summary>
    RestartWrites,

    /// <summary>Every tenth peer with another MAC behind another address.</summary>
    Change,

    /// <summary>Processor time of one look at everything that finds all right.</summary>
    IdleProcessor,

    /// <summary>Bytes allocated by it.</summary>
    IdleAllocated,

    /// <summary>Bytes resident at the most.</summary>
    PeakMemory,

    /// <summary>System calls on sockets, of a first start.</summary>
    SocketCalls,

    /// <summary>The entries of Initial by batch tools, in plain form.</summary>
    ToolsPlain,

    /// <summary>The entries of Initial by batch tools, with nexthop objects.</summary>
    ToolsNexthops,

    /// <summary>The entries of Initial by a request each, on a socket each.</summary>
    OneByOne,
}
