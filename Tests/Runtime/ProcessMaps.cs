using System.Globalization;

namespace KAlloc.Runtime.Tests;

/// <summary>What the system says of this process's address space (<c>/proc/self/maps</c>), and whether KAlloc's page tables agree.</summary>
internal static unsafe class ProcessMaps
{
    internal readonly record struct Mapping(ulong Start, ulong End, ulong Offset, bool IsArena);

    /// <summary>The mappings that touch a range, lowest first.</summary>
    internal static List<Mapping> Within(nuint start, nuint bytes)
    {
        var list = new List<Mapping>();
        foreach (string line in File.ReadLines("/proc/self/maps"))
        {
            string[] fields = line.Split(' ', 6);
            string[] range = fields[0].Split('-');
            ulong first = Hex(range[0]), end = Hex(range[1]);
            if (first < start + bytes && end > start) list.Add(new Mapping(first, end, Hex(fields[2]), fields[5].Contains("kalloc-arena", StringComparison.Ordinal)));
        }

        return list;
    }

    /// <summary>
    /// Every page that the system maps in the vmalloc range belongs to an area, shows the frame that the page table says, and every page of every area is
    /// mapped. Freed areas may be mapped until they are purged; the walk leads nowhere there.
    /// </summary>
    internal static List<string> Compare(KernelMemory memory)
    {
        var errors = new List<string>();
        VmallocSpace space = memory.VmallocSystem;
        var expected = new Dictionary<ulong, bool>();
        foreach (VmallocArea area in space.Areas()) Enter(expected, memory, area, isUsed: true);
        foreach (VmallocArea area in space.LazyAreas()) Enter(expected, memory, area, isUsed: false);
        foreach (Mapping mapping in Within(space.Start, space.Bytes))
        {
            if (!mapping.IsArena) continue;
            for (ulong address = mapping.Start; address < mapping.End; address += memory.Memory.PageSize)
            {
                PageTranslation walk = memory.PageTable.Translate((void*)address);
                if (!expected.Remove(address, out bool isUsed)) errors.Add($"0x{address:x} is mapped and in no area");
                else if (isUsed != walk.IsMapped) errors.Add($"{walk}, but the area is {(isUsed ? "in use" : "freed")}");
                else if (isUsed && walk.PhysicalAddress != mapping.Offset + (address - mapping.Start)) errors.Add($"{walk}, but the system maps offset 0x{mapping.Offset + (address - mapping.Start):x}");
            }
        }

        foreach (ulong address in expected.Keys) errors.Add($"0x{address:x} is in an area and not mapped");
        return errors;
    }

    private static void Enter(Dictionary<ulong, bool> expected, KernelMemory memory, VmallocArea area, bool isUsed)
    {
        for (uint i = 0; i < area.PageCount; i++) expected.Add(area.Address + (i * memory.Memory.PageSize), isUsed);
    }

    private static ulong Hex(string text) => ulong.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
