// What grouping by mobility is for: after long random use, how much of the free memory is still in huge pages?
//
// A machine of 256 MiB is filled to 70 % with blocks of orders 0..4, three quarters of the bytes movable, and then blocks are replaced at random, a
// hundred times as many as are live. In the end the movable ones go, as reclaim or migration would take them, until half of the memory is free.
// Counted is the share of free frames that lie in blocks of order 9 and up.

namespace KAlloc.Benchmarks.Pages;

internal static unsafe class Fragmentation
{
    /// <summary>Shares of the free memory in blocks of order 9 and up.</summary>
    /// <param name="Full">While the machine is 70 % full.</param>
    /// <param name="Reclaimed">After movable blocks went.</param>
    internal readonly record struct Shares(double Full, double Reclaimed);

    internal static Shares Run(bool grouping, bool quick, int seed = 1)
    {
        using KernelMemory memory = KernelMemory.Boot(new KernelMemoryOptions
        {
            MemorySize = 256 << 20, Layout = MemoryLayout.Flat, GroupByMobility = grouping, GiveBackAfter = Timeout.InfiniteTimeSpan,
        });
        var random = new Random(seed);
        ulong full = memory.TotalBytes / 10 * 7;
        List<(nint Page, int Order)> movable = [], unmovable = [];
        while (memory.TotalBytes - memory.FreeBytes < full) Add(memory, random, movable, unmovable);
        long replacements = (movable.Count + unmovable.Count) * (quick ? 1L : 100L);
        for (long i = 0; i < replacements; i++)
        {
            List<(nint, int)> list = random.Next(movable.Count + unmovable.Count) < movable.Count ? movable : unmovable;
            Remove(memory, list, random.Next(list.Count));
            if (memory.TotalBytes - memory.FreeBytes < full) Add(memory, random, movable, unmovable);
        }

        double before = Share(memory);
        while (movable.Count > 0 && memory.FreeBytes < memory.TotalBytes / 2) Remove(memory, movable, random.Next(movable.Count));
        while (movable.Count > 0) Remove(memory, movable, movable.Count - 1);
        return new Shares(before, Share(memory));
    }

    private static void Add(KernelMemory memory, Random random, List<(nint, int)> movable, List<(nint, int)> unmovable)
    {
        int order = Math.Min(random.Next(5), random.Next(5));
        bool moves = random.Next(4) != 0;
        Page* page = memory.TryAllocPages((moves ? GfpFlags.Kernel | GfpFlags.Movable : GfpFlags.Kernel) | GfpFlags.NoWarn, order);
        if (page != null) (moves ? movable : unmovable).Add(((nint)page, order));
    }

    private static void Remove(KernelMemory memory, List<(nint Page, int Order)> list, int index)
    {
        memory.FreePages((Page*)list[index].Page, list[index].Order);
        list[index] = list[^1];
        list.RemoveAt(list.Count - 1);
    }

    private static double Share(KernelMemory memory)
    {
        memory.Shrink();
        long free = 0, large = 0;
        foreach (string line in memory.Proc.BuddyInfo().Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            // "Node 0, zone   Normal" and eleven counts.
            long[] counts = [.. line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[4..].Select(long.Parse)];
            for (int order = 0; order < counts.Length; order++)
            {
                free += counts[order] << order;
                if (order >= 9) large += counts[order] << order;
            }
        }

        return free == 0 ? 0 : (double)large / free;
    }
}
