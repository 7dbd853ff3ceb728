using System.Text;
using FlannelCni.Linux;
using FlannelCni.Linux.Files;

namespace FlannelCni.Plugin.Spec;

/// <summary>Free text for people, which runtimes pass on or drop.</summary>
internal static class StandardError
{
    internal static void Say(string sentence) => Pass(Encoding.UTF8.GetBytes(sentence + "\n"));

    /// <summary>What another plugin said.</summary>
    internal static void Pass(ReadOnlySpan<byte> text)
    {
        try
        {
            RawFile.WriteStandardError(text);
        }
        catch (LinuxException)
        {
            // Nobody listens, which is no reason to leave the work half done.
        }
    }
}
