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

    /// <summary>
    /// Somebody else uses up the mappings that the process may have, so that the system refuses one in the middle of an area. A few are left for the runtime.
    /// </summary>
    internal static int Refused()
    {
        const int Left = 12;
        var reports = new List<string>(8);
        KernelReports.Reported += report => reports.Add(report.Text);

        // Every path is run once while mappings are to be had: compiling needs some.
        using KernelMemory memory = KernelMemory.Boot(new KernelMemoryOptions { Layout = MemoryLayout.Flat, MemorySize = 64 << 20 });
        var pages = new Page*[64];
        memory.Pages.StopBackground();
        Page* block = memory.AllocPages(GfpFlags.Kernel, 7);
        for (int i = 0; i < pages.Length; i++) pages[i] = block + (2 * i);
        void* first = Show();
        memory.Vunmap(first);
        memory.VmallocSystem.Allocate(1 << 30, GfpFlags.Kernel);
        byte* trial = AddressSpace.Reserve(8192);
        AddressSpace.Protect(trial, 4096, accessible: false);
        AddressSpace.Release(trial, 8192);
        reports.Clear();
        ulong before = memory.FreeBytes;
        long used = MappingBudget.Used;

        const nuint Bytes = 1 << 30;
        byte* range = AddressSpace.Reserve(Bytes);
        nuint at = 0;
        while (at < Bytes && AddressSpace.Protect(range + at, 4096, accessible: false)) at += 8192;
        for (nuint undo = 0; undo < Left * 8192; undo += 8192) AddressSpace.Protect(range + undo, 4096, accessible: true);
        void* refused = Show();
        AddressSpace.Release(range, Bytes);

        bool told = reports is [var text] && text.Contains("the system refuses the mapping");
        bool kept = MappingBudget.Used == used && memory.FreeBytes == before && memory.Validate().Count == 0 && memory.VmallocSystem.FreeRanges == 1;
        void* again = Show();
        bool well = again != null && *(int*)again == *(int*)memory.PageAddress(pages[0]);
        memory.Vunmap(again);
        Console.WriteLine($"{at / 8192} splits; refused: {refused == null}, told: {told}, kept: {kept}, again: {well}\n{string.Join('\n', reports)}");
        return refused == null && told && kept && well ? 0 : 1;

        void* Show()
        {
            fixed (Page** list = pages) return memory.VmallocSystem.Map(list, (uint)pages.Length, AreaKind.Vmap);
        }
    }
}
