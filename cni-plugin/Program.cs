using FlannelCni.Linux;
using FlannelCni.Linux.Files;
using FlannelCni.Plugin.Commands;
using FlannelCni.Plugin.Json;
using FlannelCni.Plugin.Spec;

namespace FlannelCni.Plugin;

/// <summary>
/// The CNI plugin <c>flannel</c>: environment and standard input say what to do; standard output gets one JSON document
/// at the most.
/// </summary>
internal static class Program
{
    private static int Main()
    {
        try
        {
            RawFile.WriteStandardOutput(Run());
            return 0;
        }
        catch (Exception e)
        {
            CniException error = e as CniException ?? new CniException(CniErrorCode.Internal, e.Message);
            RawFile.WriteStandardOutput(error.ToJson());
            return 1;
        }
    }

    /// <returns>What is to be printed; empty: nothing.</returns>
    private static byte[] Run()
    {
        if (string.IsNullOrEmpty(Environment.GetEnvironmentVariable("CNI_COMMAND")))
        {
            RawFile.WriteStandardError(VersionCommand.About());
            return [];
        }

        CniEnvironment environment = CniEnvironment.Read(Environment.GetEnvironmentVariable);
        return environment.Command == "VERSION" ? VersionCommand.Run() : Run(environment, ReadStandardInput());
    }

    private static byte[] Run(CniEnvironment environment, byte[] input)
    {
        JsonMap document = NetConf.ReadDocument(input);
        string verb = environment.Command;
        if (verb is not ("ADD" or "CHECK" or "DEL" or "GC" or "STATUS"))
        {
            throw new CniException(CniErrorCode.InvalidEnvironment, $"unknown CNI_COMMAND: {verb}");
        }

        CniVersion.Require(NetConf.ReadVersion(document), verb);
        switch (verb)
        {
            case "ADD":
                return new Commander(environment, NetConf.Read(document)).Add();
            case "DEL":
                new Commander(environment, NetConf.Read(document)).Delete();
                return [];
            default:
                // As upstream: CHECK, GC and STATUS find nothing to complain of.
                return [];
        }
    }

    private static byte[] ReadStandardInput()
    {
        try
        {
            return RawFile.ReadStandardInput();
        }
        catch (LinuxException e)
        {
            throw new CniException(CniErrorCode.IoFailure, $"error reading from stdin: {e.Message}");
        }
    }
}
