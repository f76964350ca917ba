using KAlloc.Runtime.Tests;
using static KAlloc.Linux;

namespace KAlloc.ChildHost;

/// <summary>
/// vmalloc and vfree of random sizes from several threads, each area stamped at both ends. Some areas are freed by another thread, from atomic context, by
/// vfree_atomic, or in an interrupt. Ten times on the way, and at the end, the page tables are held against the process's own maps.
/// </summary>
internal sealed unsafe class VmallocStress(int seed, long operations, int threads)
{
    private const int LiveLimit = 300;
    private const int Phases = 10;

    private readonly record struct Item(nint Memory, long Size, long Stamp);

    private readonly System.Collections.Concurrent.ConcurrentQueue<Item> _travelling = new();
    private readonly List<string> _errors = [];
    private long _nulls;

    internal int Run()
    {
        KernelMemory memory = KernelMemory.Default;
        KernelReports.Reported += report => Fail(report.Text);
        ulong before = memory.FreeBytes;
        int mappingsBefore = ProcessMaps.Within(memory.VmallocSystem.Start, memory.VmallocSystem.Bytes).Count;
        using var barrier = new Barrier(threads, _ => Inspect());
        var workers = new Thread[threads];
        for (int t = 0; t < threads; t++)
        {
            int number = t;
            workers[t] = new Thread(() => Work(number, barrier));
            workers[t].Start();
        }

        foreach (Thread worker in workers) worker.Join();

        memory.Shrink();
        Inspect();
        int areas = memory.VmallocSystem.Areas().Count + memory.VmallocSystem.LazyAreas().Count;
        int mappings = ProcessMaps.Within(memory.VmallocSystem.Start, memory.VmallocSystem.Bytes).Count;
        if (areas != 0) Fail($"{areas} areas are left");
        if (mappings != mappingsBefore) Fail($"{mappings - mappingsBefore} mappings of the range are left");
        if (MappingBudget.Used != 0) Fail($"{MappingBudget.Used} mappings are counted");
        if (memory.VmallocSystem.FreeRanges != 1) Fail($"the free range is in {memory.VmallocSystem.FreeRanges} pieces");
        if (memory.FreeBytes != before) Fail($"{before - memory.FreeBytes} bytes are missing");
        foreach (string error in _errors) Console.WriteLine(error);
        Console.WriteLine($"seed {seed}, {operations} operations, {threads} threads, {_nulls} nulls: {_errors.Count} failures");
        return _errors.Count == 0 ? 0 : 1;
    }

    private void Work(int number, Barrier barrier)
    {
        var random = new Random(seed + number);
        var live = new List<Item>(LiveLimit);
        int line = 40 + number;
        nint interrupted = 0;
        IrqHandler handler = (_, _) =>
        {
            vfree((void*)interrupted);
            return IrqReturn.Handled;
        };
        request_irq(line, handler, 0, "vfree", null);
        for (int phase = 0; phase < Phases; phase++)
        {
            for (long i = 0; i < operations / Phases; i++)
            {
                if (live.Count == 0 || (live.Count < LiveLimit && random.Next(2) == 0)) Allocate(random, live);
                else Free(Take(random, live), random.Next(1000), line, ref interrupted);
            }

            barrier.SignalAndWait();
        }

        foreach (Item item in live) Free(item, 999, line, ref interrupted);
        while (_travelling.TryDequeue(out Item item)) Free(item, 999, line, ref interrupted);
        barrier.SignalAndWait();
        free_irq(line, null);
        KernelMemory.DetachThread();
    }

    private static Item Take(Random random, List<Item> live)
    {
        int index = random.Next(live.Count);
        Item item = live[index];
        live[index] = live[^1];
        live.RemoveAt(live.Count - 1);
        return item;
    }

    private void Allocate(Random random, List<Item> live)
    {
        // Mostly a few pages, sometimes up to 100, rarely 4 MiB.
        int choice = random.Next(1000);
        long size = 1 + random.NextInt64(choice == 0 ? 4 << 20 : choice < 50 ? 100 * PAGE_SIZE : 8 * PAGE_SIZE);
        var memory = (byte*)(choice % 16 == 1 ? __vmalloc(size, GFP_ATOMIC | __GFP_NOWARN) : vmalloc(size));
        if (memory == null)
        {
            Interlocked.Increment(ref _nulls);
            return;
        }

        var item = new Item((nint)memory, size, random.NextInt64());
        *(long*)memory = item.Stamp;
        memory[((size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1L)) - 1] = (byte)item.Stamp;
        live.Add(item);
    }

    private void Free(Item item, int choice, int line, ref nint interrupted)
    {
        var memory = (byte*)item.Memory;
        if (*(long*)memory != item.Stamp || memory[((item.Size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1L)) - 1] != (byte)item.Stamp)
            Fail($"the area of {item.Size} bytes at 0x{item.Memory:x} was overwritten");
        switch (choice)
        {
            case < 50:
                _travelling.Enqueue(item);
                if (_travelling.Count > 64 && _travelling.TryDequeue(out Item other)) Free(other, 999, line, ref interrupted);
                break;
            case < 70:
                preempt_disable();
                vfree_atomic(memory);
                preempt_enable();
                break;
            case < 90:
                interrupted = item.Memory;
                raise_irq(line);
                break;
            default:
                vfree(memory);
                break;
        }
    }

    private void Inspect()
    {
        KernelMemory.Default.VmallocSystem.RunDeferred();
        foreach (string error in KernelMemory.Default.Validate()) Fail(error);
        foreach (string error in ProcessMaps.Compare(KernelMemory.Default)) Fail(error);
    }

    private void Fail(string text)
    {
        lock (_errors)
        {
            if (_errors.Count < 20) _errors.Add(text);
        }
    }
}
