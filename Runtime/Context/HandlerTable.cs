// Where the delegates of work items, timers and tasklets live: these structs are unmanaged and hold a number instead.
//
//   KernelWork.Handler = generation << 20 | slot  ──>  entries[slot]: delegate, users
//
// Equal delegates share an entry: a driver that initialises a work item for each open file uses one entry, not one a file. At cancel or kill the
// last user lets go and the entry holds its delegate weakly: the item may be scheduled again afterwards, as in the kernel, but a closure that
// nobody can reach any more goes, and its entry is used again under a new generation.
// Invariant: an entry with users holds its delegate strongly. Cost: one lock at init and cancel; a call is an array read.
// Kernel concept: none; C stores the function pointer. A `delegate*` given to the same calls is stored like that too, without this table.

namespace KAlloc;

/// <summary>Delegates by number.</summary>
internal static class HandlerTable
{
    private const int SlotBits = 20;
    private const int SlotMask = (1 << SlotBits) - 1;
    private const int MaxGeneration = (1 << (31 - SlotBits)) - 1;

    private sealed class Entry
    {
        internal Delegate? Strong;
        internal readonly WeakReference<Delegate?> Weak = new(null);
        internal int Users;
        internal int Generation = 1;

        internal Delegate? Target => Strong ?? (Weak.TryGetTarget(out Delegate? target) ? target : null);
    }

    private static readonly Lock s_lock = new();
    private static readonly Dictionary<Delegate, int> s_slotOf = [];
    private static Entry[] s_entries = new Entry[16];
    private static int s_count;

    /// <summary>Stores a delegate for one more user; the number is never 0.</summary>
    internal static int Add(Delegate handler)
    {
        lock (s_lock)
        {
            if (!s_slotOf.TryGetValue(handler, out int slot))
            {
                slot = FreeSlot();
                s_slotOf.Add(handler, slot);
                s_entries[slot].Strong = handler;
            }

            s_entries[slot].Users++;
            return s_entries[slot].Generation << SlotBits | slot;
        }
    }

    /// <summary>The delegate of a number that <see cref="Add"/> or <see cref="TryAddUser"/> returned and whose user has not let go.</summary>
    internal static Delegate Get(int handler) => Volatile.Read(ref s_entries)[handler & SlotMask].Strong!;

    /// <summary>One user lets go.</summary>
    internal static void Release(int handler)
    {
        lock (s_lock)
        {
            Entry entry = s_entries[handler & SlotMask];
            if (entry.Generation != handler >> SlotBits || entry.Users == 0 || --entry.Users != 0) return;
            entry.Weak.SetTarget(entry.Strong);
            s_slotOf.Remove(entry.Strong!);
            entry.Strong = null;
        }
    }

    /// <summary>A user that let go comes back; <see langword="false"/> if the delegate is gone.</summary>
    internal static bool TryAddUser(ref int handler)
    {
        lock (s_lock)
        {
            Entry entry = s_entries[handler & SlotMask];
            if (entry.Generation != handler >> SlotBits || entry.Target is not { } target) return false;
            if (entry.Users == 0 && s_slotOf.TryGetValue(target, out int other))
            {
                // An equal delegate got an entry of its own in the meantime.
                s_entries[other].Users++;
                handler = s_entries[other].Generation << SlotBits | other;
                return true;
            }

            if (entry.Users++ == 0)
            {
                entry.Strong = target;
                s_slotOf.Add(target, handler & SlotMask);
            }

            return true;
        }
    }

    /// <summary>Number of delegates held strongly; for tests.</summary>
    internal static int StrongCount
    {
        get
        {
            lock (s_lock) return s_slotOf.Count;
        }
    }

    private static int FreeSlot()
    {
        // Entries whose delegate is gone are looked for only when the table is full, so that the search is paid for by the adds before it.
        if (s_count == s_entries.Length)
        {
            for (int i = 0; i < s_count; i++)
            {
                if (s_entries[i].Users != 0 || s_entries[i].Target is not null || s_entries[i].Generation == MaxGeneration) continue;
                s_entries[i].Generation++;
                return i;
            }

            if (s_count > SlotMask) throw new InvalidOperationException("More than a million different handlers are in use.");
            var larger = new Entry[s_count * 2];
            Array.Copy(s_entries, larger, s_count);
            Volatile.Write(ref s_entries, larger);
        }

        s_entries[s_count] = new Entry();
        return s_count++;
    }
}
