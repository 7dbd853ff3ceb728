using System.Collections.Immutable;
using System.Globalization;

namespace FlannelCni.Agent.Installation;

/// <summary>
/// Which versions of the protocol an installed list offers. Runtimes that know <c>cniVersions</c> (CNI 1.1) take the
/// highest there that they know; all others see <c>cniVersion</c> only. So that is left as it is, and the list beside
/// it goes up to what every plugin supports.
/// </summary>
/// <param name="Version">For <c>cniVersion</c>.</param>
/// <param name="Versions">For <c>cniVersions</c>, ascending; empty: nothing to write beside <c>cniVersion</c>.</param>
/// <param name="Warning">Null: none.</param>
internal sealed record VersionPlan(string Version, ImmutableArray<string> Versions, string? Warning)
{
    /// <summary>Pure.</summary>
    /// <param name="version">What the list says.</param>
    /// <param name="versions">What the list says; null: nothing. It is narrowed, never widened.</param>
    /// <param name="supported">For each plugin the versions it supports; at least one plugin.</param>
    internal static VersionPlan Make(
        string version, ImmutableArray<string>? versions, IReadOnlyCollection<ImmutableArray<string>> supported)
    {
        string[] common = [.. supported
            .Aggregate(static (all, one) => [.. all.Intersect(one)])
            .Where(static item => Number(item) is not null)
            .OrderBy(Number)];
        if (common.Length == 0)
        {
            return new VersionPlan(version, versions ?? [], "there is no version that all plugins support");
        }

        // Down rather than up: a runtime that is older than the plugins knows the lower one for certain.
        string kept = common.Contains(version)
            ? version
            : common.LastOrDefault(item => Number(item) < Number(version)) ?? common[0];
        ImmutableArray<string> offered =
            [.. common.Where(item => Number(item) >= Number(kept) && versions?.Contains(item) != false)];
        string? warning = kept != version
            ? $"not all plugins support version {version}, so that it is {kept}"
            : versions?.Except(common).ToArray() is { Length: > 0 } dropped
            ? $"not all plugins support {string.Join(", ", dropped)} of \"cniVersions\""
            : null;
        return new VersionPlan(kept, offered.All(item => item == kept) ? [] : offered, warning);
    }

    /// <summary>One to three numbers with dots between, as one that compares as they do; null: it is none.</summary>
    private static long? Number(string version)
    {
        string[] parts = version.Split('.');
        long number = 0;
        for (int i = 0; i < 3; i++)
        {
            int part = 0;
            if (parts.Length > 3
                || (i < parts.Length
                    && !int.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out part)))
            {
                return null;
            }

            number = (number * 1_000_000) + part;
        }

        return number;
    }
}
