using System.Collections.Concurrent;
using System.Diagnostics;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>
/// Four threads on one small system at its limit: all orders and kinds of request, frees by other threads, a shrinker, draining and giving back all
/// the while. No page is lost, none is handed out twice, and no more than there are. 5 seconds; a minute with <c>KALLOC_LONG=1</c>.
/// </summary>
public unsafe class PageStressTests
{
    private const int Threads = 4;

    private record struct Block(nint Page, int Order, long Stamp);

    /// <summary>The zones of the three layouts, small enough that four threads fill them: high memory begins at 128 MiB.</summary>
    private static MemoryLayout LayoutOf(string name) => name != "X86_32" ? Layout(name) : new MemoryLayout("small X86_32",
        MemoryLayout.X86_32.Zones[0], new ZoneBoundary(ZoneType.Normal, 128 << 20, "a small window"), MemoryLayout.X86_32.Zones[2]);

    [Theory]
    [InlineData("X86_64", BackingKind.Automatic, 5)]
    [InlineData("X86_64", BackingKind.Portable, 5)]
    [InlineData("X86_32", BackingKind.Automatic, 2)]
    [InlineData("Flat", BackingKind.Automatic, 2)]
    public void FourThreadsAtTheLimit_LoseNothing(string layout, BackingKind backing, int shortSeconds)
    {
        int seconds = Environment.GetEnvironmentVariable("KALLOC_LONG") == "1" ? 60 : shortSeconds;
        int seed = Environment.TickCount;
        using KernelMemory memory = KernelMemory.Boot(new KernelMemoryOptions
        {
            MemorySize = 256 << 20, Layout = LayoutOf(layout), Backing = backing, GiveBackAfter = TimeSpan.FromMilliseconds(40),
        });
        var travelling = new ConcurrentQueue<Block>();
        var errors = new ConcurrentQueue<string>();
        long held = 0, operations = 0, end = Stopwatch.GetTimestamp() + (seconds * Stopwatch.Frequency);
        var shrinker = new Shrinker(
            (Shrinker _, ref ShrinkControl _) => (nuint)travelling.Count,
            (Shrinker _, ref ShrinkControl control) =>
            {
                nuint freed = 0;
                for (; freed < control.nr_to_scan && travelling.TryDequeue(out Block block); freed++) Free(block);
                return freed == 0 ? Shrinker.Stop : freed;
            });
        memory.RegisterShrinker(shrinker);
        var threads = new Thread[Threads];
        for (int t = 0; t < Threads; t++)
        {
            int number = t;
            threads[t] = new Thread(() => Work(new Random(seed + number)));
            threads[t].Start();
        }

        while (Stopwatch.GetTimestamp() < end)
        {
            memory.Pages.Drain();
            Thread.Sleep(7);
        }

        foreach (Thread thread in threads) thread.Join();
        memory.UnregisterShrinker(shrinker);

        // Blocks whose memory it just gives back are on no list.
        memory.Pages.StopBackground();
        while (travelling.TryDequeue(out Block block)) Free(block);
        Assert.True(errors.IsEmpty, $"seed {seed}: {string.Join('\n', errors.Take(10))}");
        Sound(memory);
        Assert.Equal(0, held);
        Assert.Equal(memory.TotalBytes, memory.FreeBytes);
        PageInvariantTests.AllInLargestBlocks(memory);
        Assert.True(operations > 10_000, $"{operations} operations");

        void Work(Random random)
        {
            GfpFlags[] kinds = [GfpFlags.Kernel, GfpFlags.Atomic, GfpFlags.NoWait, GfpFlags.Kernel | GfpFlags.Compound, GfpFlags.Kernel | GfpFlags.Movable, GfpFlags.Dma | GfpFlags.Atomic, GfpFlags.NoFs | GfpFlags.NoRetry, GfpFlags.HighUser];
            var live = new List<Block>();
            while (Stopwatch.GetTimestamp() < end && errors.IsEmpty)
            {
                Interlocked.Increment(ref operations);
                if (random.Next(100) < 55)
                {
                    int order = random.Next(50) == 0 ? random.Next(11) : random.Next(4);
                    Page* page = memory.TryAllocPages(kinds[random.Next(kinds.Length)] | GfpFlags.NoWarn, order);
                    if (page != null)
                    {
                        if (Interlocked.Add(ref held, 1L << order) > memory.Memory.Frames) errors.Enqueue("more pages are in use than there are");
                        var block = new Block((nint)page, order, random.NextInt64());
                        long* words = Words(block);
                        if (words != null)
                        {
                            words[0] = block.Stamp;
                            words[(512L << order) - 1] = ~block.Stamp;
                        }

                        live.Add(block);
                        continue;
                    }
                }

                if (live.Count == 0) continue;
                int i = random.Next(live.Count);
                Block old = live[i];
                live[i] = live[^1];
                live.RemoveAt(live.Count - 1);
                if (random.Next(3) == 0) travelling.Enqueue(old);
                else Free(old);
            }

            foreach (Block block in live) Free(block);
            KernelMemory.DetachThread();
        }

        void Free(Block block)
        {
            long* words = Words(block);
            if (words != null && (words[0] != block.Stamp || words[(512L << block.Order) - 1] != ~block.Stamp)) errors.Enqueue($"a block of order {block.Order} was overwritten");
            Interlocked.Add(ref held, -(1L << block.Order));
            memory.FreePages((Page*)block.Page, block.Order);
        }

        // High memory has no address: who has it is counted only.
        long* Words(Block block) => (long*)memory.PageAddress((Page*)block.Page);
    }
}
