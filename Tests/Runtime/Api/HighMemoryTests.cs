using static KAlloc.Linux;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>Each rule of kmap, kmap_atomic and kmap_local_page, one test each.</summary>
[Collection("alone")]
public unsafe class HighMemoryTests
{
    public static TheoryData<BackingKind> Backings => new() { BackingKind.Automatic, BackingKind.Portable };

    [Theory]
    [MemberData(nameof(Backings))]
    public void kmap_GivesAHighFrameAnAddress_UntilTheLastKunmap(BackingKind backing)
    {
        using KernelMemory memory = Boot("X86_32", backing);
        Page* high = memory.AllocPages(GfpFlags.HighUser, 0);
        Assert.True(memory.PageAddress(high) == null);
        var address = (int*)memory.Kmap(high);
        Assert.True(memory.PageAddress(high) == address && memory.Kmap(high) == address);
        *address = 77;
        memory.Kunmap(high);
        Assert.True(memory.PageAddress(high) == address);
        Bug("still mapped by kmap", () => memory.FreePages(high, 0));
        memory.Kunmap(high);
        Assert.True(memory.PageAddress(high) == null);
        Bug("not mapped", () => memory.Kunmap(high));
        Assert.Equal(77, *(int*)memory.Kmap(high));
        memory.Kunmap(high);
        memory.FreePages(high, 0);
        Sound(memory);
    }

    [Theory]
    [InlineData(GfpFlags.HighUser)]
    [InlineData(GfpFlags.HighUser | GfpFlags.Compound)]
    public void kmap_OfAPageInsideABlock_HarmsNeitherBlockNorNeighbours(GfpFlags flags)
    {
        using KernelMemory memory = Boot("X86_32", BackingKind.Automatic);

        // A block that was split and merged before: its pages remember links of old.
        var old = new nint[64];
        for (int i = 0; i < old.Length; i++) old[i] = (nint)memory.AllocPages(GfpFlags.HighUser, 0);
        foreach (nint page in old) memory.FreePages((Page*)page, 0);
        Page* block = memory.AllocPages(flags, 4);
        for (int i = 0; i < 16; i++) Assert.True(memory.PageAddress(block + i) == null);
        for (int i = 0; i < 16; i++) *(int*)memory.Kmap(block + i) = i;
        for (int i = 0; i < 16; i++) Assert.Equal(i, *(int*)memory.PageAddress(block + i));
        if ((flags & GfpFlags.Compound) != 0) Assert.True(memory.Memory.HeadOf(block + 5) == block);
        for (int i = 0; i < 16; i++) memory.Kunmap(block + i);
        for (int i = 0; i < 16; i++) Assert.True(memory.PageAddress(block + i) == null);
        memory.FreePages(block, 4);
        Sound(memory);
    }

    [Fact]
    public void kmap_OfALowPage_IsItsAddress()
    {
        page* low = alloc_page(GFP_KERNEL);
        Assert.True(kmap(low) == page_address(low));
        Assert.False(PageHighMem(low));
        kunmap(low);
        __free_page(low);
    }

    [Fact]
    public void kmap_InAtomicContext_IsReported() => Cpu.Run(() =>
    {
        page* page = alloc_page(GFP_KERNEL);
        preempt_disable();
        Bug("sleeping function called from invalid context", () => kmap(page));
        preempt_enable();
        __free_page(page);
    });

    [Fact]
    public void kmap_OfNoPage_IsABug()
    {
        Bug("not a struct page", () => kmap((page*)8));
        Bug("not a struct page", () => kunmap((page*)KernelMemory.Default.Memory.DirectMap));
    }

    [Theory]
    [MemberData(nameof(Backings))]
    public void kmap_WindowOf1024Slots_MakesTheNextOneWait(BackingKind backing)
    {
        using KernelMemory memory = Boot("X86_32", backing);
        var pages = new nint[1025];
        var addresses = new HashSet<nint>();
        for (int i = 0; i < pages.Length; i++) pages[i] = (nint)memory.AllocPages(GfpFlags.HighUser, 0);
        for (int i = 0; i < 1024; i++) addresses.Add((nint)memory.Kmap((Page*)pages[i]));
        Assert.Equal(1024, addresses.Count);

        using var mapped = new ManualResetEventSlim();
        Thread waiter = Cpu.Start(() =>
        {
            *(int*)memory.Kmap((Page*)pages[1024]) = 3;
            mapped.Set();
        });
        Assert.False(mapped.Wait(100));

        // A frame that is mapped needs no slot.
        Assert.True(memory.Kmap((Page*)pages[5]) == memory.PageAddress((Page*)pages[5]));
        memory.Kunmap((Page*)pages[5]);
        Assert.False(mapped.Wait(50));
        memory.Kunmap((Page*)pages[7]);
        Assert.True(mapped.Wait(30_000));
        waiter.Join();
        Assert.True(memory.PageAddress((Page*)pages[7]) == null);
        for (int i = 0; i < pages.Length; i++)
        {
            if (i != 7) memory.Kunmap((Page*)pages[i]);
            memory.FreePages((Page*)pages[i], 0);
        }

        Sound(memory);
    }

