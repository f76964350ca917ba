using static KAlloc.Linux;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>The inlined hit paths of single pages on the default system: what they give, what they refuse, what they leave to the slow path.</summary>
[Collection("alone")]
public unsafe class HotPageTests
{
    /// <summary>A thread of its own, so that its stacks are known to be empty at the start.</summary>
    private static void OnNewThread(Action action)
    {
        Exception? error = null;
        var thread = new Thread(() =>
        {
            error = Record.Exception(action);
            KernelMemory.DetachThread();
        });
        thread.Start();
        thread.Join();
        if (error is not null) throw new InvalidOperationException(error.ToString());
    }

    private static PageSet* NormalSet => (PageSet*)CpuBlocks.Current->NormalPageSet;

    /// <summary>Puts a page on each stack, after the default system has got its populated blocks.</summary>
    private static void Fill()
    {
        __free_page(alloc_page(GFP_KERNEL));
        SpinWait.SpinUntil(() => NormalSet->AtomicStack == (int)MigrateType.Reserve, TimeSpan.FromSeconds(10));
        __free_page(alloc_page(GFP_ATOMIC));
        __free_page(alloc_page(GFP_KERNEL | __GFP_MOVABLE));
    }

    [Fact]
    public void FreedPage_IsTheNextOne_AndLooksNew()
    {
        page* page = alloc_page(GFP_KERNEL);
        Assert.True(NormalSet != null);
        set_page_private(page, 5);
        SetPageDirty(page);
        ClearPageDirty(page);
        __free_page(page);
        Assert.Equal((ulong)PageFlags.PageSet, page->State);
        Assert.True(Hits.Allocate(GFP_KERNEL) == page);
        Assert.Equal((Page.OneUser, 0UL, 0UL, (nuint)0), (page->State, page->Shape, page->Links, page->Private));
        Assert.Equal((nuint)page_address(page), ByAddress.Of(page));
        Assert.True(Hits.Free(page));
    }

    [Theory]
    [InlineData(GfpFlags.Kernel, true)]
    [InlineData(GfpFlags.Atomic, true)]
    [InlineData(GfpFlags.NoWait, true)]
    [InlineData(GfpFlags.Kernel | GfpFlags.Movable, true)]
    [InlineData(GfpFlags.Kernel | GfpFlags.Zero, false)]
    [InlineData(GfpFlags.Kernel | GfpFlags.Dma, false)]
    [InlineData(GfpFlags.Kernel | GfpFlags.Dma32, false)]
    [InlineData(GfpFlags.HighUser, false)]
    [InlineData(GfpFlags.KernelAccount, false)]
    [InlineData(GfpFlags.Kernel | GfpFlags.Cold, false)]
    [InlineData(GfpFlags.Kernel | GfpFlags.Movable | GfpFlags.Reclaimable, false)]
    public void Hit_IsForPlainFlagsOnly(GfpFlags flags, bool hit)
    {
        Fill();
        page* page = Hits.Allocate(flags);
        Assert.Equal(hit, page != null);
        if (page != null) __free_page(page);
    }

    [Fact]
    public void MovableAndReclaimableThreads_HaveStacksOfTheirOwn()
    {
        page* plain = alloc_page(GFP_KERNEL), movable = alloc_page(GFP_KERNEL | __GFP_MOVABLE);
        __free_page(plain);
        __free_page(movable);
        page* again = Hits.Allocate(GFP_KERNEL | __GFP_MOVABLE);
        Assert.True(again == movable);
        Assert.Equal((byte)MigrateType.Movable, again->MigrateType);
        Assert.True(Hits.Allocate(GFP_KERNEL) == plain);
        __free_page(plain);
        __free_page(again);
    }

