// What the zones hold, as the kernel prints it when an allocation fails. Cost: a string; reports only. Kernel concept: show_mem, show_free_areas.

using System.Text;

namespace KAlloc;

internal static class MemoryDump
{
    internal static string Of(PageAllocator pages)
    {
        var text = new StringBuilder("Mem-Info:");
        long free = 0, inSets = 0;
        foreach (Zone zone in pages.Zones)
        {
            free += zone.FreeFrames;
            inSets += pages.Sets.FramesOf(zone);
        }

        text.Append("\n free:").Append(free).Append(" free_pcp:").Append(inSets).Append(" free_cma:0");
        foreach (Zone zone in pages.Zones) AppendMarks(text, pages, zone);
        foreach (Zone zone in pages.Zones) AppendBlocks(text, zone, pages.Memory.PageShift - 10);
        return text.ToString();
    }

    private static void AppendMarks(StringBuilder text, PageAllocator pages, Zone zone)
    {
        text.Append("\nNode 0 ").Append(MemoryLayout.NameOf(zone.Type));
        Kilobytes(" free:", zone.FreeFrames);
        Kilobytes(" boost:", zone.WatermarkBoost);
        Kilobytes(" min:", zone.Marks.Min + zone.WatermarkBoost);
        Kilobytes(" low:", zone.Marks.Low + zone.WatermarkBoost);
        Kilobytes(" high:", zone.Marks.High + zone.WatermarkBoost);
        Kilobytes(" reserved_highatomic:", zone.ReservedHighAtomic);
        Kilobytes(" present:", zone.Managed);
        Kilobytes(" managed:", zone.Managed);
        Kilobytes(" free_pcp:", pages.Sets.FramesOf(zone));
        text.Append("\nlowmem_reserve[]:");
        foreach (long reserve in zone.LowmemReserve) text.Append(' ').Append(reserve);

        void Kilobytes(string name, long frames) => text.Append(name).Append(frames << (pages.Memory.PageShift - 10)).Append("kB");
    }

    private static void AppendBlocks(StringBuilder text, Zone zone, int kilobyte)
    {
        text.Append("\nNode 0 ").Append(MemoryLayout.NameOf(zone.Type)).Append(':');
        long total = 0;
        for (int order = 0; order <= PhysicalMemory.MaxOrder; order++)
        {
            long count = zone.FreeBlocks(order);
            total += count << order;
            text.Append(' ').Append(count).Append('*').Append(1L << (order + kilobyte)).Append("kB");
            if (count == 0) continue;
            text.Append(" (");
            foreach (MigrateType type in (ReadOnlySpan<MigrateType>)[MigrateType.Unmovable, MigrateType.Movable, MigrateType.Reclaimable, MigrateType.HighAtomic, MigrateType.Reserve])
            {
                if (zone.FreeBlocks(order, type) != 0) text.Append("UMEHR"[(int)type]);
            }

            text.Append(')');
        }

        text.Append(" = ").Append(total << kilobyte).Append("kB");
    }
}
