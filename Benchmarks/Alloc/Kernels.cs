// The eight workloads, each a loop of its own that the compiler sees whole. driver.c has the same in C: same random numbers, same order of calls.
//
//   same64     allocate 64 bytes, touch, free                 mix10k     replace a random one of 10,000 live blocks of 16..1024 bytes
//   lifo fifo rand   1000 blocks of 64 bytes, freed            big        the same with 1000 live blocks of 1..8 KiB
//              in that order                                  prodcons   one thread allocates, another frees, in batches of 100
//   larson     2 threads replace random ones of 5000 blocks   indep2     mix10k on 2 threads at once
//              of 8..1000 bytes; every 2500 the array goes to the other thread
//
// A kernel returns nanoseconds; filling and emptying of the live set is not timed. Time of two threads is from the first begin to the last end.

using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace KAlloc.Benchmarks.Alloc;

internal static class Kernels<TAllocator, TBlock> where TAllocator : struct, IAllocator<TBlock>
{
    private const int Batch = 1000;

    /// <summary>Runs a workload and returns nanoseconds for a pair of calls.</summary>
    /// <param name="workload">Its name.</param>
    /// <param name="pairs">Pairs of calls, for each thread.</param>
    /// <param name="shrink">Live blocks are divided by this: 1 to measure, more to compile the code without much memory.</param>
    internal static double Run(string workload, int pairs, int shrink = 1)
    {
        double nanoseconds = workload switch
        {
            "same64" => Timed(() => Same(pairs)),
            "lifo" => TimedBatches(pairs, Orders.Last),
            "fifo" => TimedBatches(pairs, Orders.First),
            "rand" => TimedBatches(pairs, Orders.Random),
            "mix10k" => Mix(10_000 / shrink, 16, 1024, pairs, 1),
            "big" => Mix(1000 / shrink, 1024, 8192, pairs, 1),
            "prodcons" => ProducerConsumer.Run(pairs),
            "larson" => Larson.Run(5000 / shrink, pairs),
            "indep2" => TwoThreads.Run(thread => Prepare(10_000 / shrink, 16, 1024, (ulong)thread + 1), slots => Replace(slots, 16, 1024, pairs, (ulong)slots.Length), Empty),
            _ => throw new ArgumentException($"There is no workload '{workload}'.", nameof(workload)),
        };
        return nanoseconds / pairs;
    }

