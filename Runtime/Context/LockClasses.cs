// Locks of one kind: all that one line of the program initialises are a class, and what is learned of one holds for the others.
//
//   spin_lock_init(ref device->lock)   at drivers/daq.cs:30       every device's lock is of the class "device->lock (drivers/daq.cs:30)"
//   a zeroed lock, never initialised                              a class of its own
//
// Classes are entered while LockOrder is on; what was initialised before then is a class of its own as well.
// Cost: one test of a static when a lock is initialised; while on, an entry for each lock ever initialised, kept until LockOrder.Reset.
// Kernel concept: struct lock_class_key, a static variable in the macro that initialises.

using System.Collections.Concurrent;
using System.Runtime.CompilerServices;

namespace KAlloc;

/// <summary>The classes of locks by their ids.</summary>
internal static class LockClasses
{
    /// <summary>Classes are numbered from here, above every lock's id.</summary>
    private const int First = 1 << 30;

    /// <summary>The one of reclaim, which is no lock: <see cref="ReclaimMap"/>.</summary>
    internal const int Reclaim = First;

    private static int s_last = First;
    private static readonly ConcurrentDictionary<(string File, int Line), int> s_classes = new();
    private static readonly ConcurrentDictionary<int, string> s_names = new();
    private static readonly ConcurrentDictionary<int, int> s_classOf = new();

    /// <summary>A fresh lock of the class that the place stands for; its id.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int NewId(string name, string file, int line) => (Watch.On & Watch.Locks) == 0 ? 0 : Register(name, file, line);

    /// <summary>The class of a lock, else the lock itself; a reader's sign is kept.</summary>
    internal static int Of(int id) => s_classOf.TryGetValue(Math.Abs(id), out int known) ? (id < 0 ? -known : known) : id;

    /// <summary>What reports call a class or a lock.</summary>
    internal static string NameOf(int node) => (Math.Abs(node) == Reclaim ? "fs_reclaim" : s_names.TryGetValue(Math.Abs(node), out string? name) ? name : $"lock {Math.Abs(node)}") + (node < 0 ? " (read)" : "");

    internal static void Reset()
    {
        s_classOf.Clear();
        s_classes.Clear();
        s_names.Clear();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Register(string name, string file, int line)
    {
        int known = s_classes.GetOrAdd((file, line), static _ => Interlocked.Increment(ref s_last));
        s_names.TryAdd(known, $"{(name.StartsWith("ref ", StringComparison.Ordinal) ? name[4..] : name)} ({MightSleep.ShortPath(file)}:{line})");
        int id = 0;
        HeldLocks.IdOf(ref id);
        s_classOf[id] = known;
        return id;
    }
}