    [Fact]
    public void WrongFree_IsNotAHit_AndChangesNothing()
    {
        page* page = alloc_page(GFP_KERNEL), block = alloc_pages(GFP_KERNEL, 1), compound = alloc_pages(GFP_KERNEL | __GFP_COMP, 1);
        void* small = kmalloc(100, GFP_KERNEL);
        nuint address = (nuint)page_address(page);
        get_page(page);
        Refused(page);
        put_page(page);
        SetPageDirty(page);
        Refused(page);
        ClearPageDirty(page);
        page->MapCount = 1;
        Refused(page);
        page->MapCount = 0;
        page->Owner = 1;
        Refused(page);
        page->Owner = 0;
        Refused(block);
        Refused(block + 1);
        Refused(compound);
        Refused(compound + 1);
        Refused(virt_to_page(small));
        Refused((page*)((nuint)page + 8));
        Refused(KernelMemory.Default.Memory.MemMap + KernelMemory.Default.Memory.Frames);
        Refused(KernelMemory.Default.Memory.MemMap - 1);
        Refused(null);
        Assert.False(Hits.FreeAt(address + 8));
        Assert.False(Hits.FreeAt(0));
        Assert.False(Hits.FreeAt(unchecked((nuint)DefaultMap.PageOffset) - 4096));
        Assert.False(Hits.FreeAt(unchecked((nuint)DefaultMap.PageOffset) + ((nuint)KernelMemory.Default.Memory.Frames << PAGE_SHIFT)));
        Assert.True(Hits.FreeAt(address));
        Refused(page);
        Bug("it is free", () => free_page(address));
        kfree(small);
        __free_pages(block, 1);
        __free_pages(compound, 1);

        static void Refused(page* page)
        {
            int before = NormalSet->Count;
            Assert.False(Hits.Free(page));
            Assert.Equal(before, NormalSet->Count);
        }
    }

    [Fact]
    public void NoHit_WhereTheThreadMustNotSleep()
    {
        Fill();
        preempt_disable();
        try
        {
            Assert.True(Hits.Allocate(GFP_KERNEL) == null);
            page* page = Hits.Allocate(GFP_ATOMIC);
            Assert.True(page != null);
            Assert.True(Hits.Free(page));
        }
        finally
        {
            preempt_enable();
        }
    }

    [Fact]
    public void Stacks_AreCountedAsFree_AndBounded() => OnNewThread(() =>
    {
        const int Pages = 5000;
        KernelMemory memory = KernelMemory.Default;
        var pages = stackalloc page*[Pages];
        for (int i = 0; i < Pages; i++) pages[i] = alloc_page(GFP_KERNEL);
        ulong free = memory.FreeBytes;
        for (int i = 0; i < Pages; i++) __free_page(pages[i]);
        Assert.Equal((ulong)Pages << PAGE_SHIFT, memory.FreeBytes - free);
        PageSet* set = NormalSet;
        Assert.InRange(set->Count, 1, set->High + (Mobility.SetTypes * set->Capacity));
        int listed = set->Listed;
        Assert.InRange(set->Count - listed, 1, Mobility.SetTypes * set->Capacity);
        memory.Pages.Drain();
        Assert.Equal(0, set->Count);
        Sound(memory);
    });

    [Fact]
    public void Stack_KeepsTheWarmestPages_AndGivesEachOnce() => OnNewThread(() =>
    {
        const int Pages = 1000;
        var pages = new nint[Pages];
        var random = new Random(5);
        for (int round = 0; round < 50; round++)
        {
            int count = random.Next(1, Pages);
            for (int i = 0; i < count; i++)
            {
                pages[i] = (nint)alloc_page(GFP_KERNEL);
                *(nint*)page_address((page*)pages[i]) = pages[i];
            }

            Assert.Equal(count, pages.Take(count).Distinct().Count());
            for (int i = 0; i < count; i++) Assert.Equal(pages[i], *(nint*)page_address((page*)pages[i]));
            random.Shuffle(pages.AsSpan(0, count));
            for (int i = 0; i < count; i++) __free_page((page*)pages[i]);
            page* last = alloc_page(GFP_KERNEL);
            Assert.Equal(pages[count - 1], (nint)last);
            __free_page(last);
        }

        Sound(KernelMemory.Default);
    });

    [Fact]
    public void PageOnTwoStacks_IsGivenToOneUser_AndReported() => OnNewThread(() =>
    {
        // What two threads leave behind that free one page within the same nanoseconds: neither saw the other's store.
        page* page = alloc_page(GFP_KERNEL);
        Assert.True(Hits.Free(page));
        page->State = Page.OneUser;
        Assert.True(Hits.Free(page));
        Assert.True(alloc_page(GFP_KERNEL) == page);
        page* other = null;
        List<KernelReport> reports = Reports(() => Record.Exception(() => other = alloc_page(GFP_KERNEL)));
        Assert.Contains("two threads freed it at the same time", Assert.Single(reports).Text);
        Assert.True(other != page);
        Assert.Equal(1, page_count(page));
        __free_page(page);
        KernelMemory.Default.Pages.Drain();
        Sound(KernelMemory.Default);
    });

