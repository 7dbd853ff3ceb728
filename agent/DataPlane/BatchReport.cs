using FlannelCni.Linux;
using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Netlink;

namespace FlannelCni.Agent.DataPlane;

/// <summary>The failures of a batch in words, one line each.</summary>
internal static class BatchReport
{
    internal static IReadOnlyList<string> Of<TKey>(
        IReadOnlyList<BatchFailure> failures, string operation, Func<int, TKey> subject)
    {
        List<string> lines = [];
        foreach (BatchFailure failure in failures)
        {
            string kernelMessage = failure.KernelMessage is null ? "" : $" [{failure.KernelMessage}]";
            string reason = LinuxException.Describe(failure.Errno);
            lines.Add($"{operation} {subject(failure.Index)}{kernelMessage}: {reason} ({failure.Errno})");
        }

        return lines;
    }

    /// <summary>What was to be deleted and is not there, or whose device is not, is as wanted.</summary>
    internal static IReadOnlyList<string> OfDeletion<TKey>(
        IReadOnlyList<BatchFailure> failures, string operation, Func<int, TKey> subject) =>
        Of([.. failures.Where(static f => !IsGone(f.Errno))], operation, subject);

    private static bool IsGone(Errno errno) => errno is Errno.ESRCH or Errno.ENOENT or Errno.ENODEV;
}
