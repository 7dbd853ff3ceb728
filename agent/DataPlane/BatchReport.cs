using FlannelCni.Linux;
using FlannelCni.Linux.Interop;
using FlannelCni.Linux.Netlink;

namespace FlannelCni.Agent.DataPlane;

/// <summary>The failures of a batch in words.</summary>
internal static class BatchReport
{
    internal static IReadOnlyList<EntryFailure<TKey>> Of<TKey, TEntry>(
        IReadOnlyList<BatchFailure> failures, string operation, IReadOnlyList<KeyValuePair<TKey, TEntry>> entries)
        where TKey : struct, IEquatable<TKey>
    {
        List<EntryFailure<TKey>> report = [];
        foreach (BatchFailure failure in failures)
        {
            TKey key = entries[failure.Index].Key;
            string kernelMessage = failure.KernelMessage is null ? "" : $" [{failure.KernelMessage}]";
            string reason = LinuxException.Describe(failure.Errno);
            report.Add(new EntryFailure<TKey>(
                key, $"{operation} {key}{kernelMessage}: {reason} ({failure.Errno})"));
        }

        return report;
    }

    /// <summary>What was to be deleted and is not there, or whose device is not, is as wanted.</summary>
    internal static IReadOnlyList<EntryFailure<TKey>> OfDeletion<TKey, TEntry>(
        IReadOnlyList<BatchFailure> failures, string operation, IReadOnlyList<KeyValuePair<TKey, TEntry>> entries)
        where TKey : struct, IEquatable<TKey> =>
        Of([.. failures.Where(static f => !IsGone(f.Errno))], operation, entries);

    private static bool IsGone(Errno errno) => errno is Errno.ESRCH or Errno.ENOENT or Errno.ENODEV;
}
