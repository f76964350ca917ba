// The totals as text: meminfo and vmstat, with the kernel's names in the kernel's order, so that programs that read them read these too.
//
// What a line counts in the kernel and does not exist here (swap, page cache, dirty pages, CMA, compaction …) is 0, as on a kernel that has none of it.
// Lines of the processor's page tables (DirectMap…) are left out: the operating system's, not ours.
// Cost: walks the lists of all slabs, each under its cache's lock. Kernel concept: fs/proc/meminfo.c, mm/vmstat.c, si_mem_available.

using System.Text;

namespace KAlloc;

public sealed unsafe partial class ProcFs
{
    private int Kilobyte => _pages.Memory.PageShift - 10;

    /// <summary><c>/proc/meminfo</c>: the totals in KiB. Pages that a thread's page set keeps are neither in <c>MemFree</c> nor anybody's, as in the kernel.</summary>
    /// <returns>The text.</returns>
    public string MemInfo()
    {
        var text = new StringBuilder();
        _pages.Fill(out SysInfo info);
        SlabFrames(out long reclaimable, out long unreclaimable);
        long total = (long)info.totalram, free = (long)info.freeram;
        Line("MemTotal", total);
        Line("MemFree", free);
        Line("MemAvailable", Available(free, reclaimable));
        None("Buffers", "Cached", "SwapCached", "Active", "Inactive", "Active(anon)", "Inactive(anon)", "Active(file)", "Inactive(file)", "Unevictable", "Mlocked");
        if (info.totalhigh != 0)
        {
            Line("HighTotal", (long)info.totalhigh);
            Line("HighFree", (long)info.freehigh);
            Line("LowTotal", total - (long)info.totalhigh);
            Line("LowFree", free - (long)info.freehigh);
        }

        None("SwapTotal", "SwapFree", "Zswap", "Zswapped", "Dirty", "Writeback", "AnonPages");
        Line("Mapped", _pages.Mappings);
        None("Shmem");
        Line("KReclaimable", reclaimable);
        Line("Slab", reclaimable + unreclaimable);
        Line("SReclaimable", reclaimable);
        Line("SUnreclaim", unreclaimable);
        Bytes("KernelStack", _stacks.Bytes);
        None("PageTables", "SecPageTables", "NFS_Unstable", "Bounce", "WritebackTmp");

        // Memory that is promised is there: the limit is all of it.
        Line("CommitLimit", total);
        Line("Committed_AS", total - _pages.FreeFrames);
        Bytes("VmallocTotal", (long)_vmalloc.Bytes);
        Line("VmallocUsed", VmallocFrames());
        None("VmallocChunk");
        Bytes("Percpu", _perCpu.TouchedBytes);
        None("AnonHugePages", "ShmemHugePages", "ShmemPmdMapped", "FileHugePages", "FilePmdMapped", "Balloon");
        foreach (string name in (ReadOnlySpan<string>)["HugePages_Total", "HugePages_Free", "HugePages_Rsvd", "HugePages_Surp"]) Value(name, 0).Append('\n');
        Line("Hugepagesize", Mobility.BlockFrames);
        None("Hugetlb");
        return text.ToString();

        void Line(string name, long frames) => Value(name, frames << Kilobyte).Append(" kB\n");
        void Bytes(string name, long bytes) => Value(name, bytes >> 10).Append(" kB\n");
        void None(params ReadOnlySpan<string> names)
        {
            foreach (string name in names) Line(name, 0);
        }

        StringBuilder Value(string name, long value) => Number(text.Append((name + ':').PadRight(16)), value, 8);
    }

    /// <summary>
    /// <c>/proc/vmstat</c>: counts since boot. <c>pgalloc_…</c> and <c>pgfree</c> are pages that left the buddy lists and came back to them: what a thread's
    /// page set serves again is not counted. <c>nr_kernel_stack</c> is in KiB, as in the kernel.
    /// </summary>
    /// <returns>One line a count.</returns>
    public string VmStat()
    {
        var text = new StringBuilder();
        foreach ((string name, long value) in VmStatCounts()) text.Append(name).Append(' ').Append(value).Append('\n');
        return text.ToString();
    }

    private long Available(long free, long reclaimable)
    {
        long reserved = 0, low = 0;
        foreach (Zone zone in _pages.Zones)
        {
            long most = 0;
            foreach (long reserve in zone.LowmemReserve) most = Math.Max(most, reserve);
            reserved += Math.Min(zone.Marks.High + most, zone.Managed);
            low += zone.Marks.Low;
        }

        return Math.Max(0, free - reserved + reclaimable - Math.Min(reclaimable / 2, low));
    }

    private void SlabFrames(out long reclaimable, out long unreclaimable)
    {
        reclaimable = unreclaimable = 0;
        for (int id = _slab.IdLimit - 1; id > 0; id--)
        {
            KmemCache* cache = _slab.Caches + id;
            if (cache->Magic != KmemCache.Alive) continue;
            long frames = (long)_slab.StatisticsOf(cache).Slabs << cache->Order;
            if ((cache->AllocFlags & GfpFlags.Reclaimable) != 0) reclaimable += frames;
            else unreclaimable += frames;
        }
    }

    private long VmallocFrames()
    {
        long frames = 0;
        foreach (VmallocArea area in _vmalloc.Areas())
        {
            if (area.Kind == AreaKind.Vmalloc) frames += area.PageCount;
        }

        return frames;
    }
}
