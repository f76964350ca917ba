// The zones as text: marks, page sets and free blocks by type.
//
//   pagetypeinfo  free blocks by zone, type and order; page blocks by type          zoneinfo  marks, protection, page sets of each thread
//
// Not done: the statistics of reclaim lists that the kernel's zoneinfo has besides. Kernel concept: mm/vmstat.c.

using System.Globalization;
using System.Text;

namespace KAlloc;

public sealed unsafe partial class ProcFs
{
    /// <summary><c>/proc/pagetypeinfo</c>: free blocks of each type and order in each zone, then the number of page blocks of each type.</summary>
    /// <returns>The text.</returns>
    public string PageTypeInfo()
    {
        var text = new StringBuilder();
        text.Append("Page block order: ").Append(Mobility.BlockOrder).Append("\nPages per block:  ").Append(Mobility.BlockFrames).Append("\n\n");
        text.Append("Free pages count per migrate type at order ".PadRight(43)).Append(' ');
        for (int order = 0; order <= PhysicalMemory.MaxOrder; order++) Number(text, order, 6).Append(' ');
        text.Append('\n');
        foreach (Zone zone in _pages.Zones)
        {
            for (int type = 0; type < Mobility.Types; type++)
            {
                text.Append("Node    0, zone ").Append(MemoryLayout.NameOf(zone.Type).PadLeft(8)).Append(", type ").Append(Mobility.NameOf((MigrateType)type).PadLeft(12)).Append(' ');
                for (int order = 0; order <= PhysicalMemory.MaxOrder; order++)
                {
                    long count = zone.FreeBlocks(order, (MigrateType)type);
                    if (count >= 100_000) text.Append('>');
                    Number(text, Math.Min(count, 100_000), count >= 100_000 ? 5 : 6).Append(' ');
                }

                text.Append('\n');
            }
        }

        text.Append('\n').Append("Number of blocks type".PadRight(23));
        for (int type = 0; type < Mobility.Types; type++) text.Append(Mobility.NameOf((MigrateType)type).PadLeft(12)).Append(' ');
        text.Append('\n');
        Span<long> counts = stackalloc long[Mobility.Types];
        foreach (Zone zone in _pages.Zones)
        {
            text.Append("Node 0, zone ").Append(MemoryLayout.NameOf(zone.Type).PadLeft(8)).Append(' ');
            counts.Clear();
            for (uint frame = zone.Start; frame < zone.End; frame += Mobility.BlockFrames) counts[(int)_pages.Blocks.TypeOf(frame)]++;
            foreach (long count in counts) Number(text, count, 12).Append(' ');
            text.Append('\n');
        }

        return text.ToString();
    }

    /// <summary><c>/proc/zoneinfo</c>: size, marks, protection and page sets of each zone, in pages. A CPU is a thread.</summary>
    /// <returns>The text.</returns>
    public string ZoneInfo()
    {
        var text = new StringBuilder();
        foreach (Zone zone in _pages.Zones)
        {
            text.Append("Node 0, zone ").Append(MemoryLayout.NameOf(zone.Type).PadLeft(8));
            ZoneMarks marks = zone.Marks;
            long boost = zone.WatermarkBoost;
            text.Append("\n  pages free     ").Append(zone.FreeFrames);
            Line("boost", boost);
            Line("min", marks.Min + boost);
            Line("low", marks.Low + boost);
            Line("high", marks.High + boost);
            Line("promo", marks.Promo + boost);
            Line("spanned", zone.Managed);
            Line("present", zone.Managed);
            Line("managed", zone.Managed);
            Line("cma", 0);
            text.Append("\n        protection: (");
            for (int i = 0; i < zone.LowmemReserve.Length; i++) text.Append(i == 0 ? "" : ", ").Append(zone.LowmemReserve[i]);
            text.Append(")\n      nr_free_pages ").Append(zone.FreeFrames);
            text.Append("\n  pagesets");
            for (int cpu = 0; cpu < PageSets.Limit; cpu++)
            {
                PageSet* sets = _pages.Sets.OfAny(cpu);
                if (sets == null) continue;
                PageSet* set = sets + zone.Index;
                text.Append("\n    cpu: ").Append(cpu);
                SetLine("count:", set->Count);
                SetLine("high:", set->High);
                SetLine("batch:", set->Batch);
                SetLine("high_min:", set->HighMin);
                SetLine("high_max:", set->HighMax);
            }

            text.Append("\n  node_unreclaimable:  0\n  start_pfn:           ").Append(zone.Start).Append('\n');

            void Line(string name, long value) => text.Append("\n        ").Append(name.PadRight(9)).Append(value);
        }

        return text.ToString();

        void SetLine(string name, long value) => text.Append("\n              ").Append(name.PadRight(10)).Append(value);
    }

    /// <summary>The zones, where each ends and why. Not a file of the kernel's.</summary>
    /// <returns>One line a zone.</returns>
    public string ZoneMap()
    {
        var text = new StringBuilder();
        foreach (Zone zone in _pages.Zones)
        {
            text.Append(CultureInfo.InvariantCulture, $"{MemoryLayout.NameOf(zone.Type),8} 0x{(ulong)zone.Start << _pages.Memory.PageShift:x12}-0x{(ulong)zone.End << _pages.Memory.PageShift:x12} ");
            text.Append(zone.Boundary.Reason).Append('\n');
        }

        return text.ToString();
    }
}
