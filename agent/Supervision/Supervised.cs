namespace FlannelCni.Agent.Supervision;

/// <summary>Loops that run side by side and end together.</summary>
internal static class Supervised
{
    /// <summary>
    /// Runs all until the token ends them. A loop that fails, or returns before that, ends the others, and its failure
    /// is this call's.
    /// </summary>
    /// <exception cref="InvalidOperationException">A loop, named in the text, returned of itself.</exception>
    public static async Task RunAllAsync(
        IReadOnlyList<(string Name, Func<CancellationToken, Task> Run)> loops, CancellationToken cancellationToken)
    {
        using CancellationTokenSource ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        List<Task> tasks = [.. loops.Select(loop => RunAsync(loop.Name, loop.Run, ending.Token))];
        Task first = await Task.WhenAny(tasks);
        await ending.CancelAsync();
        await Task.WhenAll(tasks).ContinueWith(
            static _ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        await first;
    }

    private static async Task RunAsync(
        string name, Func<CancellationToken, Task> run, CancellationToken cancellationToken)
    {
        try
        {
            await run(cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return;
        }

        if (!cancellationToken.IsCancellationRequested)
        {
            throw new InvalidOperationException($"the loop \"{name}\" ended of itself");
        }
    }
}
