// The page lock: bit Locked of the flags, taken by whoever works on a page's content. A waiter sleeps, so only process context may wait.
// Not done: wait queues; a waiter polls with growing pauses, which is right for a lock that is almost never contended here.
// Kernel concept: lock_page, unlock_page, PG_locked.

namespace KAlloc;

internal static unsafe class PageLock
{
    internal static void Lock(Page* page)
    {
        MightSleep.Check();
        SpinWait wait = default;
        while (!TryLock(page)) wait.SpinOnce();
    }

    internal static bool TryLock(Page* page) =>
        (Interlocked.Or(ref Flags(page), (uint)PageFlags.Locked) & (uint)PageFlags.Locked) == 0;

    internal static void Unlock(Page* page)
    {
        if ((page->Flags & PageFlags.Locked) == 0)
        {
            KernelReports.Bug($"BUG: unlock_page(0x{(nuint)page:x}): the page is not locked", (nuint)page);
            return;
        }

        Interlocked.And(ref Flags(page), ~(uint)PageFlags.Locked);
    }

    internal static void Set(Page* page, PageFlags flag) => Interlocked.Or(ref Flags(page), (uint)flag);

    internal static void Clear(Page* page, PageFlags flag) => Interlocked.And(ref Flags(page), ~(uint)flag);

    private static ref uint Flags(Page* page) => ref *(uint*)&page->Flags;
}
