// Grouping by mobility: pages that stay put are kept together, so that the rest can become large blocks again.
//
//   page block (2 MiB) of type     Unmovable | Movable | Reclaimable | HighAtomic | Reserve
//   a request of a type            its own blocks first, then those of the fallbacks, in this order:
//     Unmovable    ->  Reclaimable, Movable
//     Movable      ->  Reclaimable, Unmovable
//     Reclaimable  ->  Unmovable, Movable
//
// HighAtomic blocks are kept for requests of order > 0 that may not wait; they are nobody's fallback. Reserve blocks have memory behind every frame:
// requests of high priority that may not wait take from them first, all others last. (Kernels before 4.4 had MIGRATE_RESERVE, without memory.) Kernel concept: enum migratetype, gfp_migratetype.

namespace KAlloc;

/// <summary>What a page block holds (the kernel's <c>enum migratetype</c>).</summary>
internal enum MigrateType : byte
{
    /// <summary>Pages whose address is known to somebody: the default.</summary>
    Unmovable,

    /// <summary>Pages whose content may be moved.</summary>
    Movable,

    /// <summary>Pages that a shrinker can free.</summary>
    Reclaimable,

    /// <summary>Kept for large requests that may not wait.</summary>
    HighAtomic,

    /// <summary>Populated, for requests that may not wait.</summary>
    Reserve,
}

internal static class Mobility
{
    /// <summary>Number of types that have free lists.</summary>
    internal const int Types = 5;

    /// <summary>With fewer page blocks than this there is nothing to group.</summary>
    internal const int LeastBlocks = 4;

    /// <summary>Types of which threads keep pages; the number of lists for each order of a page set.</summary>
    internal const int SetTypes = 3;

    /// <summary>Order of a page block: 2 MiB, the size of a huge page.</summary>
    internal const int BlockOrder = 9;

    internal const uint BlockFrames = 1u << BlockOrder;

    private static ReadOnlySpan<byte> Fallbacks => [2, 1, 2, 0, 0, 1];

    /// <summary>The type of a request. Both bits at once make no sense and count as none.</summary>
    internal static MigrateType Of(GfpFlags flags)
    {
        uint bits = ((uint)flags >> 3) & 3;
        return bits == 3 ? MigrateType.Unmovable : (MigrateType)bits;
    }

    /// <summary>The first or second (0 or 1) type that serves requests of another.</summary>
    internal static MigrateType Fallback(MigrateType type, int choice) => (MigrateType)Fallbacks[((int)type * 2) + choice];

    /// <summary>Whether blocks of a type merge with no others.</summary>
    internal static bool StaysApart(MigrateType type) => type >= MigrateType.HighAtomic;

    /// <summary>Name as <c>/proc/pagetypeinfo</c> prints it.</summary>
    internal static string NameOf(MigrateType type) => type.ToString();
}
