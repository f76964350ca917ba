// What becomes of freed areas.
//
//   vfree ──> lazy list of its size ──> the next vmalloc of that size takes it as it is: frames, mapping and page tables
//                     │
//                     └──> over LazyLimit, under memory pressure, by Shrink: one munmap for each run of neighbours, then frames and range go back
//
// The kernel clears the page table entries at once and puts off the flush of the TLB. Here clearing and flushing are one system call, so both are put
// off, and the frames with them: until a freed range is unmapped its frames are nobody else's. At debug levels everything happens at once.
// Ranges of vmap and vm_map_ram show frames that their owner may free next: they are always unmapped at once.
// An area freed in an interrupt goes on a lock-free list; whoever finds the list empty asks a worker thread to come.
// Kernel concept: lazy_max_pages, purge_vmap_area_lazy, vfree_deferred.

namespace KAlloc;

internal sealed unsafe partial class VmallocSpace
{
    /// <summary>32 MiB for each bit of the number of processors, as in the kernel; never over 1/32 of the memory.</summary>
    private uint LazyPagesPerStep => 32u << (20 - PageShift);

    private readonly bool _unmapAtOnce;
    private readonly Lock _purgeLock = new();
    private readonly Dictionary<uint, VmallocArea?> _lazy = [];
    private VmallocArea? _deferred;
    private uint _lazyPages;
    private bool _disposed;

    /// <summary>Freed pages that may wait for their unmapping.</summary>
    internal uint LazyLimit { get; }

    /// <summary>Freed pages that wait now.</summary>
    internal uint LazyPages => Volatile.Read(ref _lazyPages);

    /// <summary>A copy of the areas that wait, lowest first: the kernel's "unpurged vm_area".</summary>
    internal List<VmallocArea> LazyAreas()
    {
        var list = new List<VmallocArea>();
        lock (_lock)
        {
            foreach (VmallocArea? head in _lazy.Values)
            {
                for (VmallocArea? area = head; area is not null; area = area.Next) list.Add(area);
            }
        }

        list.Sort(static (a, b) => a.Start.CompareTo(b.Start));
        return list;
    }

    /// <summary>Unmaps all freed areas and gives their frames back. Never waits for memory.</summary>
    /// <returns>Whether frames came back.</returns>
    internal bool Purge()
    {
        if (LazyPages == 0 && Volatile.Read(ref _deferred) is null) return false;
        lock (_purgeLock)
        {
            RunDeferred();
            List<VmallocArea> areas;
            lock (_lock)
            {
                areas = LazyAreas();
                _lazy.Clear();
                _lazyPages = 0;
            }

            if (_disposed || areas.Count == 0) return false;
            int end;
            for (int first = 0; first < areas.Count; first = end)
            {
                end = first + 1;
                while (end < areas.Count && areas[end].Start == areas[end - 1].End) end++;
                Dismantle(areas, first, end);
            }

            return true;
        }
    }

    /// <summary>Retires what interrupts freed; returns when none of it is under way.</summary>
    internal void RunDeferred()
    {
        lock (_purgeLock)
        {
            VmallocArea? next;
            for (VmallocArea? area = Interlocked.Exchange(ref _deferred, null); area is not null && !_disposed; area = next)
            {
                next = area.Next;
                Retire(area);
            }
        }
    }

    private void Defer(VmallocArea area)
    {
        VmallocArea? head;
        do
        {
            head = Volatile.Read(ref _deferred);
            area.Next = head;
        }
        while (Interlocked.CompareExchange(ref _deferred, area, head) != head);
        if (head is null) ThreadPool.UnsafeQueueUserWorkItem(static space => space.RunDeferred(), this, preferLocal: false);
    }

    /// <summary>The end of an area that is no longer in the tree.</summary>
    private void Retire(VmallocArea area)
    {
        if (!Aliases)
        {
            DismantleContiguous(area);
            return;
        }

        bool reusable = Hide(area) && !_unmapAtOnce && area.Kind == AreaKind.Vmalloc && area.PageCount <= LazyLimit;
        if (!reusable)
        {
            Dismantle([area], 0, 1);
            return;
        }

        lock (_lock)
        {
            area.Next = _lazy.GetValueOrDefault(area.PageCount);
            _lazy[area.PageCount] = area;
            _lazyPages += area.PageCount;
        }

        if (LazyPages > LazyLimit) Purge();
    }

    /// <summary>An area of a size that was freed lately, as it was; or null.</summary>
    private VmallocArea? TakeLazy(uint count)
    {
        lock (_lock)
        {
            if (!_lazy.TryGetValue(count, out VmallocArea? area) || area is null) return null;
            _lazy[count] = area.Next;
            area.Next = null;
            _lazyPages -= count;
            return area;
        }
    }

    /// <summary>Unmaps areas that lie next to each other with one call, then gives back their frames and ranges.</summary>
    private void Dismantle(List<VmallocArea> areas, int first, int end)
    {
        nuint start = areas[first].Address;
        nuint bytes = areas[end - 1].Address + areas[end - 1].Bytes - start;
        if (!_memory.Arena.Unmap((byte*)start, bytes))
        {
            // The mappings are still there: the frames must stay theirs.
            KernelReports.Warn($"WARNING: {bytes} bytes at 0x{start:x} cannot be unmapped and are lost: the process has too many mappings", start);
            return;
        }

        for (int i = first; i < end; i++)
        {
            MappingBudget.Give(areas[i].Mappings);
            uint* entries = EntriesOf(areas[i]);
            if (areas[i].Kind == AreaKind.Vmalloc) GiveFrames(entries, areas[i].PageCount);
            new Span<uint>(entries, (int)areas[i].PageCount).Clear();
            GiveRange(areas[i]);
        }
    }
}
