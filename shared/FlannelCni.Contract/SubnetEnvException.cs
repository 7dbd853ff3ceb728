namespace FlannelCni.Contract;

/// <summary>The subnet file cannot be used; the message says why and names it.</summary>
public sealed class SubnetEnvException(string message, Exception? inner = null) : Exception(message, inner);
