namespace FlannelCni.Plugin.Attachments;

/// <summary>
/// Undoes the steps of a command that did not reach <see cref="Commit"/>, newest first.
/// A step that fails is reported and the rest still run: what cannot be undone now, DEL will.
/// </summary>
internal sealed class Rollback(Action<string> warn) : IDisposable
{
    private readonly Stack<(string What, Action Undo, bool OnlyIfClean)> _steps = [];

    internal void Add(string what, Action undo) => _steps.Push((what, undo, false));

    /// <summary>An undo that is left out when another has failed: it would take from DEL what it needs.</summary>
    internal void AddIfClean(string what, Action undo) => _steps.Push((what, undo, true));

    internal void Commit() => _steps.Clear();

    public void Dispose()
    {
        bool isClean = true;
        while (_steps.TryPop(out (string What, Action Undo, bool OnlyIfClean) step))
        {
            if (step.OnlyIfClean && !isClean)
            {
                continue;
            }

            try
            {
                step.Undo();
            }
            catch (Exception e)
            {
                isClean = false;
                warn($"rollback: {step.What}: {e.Message}");
            }
        }
    }
}
