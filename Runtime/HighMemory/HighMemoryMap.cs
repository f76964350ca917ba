// Addresses for frames that have none: a window of 1024 pages into which high frames are mapped one by one.
//
//   window   | slot 0 | slot 1 | ... | slot 1023 |        page->KmapSlot = slot + 1        _users[slot] = how often it is mapped
//
// kmap counts: the same frame is mapped once for all its users, and page_address then knows it. kmap_local_page is for the running thread, last in first
// out, and never waits. A low frame has its address anyway. On a backing without aliases the frame's hidden address takes the place of the window's.
// Cost: one mmap for the first user of a high frame. Not done: keeping unused mappings for later. Kernel concept: PKMAP, kmap_local_page.

namespace KAlloc;

internal sealed unsafe class HighMemoryMap : IDisposable
{
    internal const int Slots = 1024;

    /// <summary>Depth of kmap_local_page in one thread (the kernel's KM_MAX_IDX).</summary>
    private const int LocalDepth = 16;
    private const nuint WindowBytes = Slots * PhysicalMemory.PageSize;

    [ThreadStatic]
    private static List<nint>? t_local;

    private readonly Lock _lock = new();
    private readonly PhysicalMemory _memory;
    private readonly PageAllocator _pages;
    private readonly int[] _users = new int[Slots];
    private readonly uint[] _frames = new uint[Slots];
    private int _next;

    internal HighMemoryMap(PageAllocator pages)
    {
        _pages = pages;
        _memory = pages.Memory;
        if (_memory.LowFrames == _memory.Frames || !_memory.Arena.CanAlias) return;
        _memory.KmapWindow = AddressSpace.ReserveInaccessible(WindowBytes, _memory.IsDefault ? unchecked((nuint)DefaultMap.KmapStart) : 0);
        if (_memory.KmapWindow == null) throw new InvalidOperationException("KAlloc cannot reserve its kmap window: the address range is taken.");
    }

    internal bool IsHigh(Page* page) => _memory.FrameOf(page) >= _memory.LowFrames;

    /// <summary>The kernel's kmap: waits while the window is full.</summary>
    internal void* Map(Page* page)
    {
        MightSleep.Check();
        if (!Check(page, "kmap")) return null;
        if (!IsHigh(page)) return _memory.AddressOf(page);
        while (!TryMap(page)) Thread.Sleep(1);
        return _memory.AddressOf(page);
    }

    /// <summary>The kernel's kunmap.</summary>
    internal void Unmap(Page* page)
    {
        if (!Check(page, "kunmap") || !IsHigh(page)) return;
        if (!Release(page)) KernelReports.Bug($"BUG: kunmap() of page pfn:{_memory.FrameOf(page):x5}: it is not mapped", (nuint)page);
    }

    /// <summary>The kernel's kmap_local_page: never waits.</summary>
    internal void* MapLocal(Page* page)
    {
        if (!Check(page, "kmap_local_page")) return null;
        List<nint> local = t_local ??= new List<nint>(LocalDepth);
        if (local.Count >= LocalDepth || (IsHigh(page) && !TryMap(page)))
        {
            KernelReports.Bug($"BUG: kmap_local_page(): {local.Count} local mappings of this thread, or a full kmap window");
            return null;
        }

        void* address = _memory.AddressOf(page);
        local.Add((nint)page);
        return address;
    }

    /// <summary>The kernel's kunmap_local: the last mapping of this thread first.</summary>
    internal void UnmapLocal(void* address)
    {
        List<nint>? local = t_local;
        nuint pageStart = (nuint)address & ~(PhysicalMemory.PageSize - 1);
        int index = local is null ? -1 : local.FindLastIndex(p => (nuint)_memory.AddressOf((Page*)p) == pageStart);
        if (index < 0)
        {
            KernelReports.Bug($"BUG: kunmap_local(0x{(nuint)address:x}): no local mapping of this thread: {_pages.Describe((nuint)address)}", (nuint)address);
            return;
        }

        if (index != local!.Count - 1) KernelReports.Warn($"WARNING: kunmap_local(0x{(nuint)address:x}): not the last mapping of this thread; they must be undone in reverse order");
        var page = (Page*)local[index];
        local.RemoveAt(index);
        if (IsHigh(page)) Release(page);
    }

    public void Dispose() => AddressSpace.Release(_memory.KmapWindow, WindowBytes);

    private bool Check(Page* page, string caller)
    {
        if (_memory.IsPage(page) && _memory.HeadOf(page)->RefCount >= 0) return true;
        KernelReports.Bug($"BUG: {caller}(0x{(nuint)page:x}): not a struct page: {_pages.Describe((nuint)page)}", (nuint)page);
        return false;
    }

    private bool TryMap(Page* page)
    {
        uint frame = _memory.FrameOf(page);
        lock (_lock)
        {
            if (page->KmapSlot != 0)
            {
                _users[page->KmapSlot - 1]++;
                return true;
            }

            for (int tried = 0; tried < Slots; tried++)
            {
                int slot = _next = (_next + 1) % Slots;
                if (_users[slot] != 0) continue;
                nuint offset = (nuint)frame << PhysicalMemory.PageShift;
                if (_memory.Arena.CanAlias && !_memory.Arena.Map(_memory.KmapWindow + ((nuint)slot << PhysicalMemory.PageShift), offset, PhysicalMemory.PageSize)) return false;
                _users[slot] = 1;
                _frames[slot] = frame;
                Volatile.Write(ref page->KmapSlot, (uint)slot + 1);
                return true;
            }
        }

        return false;
    }

    private bool Release(Page* page)
    {
        lock (_lock)
        {
            uint slot = page->KmapSlot - 1;
            if (slot >= Slots || _frames[slot] != _memory.FrameOf(page) || _users[slot] == 0) return false;
            if (--_users[slot] != 0) return true;
            Volatile.Write(ref page->KmapSlot, 0u);
            if (_memory.Arena.CanAlias) _memory.Arena.Unmap(_memory.KmapWindow + ((nuint)slot << PhysicalMemory.PageShift), PhysicalMemory.PageSize);
            return true;
        }
    }
}
