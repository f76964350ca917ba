// Which locks a thread holds, in the order it took them, and the numbers by which locks are told apart.
//
//   ExecutionState.HeldLocks   | 12 | 7 | -31 |        lock 12, then 7, then 31 for reading
//
// A lock is known by an id inside it, not by its address: it may live in an object that the garbage collector moves. The id is given when the
// lock is first taken, so a zeroed lock is a valid one.
// Invariant: HeldLockCount counts every lock, also those for which there was no room; beyond the room nothing is claimed about a lock.
// Cost: one store to take, normally one compare to release (the last taken goes first).
// Kernel concept: lockdep's task_struct.held_locks. The order of locks is in LockOrder.

using System.Runtime.CompilerServices;

namespace KAlloc;

/// <summary>The running thread's held locks.</summary>
internal static unsafe class HeldLocks
{
    private static int s_lastId;

    /// <summary>The id of a lock, given to it if it has none yet.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int IdOf(ref int id) => id != 0 ? id : NewId(ref id);

    /// <summary>The thread is about to wait for the lock: its place in the order of locks is noted.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Announce(CpuBlock* block, int id)
    {
        if (Watch.On != 0) LockOrder.Note(block, id, tried: false);
    }

    /// <summary>The thread has got a lock that it only tried for.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void PushTried(CpuBlock* block, int id)
    {
        if (Watch.On != 0) LockOrder.Note(block, id, tried: true);
        Push(block, id);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Push(CpuBlock* block, int id)
    {
        int count = block->Execution.HeldLockCount++;
        if (count < ExecutionState.MaxHeldLocks) block->Execution.HeldLocks[count] = id;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Pop(CpuBlock* block, int id)
    {
        int last = block->Execution.HeldLockCount - 1;
        if ((uint)last >= ExecutionState.MaxHeldLocks || block->Execution.HeldLocks[last] != id) Remove(block, id, last);
        else block->Execution.HeldLockCount = last;
    }

    /// <summary>Whether the thread holds the lock in this way; <see langword="true"/> if there are more locks than it remembers.</summary>
    internal static bool Contains(CpuBlock* block, int id)
    {
        int count = block->Execution.HeldLockCount;
        if (count > ExecutionState.MaxHeldLocks) return true;
        for (int i = count - 1; i >= 0; i--)
            if (block->Execution.HeldLocks[i] == id) return true;
        return false;
    }

    /// <summary>Out of order: closes the gap that the lock leaves. Of locks left by an earlier function of the thread nothing is remembered.</summary>
    private static void Remove(CpuBlock* block, int id, int last)
    {
        if (last < 0) return;
        block->Execution.HeldLockCount = last;
        int known = Math.Min(last + 1, ExecutionState.MaxHeldLocks);
        for (int i = known - 1; i >= 0; i--)
        {
            if (block->Execution.HeldLocks[i] != id) continue;
            for (; i < known - 1; i++) block->Execution.HeldLocks[i] = block->Execution.HeldLocks[i + 1];
            return;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int NewId(ref int id)
    {
        int fresh = Interlocked.Increment(ref s_lastId);
        int old = Interlocked.CompareExchange(ref id, fresh, 0);
        return old != 0 ? old : fresh;
    }
}