    private static double Timed(Action action)
    {
        long start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalNanoseconds;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Same(int pairs)
    {
        for (int i = 0; i < pairs; i++)
        {
            TBlock block = TAllocator.Allocate(64);
            Touch(block);
            TAllocator.Free(block);
        }
    }

    private static double TimedBatches(int pairs, int[] order)
    {
        var blocks = new TBlock[Batch];
        return Timed(() =>
        {
            for (int done = 0; done < pairs; done += Batch) OneBatch(blocks, order);
        });
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void OneBatch(TBlock[] blocks, int[] order)
    {
        for (int i = 0; i < blocks.Length; i++)
        {
            TBlock block = TAllocator.Allocate(64);
            Touch(block);
            blocks[i] = block;
        }

        foreach (int i in order) TAllocator.Free(blocks[i]);
    }

    private static double Mix(int live, int smallest, int largest, int pairs, ulong seed)
    {
        TBlock[] slots = Prepare(live, smallest, largest, seed);
        double nanoseconds = Timed(() => Replace(slots, smallest, largest, pairs, seed));
        Empty(slots);
        return nanoseconds;
    }

    private static TBlock[] Prepare(int live, int smallest, int largest, ulong seed)
    {
        var slots = new TBlock[live];
        for (int i = 0; i < live; i++) slots[i] = TAllocator.Allocate(smallest + Orders.Below(Orders.Next(ref seed), (uint)(largest - smallest + 1)));
        return slots;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Replace(TBlock[] slots, int smallest, int largest, int pairs, ulong seed)
    {
        uint sizes = (uint)(largest - smallest + 1);
        for (int i = 0; i < pairs; i++)
        {
            ulong random = Orders.Next(ref seed);
            int slot = Orders.Below(random >> 32, (uint)slots.Length);
            TAllocator.Free(slots[slot]);
            TBlock block = TAllocator.Allocate(smallest + Orders.Below(random, sizes));
            Touch(block);
            slots[slot] = block;
        }
    }

    private static void Empty(TBlock[] slots)
    {
        foreach (TBlock block in slots) TAllocator.Free(block);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Touch(TBlock block)
    {
        if (typeof(TBlock) != typeof(Counting.Size)) TAllocator.Bytes(block, 1)[0] = 1;
    }

    /// <summary>
    /// Starts two threads together and takes the time from the first that begins to the last that is done. They look at the clock themselves: a third thread
    /// that waits for both may come to run, on two cores, when much of the work is done.
    /// </summary>
    private static class TwoThreads
    {
        internal static double Run<TState>(Func<int, TState> prepare, Action<TState> work, Action<TState> finish)
        {
            using var ready = new Barrier(2);
            using var done = new Barrier(2);
            var begun = new long[2];
            var ended = new long[2];
            Thread[] threads = [.. Enumerable.Range(0, 2).Select(number => new Thread(() =>
            {
                TState state = prepare(number);
                ready.SignalAndWait();
                begun[number] = Stopwatch.GetTimestamp();
                work(state);
                ended[number] = Stopwatch.GetTimestamp();
                done.SignalAndWait();
                finish(state);
                TAllocator.ThreadEnds();
            }))];
            foreach (Thread thread in threads) thread.Start();
            foreach (Thread thread in threads) thread.Join();
            return Stopwatch.GetElapsedTime(begun.Min(), ended.Max()).TotalNanoseconds;
        }
    }

    private static class ProducerConsumer
    {
        private const int BatchSize = 100;
        private const int RingSlots = 64;

        internal static double Run(int pairs)
        {
            var ring = new TBlock[RingSlots][];
            for (int i = 0; i < RingSlots; i++) ring[i] = new TBlock[BatchSize];
            var heads = new Positions();
            int batches = Math.Max(1, pairs / BatchSize);
            return TwoThreads.Run(
                number => number,
                number =>
                {
                    if (number == 0) Produce(ring, heads, batches);
                    else Consume(ring, heads, batches);
                },
                _ => { });
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private static void Produce(TBlock[][] ring, Positions at, int batches)
        {
            for (int i = 0; i < batches; i++)
            {
                at.WaitForRoom(i - RingSlots);
                TBlock[] batch = ring[i % RingSlots];
                for (int k = 0; k < batch.Length; k++)
                {
                    batch[k] = TAllocator.Allocate(64);
                    Touch(batch[k]);
                }

                at.Produced(i + 1);
            }
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private static void Consume(TBlock[][] ring, Positions at, int batches)
        {
            for (int i = 0; i < batches; i++)
            {
                at.WaitForBatch(i);
                foreach (TBlock block in ring[i % RingSlots]) TAllocator.Free(block);
                at.Consumed(i + 1);
            }
        }
    }

    private static class Larson
    {
        private const int Epoch = 2500;

        internal static double Run(int live, int pairs)
        {
            // A third array waits in the middle: whoever is done with an epoch takes it and leaves its own.
            TBlock[] middle = Prepare(live, 8, 1000, 3);
            double nanoseconds = TwoThreads.Run(
                number => (Slots: Prepare(live, 8, 1000, (ulong)number + 1), Seed: (ulong)number + 11),
                state =>
                {
                    TBlock[] mine = state.Slots;
                    for (int done = 0; done < pairs; done += Epoch)
                    {
                        Replace(mine, 8, 1000, Epoch, state.Seed + (ulong)done);
                        mine = Interlocked.Exchange(ref middle, mine);
                    }

                    lock (Left) Left.Add(mine);
                },
                _ => { });
            foreach (TBlock[] slots in Left) Empty(slots);
            Empty(middle);
            Left.Clear();
            return nanoseconds;
        }

        private static List<TBlock[]> Left { get; } = [];
    }
}
