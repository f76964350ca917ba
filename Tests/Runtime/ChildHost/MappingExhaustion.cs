using static KAlloc.Linux;

namespace KAlloc.ChildHost;

/// <summary>
/// Areas of one page until vmalloc says null: before the process itself runs out of mappings, so that garbage collection, new threads and everything else
/// go on. What was freed can be had again.
/// </summary>
internal static unsafe class MappingExhaustion
{
    internal static int Run()
    {
        ulong before = KernelMemory.Default.FreeBytes;
        var areas = new List<nint>();
        for (void* area; (area = vmalloc(PAGE_SIZE)) != null;) areas.Add((nint)area);
        Console.WriteLine($"{areas.Count} areas");
        var garbage = new List<byte[]>();
        for (int i = 0; i < 200; i++) garbage.Add(new byte[1 << 20]);
        GC.Collect();
        var thread = new Thread(() => garbage.Clear());
        thread.Start();
        thread.Join();
        for (int i = 0; i < 100; i++) vfree((void*)areas[i]);
        for (int i = 0; i < 100; i++) areas[i] = (nint)vmalloc(2 * PAGE_SIZE);
        bool again = areas.TrueForAll(area => area != 0);
        foreach (nint area in areas) vfree((void*)area);
        KernelMemory.Default.Shrink();
        foreach (string error in KernelMemory.Default.Validate()) Console.WriteLine(error);
        Console.WriteLine($"again: {again}, missing: {before - KernelMemory.Default.FreeBytes}, mappings: {MappingBudget.Used}");
        return again && areas.Count > 15_000 && before == KernelMemory.Default.FreeBytes && MappingBudget.Used == 0 && KernelMemory.Default.Validate().Count == 0 ? 0 : 1;
    }
}
