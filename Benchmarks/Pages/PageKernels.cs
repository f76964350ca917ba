// Allocate a batch of blocks, write the first byte of each, free them in the same order. A batch of 1 is the pair that a page set serves; 128 goes
// through a few refills; 16,384 are 64 MiB of single pages. The order is a constant to the compiler, as it is in nearly all code that asks for pages.

using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace KAlloc.Benchmarks.Pages;

internal static unsafe class PageKernels<TSource, TOrder> where TSource : struct, IPageSource where TOrder : struct, IOrder
{
    /// <summary>Nanoseconds for a pair of calls; with several threads, of the slowest.</summary>
    internal static double Run(int batch, int pairs, int threads)
    {
        if (threads == 1) return Timed(batch, pairs);
        var results = new double[threads];
        using var barrier = new Barrier(threads);
        var workers = new Thread[threads];
        for (int t = 0; t < threads; t++)
        {
            int number = t;
            workers[t] = new Thread(() =>
            {
                Work(new nint[batch], batch);
                barrier.SignalAndWait();
                results[number] = Timed(batch, pairs);
            });
            workers[t].Start();
        }

        foreach (Thread worker in workers) worker.Join();
        return results.Max();
    }

    private static double Timed(int batch, int pairs)
    {
        var blocks = new nint[batch];
        long start = Stopwatch.GetTimestamp();
        if (batch == 1) Pairs(pairs);
        else Work(blocks, pairs);
        return Stopwatch.GetElapsedTime(start).TotalNanoseconds / Math.Max(1, pairs / batch * batch);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Pairs(int pairs)
    {
        for (int i = 0; i < pairs; i++)
        {
            byte* block = TSource.Allocate(TOrder.Value);
            *block = 1;
            TSource.Free(block, TOrder.Value);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Work(nint[] blocks, int pairs)
    {
        for (int done = 0; done + blocks.Length <= pairs; done += blocks.Length)
        {
            for (int i = 0; i < blocks.Length; i++)
            {
                byte* block = TSource.Allocate(TOrder.Value);
                *block = 1;
                blocks[i] = (nint)block;
            }

            for (int i = 0; i < blocks.Length; i++) TSource.Free((byte*)blocks[i], TOrder.Value);
        }
    }
}

/// <summary>128 pages at once: alloc_pages_bulk. For the others 128 calls.</summary>
internal static unsafe class BulkKernel
{
    internal const int Pages = 128;

    internal static double Run(int pairs)
    {
        var pages = stackalloc Page*[Pages];
        long start = Stopwatch.GetTimestamp();
        int done = 0;
        for (; done + Pages <= pairs; done += Pages)
        {
            for (int i = 0; i < Pages; i++) pages[i] = null;
            Linux.alloc_pages_bulk(GfpFlags.Kernel, Pages, pages);
            for (int i = 0; i < Pages; i++)
            {
                *(byte*)Linux.page_address(pages[i]) = 1;
                Linux.__free_page(pages[i]);
            }
        }

        return Stopwatch.GetElapsedTime(start).TotalNanoseconds / Math.Max(1, done);
    }
}
