// A reserve of elements for code that must make progress when there is no memory: block I/O, logging.
//
//   allocate:  the allocator without effort -> the reserve -> the allocator with all that is allowed -> wait for a free
//   free:      the reserve, until it is full -> the allocator
//
// Invariant: Count <= Minimum while nobody resizes; the lock protects Elements, Count and Minimum and is never held over a call of the allocator.
// Elements in reserve are free to the user and used to the allocator, which does not watch them. Where it poisons free objects, the reserve does too:
// 6b 6b .. 6b a5, looked at when an element leaves, and 5a when it goes to a user.
// Cost: a free that finds the reserve full takes no lock. Not done: poison of elements of the user's own functions, whose size nobody knows.
// Kernel concept: mempool_t, mm/mempool.c; poison_element, check_element.

namespace KAlloc;

/// <summary>A reserve of elements (the kernel's <c>mempool_t</c>). Used only through a pointer.</summary>
public unsafe struct MemoryPool
{
    /// <summary>How long a waiter sleeps before it looks again: something other than a free may have made room.</summary>
    private const int PollMilliseconds = 5000;

    /// <summary>Waiters of all pools: they are rare, and each looks at its own pool when it is woken.</summary>
    private static readonly object s_freed = new();

    private SpinWord _lock;
    private int _waiters;
    private void** _elements;
    private delegate*<GfpFlags, void*, void*> _allocate;
    private delegate*<void*, void*, void> _free;

    /// <summary>Elements that the reserve wants to hold.</summary>
    internal int Minimum;

    /// <summary>Elements that it holds.</summary>
    internal int Count;

    /// <summary>Handed to both functions.</summary>
    internal void* Data;

    /// <summary>Bytes of an element that are poisoned while it is in reserve; 0: none.</summary>
    internal int Poisoned;

    /// <summary>Fills the reserve; false: no memory, and nothing is kept.</summary>
    internal static bool Initialize(
        MemoryPool* pool, int minimum, delegate*<GfpFlags, void*, void*> allocate, delegate*<void*, void*, void> free, void* data, int poisoned, KmallocCaches memory)
    {
        *pool = default;
        pool->_elements = (void**)memory.Allocate((nuint)minimum * (nuint)sizeof(void*), GfpFlags.Kernel);
        if (pool->_elements == null) return false;
        pool->_allocate = allocate;
        pool->_free = free;
        pool->Data = data;
        pool->Poisoned = poisoned;
        pool->Minimum = minimum;
        for (; pool->Count < minimum; pool->Count++)
        {
            void* element = allocate(GfpFlags.Kernel, data);
            if (element == null)
            {
                Drain(pool, memory);
                return false;
            }

            Poison(pool, element);
            pool->_elements[pool->Count] = element;
        }

        return true;
    }

    /// <summary>Gives the reserve back to the allocator.</summary>
    /// <returns>What is wrong with the first element that was written to; null: nothing.</returns>
    internal static string? Drain(MemoryPool* pool, KmallocCaches memory)
    {
        string? damage = null;
        while (pool->Count > 0)
        {
            void* element = pool->_elements[--pool->Count];
            damage ??= DamageOf(pool, element);
            pool->_free(element, pool->Data);
        }

        memory.Free(pool->_elements);
        pool->_elements = null;
        return damage;
    }

    internal static void* Allocate(MemoryPool* pool, GfpFlags flags)
    {
        const GfpFlags Effort = GfpFlags.DirectReclaim | GfpFlags.Io;
        MightSleep.CheckAlloc(flags);
        if ((flags & GfpFlags.Zero) != 0)
        {
            KernelReports.Warn("WARNING: mempool_alloc with __GFP_ZERO: an element from the reserve is not zeroed");
            flags &= ~GfpFlags.Zero;
        }

        flags |= GfpFlags.NoMemAlloc | GfpFlags.NoRetry | GfpFlags.NoWarn;
        GfpFlags now = flags & ~Effort;
        while (true)
        {
            void* element = pool->_allocate(now, pool->Data);
            if (element == null) element = TakeReserved(pool);
            if (element != null) return element;
            if (now != flags)
            {
                now = flags;
                continue;
            }

            if ((flags & GfpFlags.DirectReclaim) == 0) return null;
            WaitForFree(pool);
            now = flags & ~Effort;
        }
    }

    internal static void Free(MemoryPool* pool, void* element)
    {
        if (element == null) return;

        // The fence pairs with the one of a taker: what it took before this free is seen here, so that its gap is filled.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref pool->Count) < Volatile.Read(ref pool->Minimum))
        {
            pool->_lock.Enter();
            bool twice = IsReserved(pool, element), kept = !twice && pool->Count < pool->Minimum;
            if (kept)
            {
                Poison(pool, element);
                pool->_elements[pool->Count++] = element;
            }

            pool->_lock.Leave();
            if (twice)
            {
                KernelReports.Bug($"BUG: mempool_free(0x{(nuint)element:x}): double free: the element is in the reserve already", (nuint)element);
                return;
            }

            if (kept)
            {
                Wake(pool);
                return;
            }
        }

        pool->_free(element, pool->Data);
        Wake(pool);
    }

