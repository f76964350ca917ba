// What is written down at every lock and every preempt_disable for the sake of later reports: nothing, unless asked for. One word for all of it, so that
// the hot paths test one thing.
// Kernel concept: CONFIG_PROVE_LOCKING, CONFIG_DEBUG_PREEMPT.

namespace KAlloc;

internal static class Watch
{
    /// <summary>The order of locks.</summary>
    internal const int Locks = 1;

    /// <summary>The place where preemption was switched off.</summary>
    internal const int Preemption = 2;

    internal static int On = (IsSet("KAlloc.ProveLocking") ? Locks : 0) | (IsSet("KAlloc.DebugPreempt") ? Preemption : 0);

    private static readonly Lock s_gate = new();

    internal static void Set(int what, bool on)
    {
        lock (s_gate) On = on ? On | what : On & ~what;
    }

    private static bool IsSet(string name) => AppContext.TryGetSwitch(name, out bool on) && on;
}