    [Fact]
    public void kmap_OfManyFramesInTurn_ShowsEachItsOwnContent()
    {
        using KernelMemory memory = Boot("X86_32", BackingKind.Automatic);
        var pages = new nint[3000];
        for (int i = 0; i < pages.Length; i++)
        {
            pages[i] = (nint)memory.AllocPages(GfpFlags.HighUser, 0);
            *(int*)memory.Kmap((Page*)pages[i]) = i;
            memory.Kunmap((Page*)pages[i]);
        }

        for (int round = 0; round < 2; round++)
        {
            for (int i = 0; i < pages.Length; i += 1 + (round * 6))
            {
                Assert.Equal(i, *(int*)memory.Kmap((Page*)pages[i]));
                memory.Kunmap((Page*)pages[i]);
            }
        }

        foreach (nint page in pages) memory.FreePages((Page*)page, 0);
    }

    [Fact]
    public void kmap_FromSeveralThreads_CountsRight()
    {
        using KernelMemory memory = Boot("X86_32", BackingKind.Automatic);
        var pages = new nint[40];
        for (int i = 0; i < pages.Length; i++) pages[i] = (nint)memory.AllocPages(GfpFlags.HighUser | GfpFlags.Zero, 0);
        Parallel.For(0, 4, worker =>
        {
            var random = new Random(worker);
            for (int i = 0; i < 5000; i++)
            {
                var page = (Page*)pages[random.Next(pages.Length)];
                Interlocked.Increment(ref *(int*)memory.Kmap(page));
                memory.Kunmap(page);
            }
        });
        int sum = 0;
        foreach (nint page in pages)
        {
            Assert.True(memory.PageAddress((Page*)page) == null);
            sum += *(int*)memory.Kmap((Page*)page);
            memory.Kunmap((Page*)page);
            memory.FreePages((Page*)page, 0);
        }

        Assert.Equal(20_000, sum);
    }

    [Fact]
    public void kmap_local_page_IsLastInFirstOut() => Cpu.Run(() =>
    {
        page* one = alloc_page(GFP_KERNEL);
        page* two = alloc_page(GFP_KERNEL);
        void* first = kmap_local_page(one);
        void* second = kmap_local_page(two);
        Assert.Contains("reverse order", Assert.Single(Reports(() => kunmap_local(first))).Text);
        kunmap_local(second);
        Bug("no local mapping", () => kunmap_local(second));
        Bug("no local mapping", () => kunmap_local(first));
        Bug("it takes the address that the mapping call returned, not the page", () => kunmap_local(one));
        __free_page(one);
        __free_page(two);
    });

    [Theory]
    [MemberData(nameof(Backings))]
    public void kmap_local_page_HighFrames_EachDepthHasItsOwnAddress(BackingKind backing)
    {
        using KernelMemory memory = Boot("X86_32", backing);
        var pages = new nint[16];
        var addresses = new nint[16];
        for (int round = 0; round < 3; round++)
        {
            for (int i = 0; i < 16; i++)
            {
                if (round == 0) pages[i] = (nint)memory.AllocPages(GfpFlags.HighUser, 0);
                addresses[i] = (nint)memory.KmapLocal((Page*)pages[round == 2 ? 15 - i : i]);
                if (round == 0) *(int*)addresses[i] = i;
                Assert.Equal(round == 2 ? 15 - i : i, *(int*)addresses[i]);
            }

            Assert.Equal(16, addresses.Distinct().Count());
            if (backing != BackingKind.Portable) Assert.True(memory.PageAddress((Page*)pages[3]) == null, "a local mapping is nobody else's");
            Bug("16 local mappings", () => memory.KmapLocal((Page*)pages[0]));
            for (int i = 15; i >= 0; i--) memory.KunmapLocal((byte*)addresses[i] + 100);
        }

        foreach (nint page in pages) memory.FreePages((Page*)page, 0);
        Sound(memory);
    }

