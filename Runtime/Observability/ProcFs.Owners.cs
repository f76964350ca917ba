// Who holds what, by name. The kernel has a directory of files for each memory cgroup; here one table says the same.
//
//   name   bytes   limit   peak   failures   parent          and below it the caches whose slabs are charged to the owner
//
// Cost: a string; takes the lock of each charged cache for a moment. Kernel concept: memory.current, memory.max, memory.peak, memory.events.

using System.Globalization;
using System.Text;

namespace KAlloc;

public sealed unsafe partial class ProcFs
{
    /// <summary>
    /// The memory owners, in the order they were made: bytes held (children's included), limit, most ever held, requests refused, whose child it is; each followed
    /// by the caches of this system that are charged to it, with the bytes of their slabs. What caches do not explain are pages, or belongs to another system.
    /// </summary>
    /// <returns>The text; of the process, as owners are not bound to a system.</returns>
    public string MemoryOwners()
    {
        var text = new StringBuilder("# name                  bytes        limit         peak failures parent\n");
        foreach (MemoryOwner owner in MemoryOwner.All)
        {
            text.Append(owner.Name.PadRight(17)).Append(' ');
            Number(text, owner.Bytes, 10).Append(' ');
            text.Append((owner.Limit == long.MaxValue ? "max" : owner.Limit.ToString(CultureInfo.InvariantCulture)).PadLeft(12)).Append(' ');
            Number(text, owner.PeakBytes, 12).Append(' ');
            Number(text, owner.Failures, 8).Append(' ').Append(owner.Parent?.Name ?? "-").Append('\n');
            AppendCaches(text, owner);
        }

        return text.ToString();
    }

    private void AppendCaches(StringBuilder text, MemoryOwner owner)
    {
        for (int id = 1; id < _slab.IdLimit; id++)
        {
            KmemCache* cache = _slab.Caches + id;
            if (cache->Magic != KmemCache.Alive || cache->Owner != owner.Number) continue;
            CacheStatistics counts = _slab.StatisticsOf(cache);
            text.Append("  cache ").Append(counts.Name.PadRight(9)).Append(' ');
            Number(text, (long)counts.Slabs << (_pages.Memory.PageShift + cache->Order), 10).Append('\n');
        }
    }
}