    [Fact]
    public void PageOnTwoStacks_IsDroppedByADrain() => OnNewThread(() =>
    {
        page* page = alloc_page(GFP_KERNEL);
        Assert.True(Hits.Free(page));
        page->State = Page.OneUser;
        KernelMemory.Default.Pages.Drain();
        Assert.Equal(1, page_count(page));
        Sound(KernelMemory.Default);
        Record.Exception(() => __free_page(alloc_pages(GFP_KERNEL, 1)));
        __free_page(page);
    });

    [Fact]
    public void Drain_TakesPagesFromHitPaths_WhileTheyRun()
    {
        using var stop = new CancellationTokenSource();
        var threads = new Thread[3];
        long[] pairs = new long[threads.Length];
        Exception? error = null;
        for (int t = 0; t < threads.Length; t++)
        {
            int number = t;
            threads[t] = new Thread(() =>
            {
                error ??= Record.Exception(() => Work(number));
                KernelMemory.DetachThread();
            });
            threads[t].Start();
        }

        for (int i = 0; i < 3000; i++) KernelMemory.Default.Pages.Sets.DrainAll();
        stop.Cancel();
        foreach (Thread thread in threads) thread.Join();
        Assert.Null(error);
        Assert.All(pairs, count => Assert.True(count > 0));
        Sound(KernelMemory.Default);

        void Work(int number)
        {
            const int Held = 40;
            var held = stackalloc nuint[Held];
            for (int i = 0; i < Held; i++) held[i] = 0;
            for (int i = 0; !stop.IsCancellationRequested; i = (i + 7) % Held)
            {
                nuint address = held[i];
                if (address != 0)
                {
                    if (*(nuint*)address != (address ^ (nuint)number)) throw new InvalidOperationException("two threads have one page");
                    free_page(address);
                }

                address = held[i] = __get_free_page(GFP_KERNEL);
                *(nuint*)address = address ^ (nuint)number;
                pairs[number]++;
            }

            for (int i = 0; i < Held; i++) free_page(held[i]);
        }
    }

    [Fact]
    public void PageFreedByAnotherThread_ServesThatThread() => OnNewThread(() =>
    {
        page* page = alloc_page(GFP_KERNEL);
        nint address = (nint)page;
        OnNewThread(() =>
        {
            alloc_page(GFP_KERNEL);
            __free_page((page*)address);
            Assert.Equal(address, (nint)alloc_page(GFP_KERNEL));
            __free_page((page*)address);
        });
        Sound(KernelMemory.Default);
    });

    [Fact]
    public void SystemThatChecksEachCall_HasNoStacks()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic, DebugLevel.Sanity);
        Page* page = memory.AllocPages(GfpFlags.Kernel, 0);
        memory.FreePages(page, 0);
        PageSet* set = memory.Pages.Sets.OfAny(ThisCpu.Block->Execution.Cpu);
        Assert.Equal((0, true), (set->Capacity, set->Count > 0));
        Assert.Equal(set->Listed, set->Count);
        Assert.True(memory.AllocPages(GfpFlags.Kernel, 0) == page);
        memory.FreePages(page, 0);
        Assert.Equal(memory.TotalBytes, memory.FreeBytes);
    }

    /// <summary>The hit paths with slow paths that only say that they were reached.</summary>
    private static class Hits
    {
        internal static Page* Allocate(GfpFlags flags) => (Page*)HotPages.Allocate<OnlyHits<ByPage>>(flags, 0);

        internal static bool Free(Page* page) => Free<ByPage>((nuint)page);

        internal static bool FreeAt(nuint address) => Free<ByAddress>(address);

        private static bool Free<TName>(nuint name) where TName : struct, IPageName
        {
            OnlyHits<TName>.t_missed = false;
            HotPages.Free<OnlyHits<TName>>(name, 0);
            return !OnlyHits<TName>.t_missed;
        }
    }

    private readonly struct OnlyHits<TName> : IPageName where TName : struct, IPageName
    {
        [ThreadStatic]
        internal static bool t_missed;

        public static nuint Of(Page* page) => TName.Of(page);

        public static bool IsAligned(nuint name) => TName.IsAligned(name);

        public static nuint OffsetOf(nuint name) => TName.OffsetOf(name);

        public static nuint AllocateSlow(GfpFlags flags, int order) => 0;

        public static void FreeSlow(nuint name, int order) => t_missed = true;
    }
}
