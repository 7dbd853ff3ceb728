namespace FlannelCni.Agent.Supervision;

/// <summary>Exit with this message and status 1: trying again cannot help, somebody must act.</summary>
internal sealed class AgentFatalException(string message, Exception? innerException = null)
    : Exception(message, innerException);
