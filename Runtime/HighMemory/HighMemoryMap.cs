// Addresses for frames that have none: a window of 1024 pages into which high frames are mapped one by one.
//
//   window   | slot 0 | slot 1 | ... | slot 1023 |     _users[slot]: how often it is mapped     KmapSlots[frame] = slot + 1 while that is not 0
//
// kmap counts: a frame is mapped once for all its users, and page_address then knows it. The last kunmap leaves the mapping in place: the next kmap of the
// frame finds it, and the slot is mapped over when the window has come round to it. While all slots are in use kmap waits. At debug levels an unused slot
// faults at once. A low frame has its address anyway. On a backing without aliases the frame's hidden address takes the place of the window's.
// Cost: one mmap for a high frame that has no mapping left, else a lock. Kernel concept: PKMAP, kmap_high, pkmap_count; kmap_local_page is in LocalMappings.

namespace KAlloc;

internal sealed unsafe class HighMemoryMap : IDisposable
{
    internal const int Slots = 1024;

    private nuint WindowBytes => Slots * _memory.PageSize;
    private const int NoFrame = -1;

    private readonly object _gate = new();
    private readonly PhysicalMemory _memory;
    private readonly PageAllocator _pages;
    private readonly bool _unmapAtOnce;
    private readonly int[] _users = new int[Slots];
    private readonly int[] _frames = new int[Slots];
    private readonly Dictionary<int, int> _slotOf = new(Slots);
    private int _next;
    private int _waiting;

    internal HighMemoryMap(PageAllocator pages, bool unmapAtOnce)
    {
        _pages = pages;
        _memory = pages.Memory;
        _unmapAtOnce = unmapAtOnce;
        Local = new LocalMappings(this, pages, unmapAtOnce);
        Array.Fill(_frames, NoFrame);
        if (_memory.LowFrames == _memory.Frames || !_memory.Arena.CanAlias) return;
        _memory.KmapWindow = AddressSpace.ReserveInaccessible(WindowBytes, _memory.IsDefault ? unchecked((nuint)DefaultMap.KmapStart) : 0, _memory.PageSize);
        if (_memory.KmapWindow == null) throw new InvalidOperationException("KAlloc cannot reserve its kmap window: the address range is taken.");
    }

    /// <summary>The mappings of kmap_local_page and kmap_atomic.</summary>
    internal LocalMappings Local { get; }

    internal bool IsHigh(Page* page) => _memory.FrameOf(page) >= _memory.LowFrames;

    /// <summary>The kernel's kmap: waits while the window is full.</summary>
    internal void* Map(Page* page)
    {
        MightSleep.Check();
        if (!Check(page, "kmap")) return null;
        if (!IsHigh(page)) return _memory.AddressOf(page);
        lock (_gate)
        {
            while (!TryMap(page)) Wait();
            return _memory.AddressOf(page);
        }
    }

    /// <summary>The kernel's kunmap.</summary>
    internal void Unmap(Page* page)
    {
        if (!Check(page, "kunmap") || !IsHigh(page)) return;
        if (!Release(page)) KernelReports.Bug($"BUG: kunmap() of page pfn:{_memory.FrameOf(page):x5}: it is not mapped", (nuint)page);
    }

    /// <summary>The frame in use at an address of the window; null if there is none.</summary>
    internal Page* PageOf(nuint address)
    {
        nuint offset = address - (nuint)_memory.KmapWindow;
        if (_memory.KmapWindow == null || offset >= WindowBytes) return null;
        int slot = (int)(offset >> _memory.PageShift);
        lock (_gate) return _users[slot] != 0 ? _memory.PageOf((uint)_frames[slot]) : null;
    }

    /// <summary>Whether a page may be mapped: the count of a page inside a block is 0, so only what is no page is refused.</summary>
    internal bool Check(Page* page, string caller)
    {
        if (_memory.IsPage(page)) return true;
        KernelReports.Bug($"BUG: {caller}(0x{(nuint)page:x}): not a struct page: {_pages.Describe((nuint)page)}", (nuint)page);
        return false;
    }

    public void Dispose()
    {
        Local.Dispose();
        AddressSpace.Release(_memory.KmapWindow, WindowBytes);
    }

    /// <summary>Counts a user of the frame's mapping, made now if there is none. False: every slot is in use.</summary>
    private bool TryMap(Page* page)
    {
        int frame = (int)_memory.FrameOf(page);
        if (!_slotOf.TryGetValue(frame, out int slot))
        {
            slot = FindSlot();
            if (slot < 0) return false;
            if (_frames[slot] != NoFrame) _slotOf.Remove(_frames[slot]);
            _frames[slot] = NoFrame;
            byte* at = _memory.KmapWindow + ((nuint)slot << _memory.PageShift);
            if (_memory.Arena.CanAlias && !_memory.Arena.Map(at, (nuint)frame << _memory.PageShift, _memory.PageSize, populate: true)) return false;
            _frames[slot] = frame;
            _slotOf.Add(frame, slot);
        }

        if (_users[slot]++ == 0) SetSlot(page, slot + 1);
        return true;
    }

    /// <summary>Makes the mapping known to page_address, and to the check at free if the page is freed by itself.</summary>
    private void SetSlot(Page* page, int value)
    {
        Volatile.Write(ref _memory.KmapSlots[_memory.FrameOf(page) - _memory.LowFrames], (ushort)value);
        if (page->RefCount > 0) Volatile.Write(ref page->KmapSlot, (uint)value);
    }

    private void Wait()
    {
        // The system may have refused the mapping: then no kunmap of ours tells when to try again.
        const int Milliseconds = 20;
        _waiting++;
        try
        {
            Monitor.Wait(_gate, Milliseconds);
        }
        finally
        {
            _waiting--;
        }
    }

    private int FindSlot()
    {
        for (int tried = 0; tried < Slots; tried++)
        {
            int slot = _next = (_next + 1) % Slots;
            if (_users[slot] == 0) return slot;
        }

        return -1;
    }

    private bool Release(Page* page)
    {
        lock (_gate)
        {
            if (!_slotOf.TryGetValue((int)_memory.FrameOf(page), out int slot) || _users[slot] == 0) return false;
            if (--_users[slot] != 0) return true;
            SetSlot(page, 0);
            if (_unmapAtOnce && _memory.Arena.CanAlias && _memory.Arena.Unmap(_memory.KmapWindow + ((nuint)slot << _memory.PageShift), _memory.PageSize))
            {
                _slotOf.Remove(_frames[slot]);
                _frames[slot] = NoFrame;
            }

            // All are woken: one that finds its frame mapped meanwhile needs no slot.
            if (_waiting != 0) Monitor.PulseAll(_gate);
            return true;
        }
    }
}
