using static KAlloc.Linux;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>Random work on caches and kmalloc: contents stay, lists stay sound, and everything goes back to the buddy.</summary>
public unsafe class SlabInvariantTests
{
    public static TheoryData<string, BackingKind> Machines => TestSupport.Machines;

    [Theory]
    [MemberData(nameof(Machines))]
    public void RandomWork_KeepsCachesSound(string layout, BackingKind backing)
    {
        const int Seed = 77;
        var random = new Random(Seed);
        using KernelMemory memory = Boot(layout, backing);
        ulong before = memory.FreeBytes;
        var live = new List<(nint Memory, int Size, byte Stamp)>();
        for (int step = 0; step < 60_000; step++)
        {
            int action = random.Next(10);
            if (action < 5 && live.Count < 3000)
            {
                int size = 1 + random.Next(random.Next(8) == 0 ? 30_000 : 400);
                var block = (nint)memory.Kmalloc((nuint)size, GfpFlags.Kernel);
                live.Add(Stamped(block, size, (byte)step));
            }
            else if (action == 5 && live.Count > 0)
            {
                int i = random.Next(live.Count);
                (nint old, int size, byte stamp) = live[i];
                int larger = 1 + random.Next(600);
                var block = (byte*)memory.Krealloc((void*)old, (nuint)larger, GfpFlags.Kernel);
                Assert.True(new Span<byte>(block, Math.Min(size, larger)).IndexOfAnyExcept(stamp) < 0, $"krealloc lost bytes, seed {Seed}, step {step}");
                live[i] = Stamped((nint)block, larger, stamp);
            }
            else if (live.Count > 0)
            {
                int i = random.Next(live.Count);
                (nint block, int size, byte stamp) = live[i];
                Assert.True(new Span<byte>((void*)block, size).IndexOfAnyExcept(stamp) < 0, $"overlap, seed {Seed}, step {step}");
                memory.Kfree((void*)block);
                live[i] = live[^1];
                live.RemoveAt(live.Count - 1);
            }

            if (step % 6000 == 0) Sound(memory);
        }

        foreach ((nint block, _, _) in live) memory.Kfree((void*)block);
        memory.Shrink();
        Sound(memory);
        Assert.Equal(before, memory.FreeBytes);
        PageInvariantTests.AllInLargestBlocks(memory);
    }

    [Fact]
    public void DoubleFree_AmongOtherFrees_IsCaughtWhereCachesAreDirect()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        var objects = new nint[100];
        for (int i = 0; i < objects.Length; i++) objects[i] = (nint)memory.Kmalloc(96);
        foreach (nint obj in objects) memory.Kfree((void*)obj);
        foreach (nint obj in objects) Bug("Object already free", () => memory.Kfree((void*)obj));
        Sound(memory);
    }

    [Fact]
    public void WriteAfterFree_ThatBreaksTheFreeList_IsReportedAndSurvived()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        void* first = memory.Kmalloc(64);
        void* second = memory.Kmalloc(64);
        memory.Kfree(second);
        memory.Kfree(first);
        new Span<byte>(first, 64).Fill(0xEE);
        void* third = null;
        Assert.Contains("Freechain corrupt", Assert.Single(Reports(() => third = memory.Kmalloc(64))).Text);
        Assert.True(third != null && third != first);
        memory.Kfree(third);
    }

    [Fact]
    public void MemoryPressure_TakesEmptySlabsBack()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic, megabytes: 16);
        var objects = new List<nint>();
        for (void* obj; (obj = memory.TryKmalloc(2000, GfpFlags.Kernel | GfpFlags.NoWarn)) != null;) objects.Add((nint)obj);
        Assert.InRange(objects.Count, 7000, 8192);
        foreach (nint obj in objects) memory.Kfree((void*)obj);
        var pages = new List<nint>();
        for (Page* page; (page = memory.TryAllocPages(GfpFlags.Kernel | GfpFlags.MemAlloc | GfpFlags.NoWarn, 10)) != null;) pages.Add((nint)page);
        Assert.Equal(4, pages.Count);
    }

    [Fact]
    public void ThreadsThatDetach_HandTheirBlocksOn()
    {
        // The blocks of these threads alone: other tests start threads meanwhile, and may take one that was handed on.
        var blocks = new HashSet<nint>();
        for (int i = 0; i < 300; i++)
        {
            var thread = new Thread(() =>
            {
                kfree(kmalloc(40, GFP_KERNEL));
                blocks.Add((nint)CpuBlocks.Current);
                KernelMemory.DetachThread();
            });
            thread.Start();
            thread.Join();
        }

        Assert.InRange(blocks.Count, 1, 100);
    }

    [Fact]
    public void ThreadsThatEnd_HandTheirBlocksOnAfterACollection()
    {
        int before = CpuBlocks.Count;
        for (int i = 0; i < 200; i++)
        {
            var thread = new Thread(() => kfree(kmalloc(40, GFP_KERNEL)));
            thread.Start();
            thread.Join();
            if (i % 20 != 19) continue;
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.InRange(CpuBlocks.Count - before, 0, 100);
    }

    private static (nint Memory, int Size, byte Stamp) Stamped(nint block, int size, byte stamp)
    {
        new Span<byte>((void*)block, size).Fill(stamp);
        return (block, size, stamp);
    }
}
