// The kernel face: high memory. Everything works on low pages too, which have their address anyway.

using System.Runtime.InteropServices;

namespace KAlloc;

public static unsafe partial class Linux
{
    private static HighMemoryMap HighMemorySystem => KernelMemory.Default.HighMemory;

    /// <summary>Whether a page has no permanent address (<c>PageHighMem</c>). Never sleeps.</summary>
    /// <param name="page">The page.</param>
    /// <returns>Whether it is high.</returns>
    public static bool PageHighMem([Borrows] page* page) => HighMemorySystem.IsHigh(page);

    /// <summary>Maps a page until <see cref="kunmap"/> (<c>kmap</c>). May sleep: the window has 1024 places.</summary>
    /// <param name="page">The page.</param>
    /// <returns>Its address.</returns>
    [MightSleep]
    [return: ViewOf(nameof(page))]
    public static void* kmap(page* page) => HighMemorySystem.Map(page);

    /// <summary>Ends a mapping of <see cref="kmap"/> (<c>kunmap</c>). Like that call for process context only: may sleep. A page that is not mapped is a BUG.</summary>
    /// <param name="page">The page, not its address.</param>
    public static void kunmap([Borrows] page* page)
    {
        MightSleep.Check();
        HighMemorySystem.Unmap(page);
    }

    /// <summary>
    /// Maps a page for the running thread (<c>kmap_local_page</c>). Never waits; works in every context. Mappings are undone in reverse order, and the
    /// address is no other thread's.
    /// </summary>
    /// <param name="page">The page.</param>
    /// <returns>Its address.</returns>
    [return: ViewOf(nameof(page))]
    public static void* kmap_local_page(page* page) => HighMemorySystem.Local.Map(page, nameof(kmap_local_page));

    /// <summary>Ends a mapping of <see cref="kmap_local_page"/> (<c>kunmap_local</c>). Never sleeps.</summary>
    /// <param name="addr">The address, not the page.</param>
    public static void kunmap_local([Borrows] void* addr) => HighMemorySystem.Local.Unmap(addr, nameof(kunmap_local));

    /// <summary>
    /// Maps a page for the running thread and turns preemption off until <see cref="kunmap_atomic"/> (<c>kmap_atomic</c>): the code in between must not
    /// sleep. Any context. <see cref="kmap_local_page"/> is its successor and lets the code sleep.
    /// </summary>
    /// <param name="page">The page.</param>
    /// <returns>Its address.</returns>
    [EntersAtomic(LockKind.Preempt, Nests = true, LeftBy = nameof(kunmap_atomic))]
    [return: ViewOf(nameof(page))]
    public static void* kmap_atomic(page* page)
    {
        // A CPU is a thread: nothing can move this code between the two.
        void* address = HighMemorySystem.Local.Map(page, nameof(kmap_atomic));
        if (address != null) Preemption.Disable();
        return address;
    }

    /// <summary>
    /// Ends the thread's last mapping of <see cref="kmap_atomic"/> (<c>kunmap_atomic</c>), and the section with it. Another order is a WARN; an address that is
    /// no mapping of this thread is a BUG and ends nothing.
    /// </summary>
    /// <param name="addr">The address, not the page.</param>
    [LeavesAtomic(LockKind.Preempt)]
    public static void kunmap_atomic([Borrows] void* addr)
    {
        if (HighMemorySystem.Local.Unmap(addr, nameof(kunmap_atomic))) Preemption.EnableChecked(CpuBlocks.Current);
    }

    /// <summary>Fills a page with zeros, wherever it is (<c>clear_highpage</c>). Never sleeps.</summary>
    /// <param name="page">The page.</param>
    public static void clear_highpage([Borrows] page* page)
    {
        void* address = kmap_local_page(page);
        NativeMemory.Clear(address, PAGE_SIZE);
        kunmap_local(address);
    }

    /// <summary>Copies a page, wherever both are (<c>copy_highpage</c>). Never sleeps.</summary>
    /// <param name="to">The copy.</param>
    /// <param name="from">The original.</param>
    public static void copy_highpage([Borrows] page* to, [Borrows] page* from)
    {
        void* source = kmap_local_page(from);
        void* target = kmap_local_page(to);
        Buffer.MemoryCopy(source, target, PAGE_SIZE, PAGE_SIZE);
        kunmap_local(target);
        kunmap_local(source);
    }
}
