// How many mappings the process may still make. A system allows a process some 65,000 in all (vm.max_map_count), and the CLR must never meet that
// limit because of KAlloc: so KAlloc counts its own, of all memory systems together, and refuses before.
//
// What is counted is an upper bound: a run of frames is one mapping, the guard page behind an area another.
// Cost: one interlocked addition. Kernel concept: mm->map_count, sysctl_max_map_count.

namespace KAlloc;

internal static class MappingBudget
{
    /// <summary>Left to everybody else: a large .NET program has some 2,000.</summary>
    private const int Reserve = 8192;

    private static readonly long s_limit = ReadLimit();
    private static long s_used;

    /// <summary>Mappings KAlloc may have.</summary>
    internal static long Limit => s_limit;

    /// <summary>Mappings KAlloc has, at most.</summary>
    internal static long Used => Volatile.Read(ref s_used);

    /// <summary>Counts mappings that are about to be made; false, and nothing is counted, if they are too many.</summary>
    internal static bool TryTake(uint mappings)
    {
        if (Interlocked.Add(ref s_used, mappings) <= s_limit) return true;
        Interlocked.Add(ref s_used, -(long)mappings);
        return false;
    }

    internal static void Give(uint mappings) => Interlocked.Add(ref s_used, -(long)mappings);

    private static long ReadLimit()
    {
        const long SystemDefault = 65_530;
        long limit = SystemDefault;
        try
        {
            if (OperatingSystem.IsLinux() && long.TryParse(File.ReadAllText("/proc/sys/vm/max_map_count"), out long read)) limit = read;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // No /proc: what the system ships with.
        }

        return Math.Max(limit - Reserve, limit / 2);
    }
}
