using FlannelCni.Linux;
using FlannelCni.Linux.Files;
using FlannelCni.Plugin.Attachments;
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
        byte[] output;
        bool isSuccess = true;
        try
        {
            output = Run();
        }
        catch (Exception e)
        {
            CniException error = e as CniException ?? new CniException(CniErrorCode.Internal, e.Message);
            output = error.ToJson();
            isSuccess = false;
        }

        return TryPrint(output) && isSuccess ? 0 : 1;
    }

    /// <summary>
    /// Once: after a part of a document a second one would make both unreadable. A runtime that reads no more takes the
    /// call for failed, and calls DEL.
    /// </summary>
    private static bool TryPrint(byte[] output)
    {
        try
        {
            RawFile.WriteStandardOutput(output);
            return true;
        }
        catch (LinuxException e)
        {
            StandardError.Say(e.Message);
            return false;
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
        NetConf conf = NetConf.Read(document);
        switch (verb)
        {
            case "ADD":
                return new Commander(environment, conf).Add();
            case "CHECK":
                new Commander(environment, conf).Check();
                break;
            case "DEL":
                new Commander(environment, conf).Delete();
                break;
            case "GC":
                new GcCommand(environment, conf).Run(ValidAttachments.Find(document));
                break;
            case "STATUS":
                new StatusCommand(environment, conf).Run();
                break;
        }

        return [];
    }

    private static byte[] ReadStandardInput()
    {
        try
        {
            return RawFile.ReadStandardInput(NetConf.MaxBytes);
        }
        catch (LinuxException e)
        {
            throw new CniException(CniErrorCode.IoFailure, $"error reading from stdin: {e.Message}");
        }
    }
}