    /// <summary>Whether the reserve has the element. Looked for only while the reserve is not full: then a free is about to be one of the few that fill it.</summary>
    private static bool IsReserved(MemoryPool* pool, void* element)
    {
        for (int i = 0; i < pool->Count; i++)
        {
            if (pool->_elements[i] == element) return true;
        }

        return false;
    }

    /// <summary>Changes the size of the reserve. False: no memory, and it is as before.</summary>
    internal static bool Resize(MemoryPool* pool, int minimum, KmallocCaches memory)
    {
        var larger = (void**)memory.Allocate((nuint)minimum * (nuint)sizeof(void*), GfpFlags.Kernel);
        if (larger == null) return false;
        string? damage = null;
        while (true)
        {
            void* surplus = null;
            pool->_lock.Enter();
            if (pool->Count > minimum) surplus = pool->_elements[--pool->Count];
            else Exchange(pool, ref larger, minimum);
            pool->_lock.Leave();
            if (surplus == null) break;
            damage ??= DamageOf(pool, surplus);
            pool->_free(surplus, pool->Data);
        }

        memory.Free(larger);
        while (Volatile.Read(ref pool->Count) < minimum)
        {
            void* element = pool->_allocate(GfpFlags.Kernel, pool->Data);
            if (element == null) break;
            Free(pool, element);
        }

        if (damage is not null) KernelReports.Bug(damage, (nuint)pool);
        return true;
    }

    private static void Exchange(MemoryPool* pool, ref void** elements, int minimum)
    {
        for (int i = 0; i < pool->Count; i++) elements[i] = pool->_elements[i];
        void** old = pool->_elements;
        pool->_elements = elements;
        pool->Minimum = minimum;
        elements = old;
    }

    internal static void* TakeReserved(MemoryPool* pool)
    {
        void* element = null;
        pool->_lock.Enter();
        if (pool->Count > 0) element = pool->_elements[--pool->Count];
        pool->_lock.Leave();
        if (element == null || pool->Poisoned == 0) return element;
        if (DamageOf(pool, element) is { } damage)
        {
            // Put right and back, so that nothing is lost if the report throws.
            Free(pool, element);
            KernelReports.Bug(damage, (nuint)element);
            return TakeReserved(pool);
        }

        new Span<byte>(element, pool->Poisoned).Fill(SlabAllocator.PoisonInUse);
        return element;
    }

    private static void Poison(MemoryPool* pool, void* element)
    {
        if (pool->Poisoned == 0) return;
        var bytes = new Span<byte>(element, pool->Poisoned);
        bytes.Fill(SlabAllocator.PoisonFree);
        bytes[^1] = SlabAllocator.PoisonEnd;
    }

    /// <summary>Where somebody wrote to an element in reserve; null: nowhere.</summary>
    private static string? DamageOf(MemoryPool* pool, void* element)
    {
        if (pool->Poisoned == 0) return null;
        var bytes = new Span<byte>(element, pool->Poisoned);
        int first = bytes[..^1].IndexOfAnyExcept(SlabAllocator.PoisonFree), last = bytes[..^1].LastIndexOfAnyExcept(SlabAllocator.PoisonFree);
        if (bytes[^1] != SlabAllocator.PoisonEnd) last = bytes.Length - 1;
        if (last < 0) return null;
        if (first < 0) first = last;
        byte expected = first == bytes.Length - 1 ? SlabAllocator.PoisonEnd : SlabAllocator.PoisonFree;
        return $"BUG: mempool element poison mismatch: used after mempool_free\nMempool 0x{(nuint)pool:x} size {pool->Poisoned}, element 0x{(nuint)element:x}\n"
            + $"0x{(nuint)element + (nuint)first:x}-0x{(nuint)element + (nuint)last:x} @offset={first}. First byte 0x{bytes[first]:x} instead of 0x{expected:x}";
    }

    private static void WaitForFree(MemoryPool* pool)
    {
        lock (s_freed)
        {
            pool->_waiters++;
            Interlocked.MemoryBarrier();
            if (Volatile.Read(ref pool->Count) == 0) Monitor.Wait(s_freed, PollMilliseconds);
            pool->_waiters--;
        }
    }

    private static void Wake(MemoryPool* pool)
    {
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref pool->_waiters) == 0) return;
        lock (s_freed) Monitor.PulseAll(s_freed);
    }
}
