// What one thread does for all that want it: the first does it and the others wait, as long as they are wanted themselves.

namespace KAlloc.Analyzers.Host;

internal static class Claim
{
    /// <summary>So often who waits looks whether it is wanted still.</summary>
    private const int PollMilliseconds = 20;

    /// <summary>Waits for the claim. Whoever holds it ends it with <see cref="Monitor.Exit"/>.</summary>
    internal static void Enter(object claim, CancellationToken cancellation)
    {
        while (!Monitor.TryEnter(claim, PollMilliseconds)) cancellation.ThrowIfCancellationRequested();
    }
}