    [Fact]
    public void kmap_local_page_OfAnotherThread_IsNotMine()
    {
        using KernelMemory memory = Boot("X86_32", BackingKind.Automatic);
        Page* page = memory.AllocPages(GfpFlags.HighUser, 0);
        void* mine = memory.KmapLocal(page);
        *(int*)mine = 9;
        Cpu.Run(() =>
        {
            void* other = memory.KmapLocal(page);
            Assert.True(other != mine);
            Assert.Equal(9, *(int*)other);
            Bug("no local mapping of this thread", () => memory.KunmapLocal(mine));
            memory.KunmapLocal(other);
        });
        memory.KunmapLocal(mine);
        memory.FreePages(page, 0);
    }

    [Fact]
    public void kmap_local_page_MaySleep_AndWorksInAnInterrupt() => Cpu.Run(() =>
    {
        page* page = alloc_page(GFP_KERNEL);
        void* address = kmap_local_page(page);
        msleep(1);
        int line = Cpu.NewLine();
        request_irq(line, (_, _) =>
        {
            void* inner = kmap_local_page(page);
            *(int*)inner = 4;
            kunmap_local(inner);
            return irqreturn_t.Handled;
        }, 0, "kmap", null);
        raise_irq(line);
        Assert.Equal(4, *(int*)address);
        free_irq(line, null);
        kunmap_local(address);
        __free_page(page);
    });

    [Fact]
    public void kmap_local_page_LeftOpenByAThreadThatEnded_IsReportedToTheNext()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        Page* page = memory.AllocPages(GfpFlags.Kernel, 0);
        int cpu = -1;
        Cpu.Run(() =>
        {
            memory.KmapLocal(page);
            cpu = raw_smp_processor_id();
            KernelMemory.DetachThread();
        });
        for (int tries = 0; tries < 50; tries++)
        {
            bool same = false;
            Cpu.Run(() =>
            {
                same = raw_smp_processor_id() == cpu;
                List<KernelReport> reports = Reports(() => memory.KunmapLocal(memory.KmapLocal(page)));
                if (same) Assert.Contains("1 local mappings open", Assert.Single(reports).Text);
                KernelMemory.DetachThread();
            });
            if (same) break;
        }

        memory.FreePages(page, 0);
    }

    [Fact]
    public void kmap_atomic_TurnsPreemptionOff_AndIsLastInFirstOut() => Cpu.Run(() =>
    {
        page* one = alloc_page(GFP_KERNEL);
        page* two = alloc_page(GFP_KERNEL);
        void* first = kmap_atomic(one);
        Assert.Equal(1, preempt_count());
        Bug("sleeping function called from invalid context", () => kmalloc(8, GFP_KERNEL));
        void* second = kmap_atomic(two);
        Assert.Equal(2, preempt_count());
        Bug("no local mapping", () => kunmap_atomic(one));
        Assert.Equal(2, preempt_count());
        Assert.Contains("reverse order", Assert.Single(Reports(() => kunmap_atomic(first))).Text);
        kunmap_atomic(second);
        Assert.Equal(0, preempt_count());
        Bug("not a struct page", () => kmap_atomic((page*)8));
        Assert.Equal(0, preempt_count());
        __free_page(one);
        __free_page(two);
    });

    [Fact]
    public void SanityLevel_UnmapsAtOnce()
    {
        if (!OperatingSystem.IsLinux()) return;
        using KernelMemory memory = Boot("X86_32", BackingKind.Memfd, DebugLevel.Sanity);
        Page* page = memory.AllocPages(GfpFlags.HighUser, 0);
        void* shared = memory.Kmap(page);
        Assert.True(IsMapped(shared));
        memory.Kunmap(page);
        Assert.False(IsMapped(shared));
        void* local = memory.KmapLocal(page);
        Assert.True(IsMapped(local));
        memory.KunmapLocal(local);
        Assert.False(IsMapped(local));
        memory.FreePages(page, 0);

        static bool IsMapped(void* address) => ProcessMaps.Within((nuint)address, 1).Exists(mapping => mapping.IsArena);
    }

    [Fact]
    public void clear_highpage_copy_highpage_WorkOnBothKinds()
    {
        page* one = alloc_page(GFP_KERNEL);
        page* two = alloc_page(GFP_HIGHUSER);
        void* address = kmap_local_page(one);
        new Span<byte>(address, PAGE_SIZE).Fill(7);
        copy_highpage(two, one);
        clear_highpage(one);
        Assert.Equal(-1, new Span<byte>(address, PAGE_SIZE).IndexOfAnyExcept((byte)0));
        kunmap_local(address);
        address = kmap_local_page(two);
        Assert.Equal(-1, new Span<byte>(address, PAGE_SIZE).IndexOfAnyExcept((byte)7));
        kunmap_local(address);
        __free_page(one);
        __free_page(two);
    }
}
