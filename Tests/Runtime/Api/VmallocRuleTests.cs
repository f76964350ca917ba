using static KAlloc.Linux;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>Each rule of the kernel's vmalloc, one test each.</summary>
[Collection("alone")]
public unsafe class VmallocRuleTests
{
    private const int Huge = 2 << 20;

    [Fact]
    public void FreshArena_1024FramesAreOneOrFewRuns()
    {
        using KernelMemory memory = Boot("X86_64", BackingKind.Automatic);
        var area = (byte*)memory.Vmalloc(1024 * PAGE_SIZE);
        int runs = 1;
        for (int i = 1; i < 1024; i++)
        {
            if (memory.VmallocToPage(area + (i * PAGE_SIZE)) != memory.VmallocToPage(area + ((i - 1) * PAGE_SIZE)) + 1) runs++;
        }

        Assert.InRange(runs, 1, 40);
        memory.Vfree(area);
    }

    [Fact]
    public void Frames_ComeFromHighMemoryFirst()
    {
        using KernelMemory memory = Boot("X86_32", BackingKind.Automatic, megabytes: 8);
        var high = (byte*)memory.Vmalloc(6 << 20);
        if (memory.VmallocSystem.Aliases)
        {
            for (int i = 0; i < 6 << 20; i += PAGE_SIZE) Assert.True(memory.HighMemory.IsHigh(memory.VmallocToPage(high + i)));
        }

        // What high memory does not have comes from low memory.
        var rest = (byte*)memory.Vmalloc(6 << 20);
        int inHigh = 0;
        for (int i = 0; i < 6 << 20; i += PAGE_SIZE) inHigh += memory.HighMemory.IsHigh(memory.VmallocToPage(rest + i)) ? PAGE_SIZE : 0;

        // All of it but the zone's reserve.
        const int Reserve = 48 * PAGE_SIZE;
        if (memory.VmallocSystem.Aliases) Assert.InRange(inHigh, (2 << 20) - Reserve, 2 << 20);
        else Assert.Equal(0, inHigh);
        memory.Vfree(rest);
        memory.Vfree(high);
    }

    [Fact]
    public void vmalloc_32_StaysBelow4GiB_AndOutOfHighMemory()
    {
        using KernelMemory memory = Boot("X86_32", BackingKind.Automatic);
        void* cached = memory.Vmalloc(PAGE_SIZE);
        memory.Vfree(cached);
        void* area = memory.VmallocSystem.Allocate(PAGE_SIZE, GfpFlags.Dma32 | GfpFlags.Kernel);
        Assert.False(memory.HighMemory.IsHigh(memory.VmallocToPage(area)));
        memory.Vfree(area);
    }

    [Fact]
    public void vmalloc_user_IsZeroedAndMarked()
    {
        void* dirty = vmalloc(PAGE_SIZE);
        new Span<byte>(dirty, PAGE_SIZE).Fill(0xFF);
        vfree(dirty);
        void* area = vmalloc_user(PAGE_SIZE);
        Assert.Equal(-1, new Span<byte>(area, PAGE_SIZE).IndexOfAnyExcept((byte)0));
        Assert.Contains($"0x{(nuint)area:x16}-0x{(nuint)area + 8192:x16}    8192 pages=1 vmalloc user N0=1\n", KernelMemory.Default.Proc.VmallocInfo());
        vfree(area);
        void* again = vmalloc(PAGE_SIZE);
        Assert.Contains($"0x{(nuint)again:x16}-0x{(nuint)again + 8192:x16}    8192 pages=1 vmalloc N0=1\n", KernelMemory.Default.Proc.VmallocInfo());
        vfree(again);
    }

    [Fact]
    public void WrongFlags_AreFixedUpWithAWarning()
    {
        void* area = null;
        List<KernelReport> reports = Reports(() => area = __vmalloc(PAGE_SIZE, GFP_KERNEL | __GFP_HIGHMEM | __GFP_COMP));
        Assert.Equal("Unexpected gfp: 0x40002 (__GFP_HIGHMEM|__GFP_COMP). Fixing up to gfp: 0xcc0 (GFP_KERNEL). Fix your code!", Assert.Single(reports).Text);
        vfree(area);
        Assert.Empty(Reports(() => area = __vmalloc(PAGE_SIZE, GFP_KERNEL | __GFP_ZERO | __GFP_NOFAIL)));
        vfree(area);
        Assert.Empty(Reports(() => area = __vmalloc(PAGE_SIZE, GFP_NOFS | __GFP_ACCOUNT)));
        vfree(area);
    }

    [Fact]
    public void NonBlockingFlags_WorkUnderASpinLock_BlockingOnesAreReported() => Cpu.Run(() =>
    {
        spinlock_t guard = default;
        spin_lock(ref guard);
        void* area = __vmalloc(PAGE_SIZE, GFP_ATOMIC);
        Assert.True(area != null);
        Bug("sleeping function called from invalid context", () => __vmalloc(PAGE_SIZE, GFP_KERNEL));
        Bug("sleeping function called from invalid context", () => vmalloc(PAGE_SIZE));
        Bug("sleeping function called from invalid context", () => vfree(area));
        spin_unlock(ref guard);
        vfree(area);
    });

    [Fact]
    public void Interrupt_MayFreeButNotAllocate() => Cpu.Run(() =>
    {
        void* area = vmalloc(3 * PAGE_SIZE);
        int line = Cpu.NewLine();
        request_irq(line, (_, _) =>
        {
            vfree(area);
            Bug("nonexistent vm area", () => vfree(area));
            Bug("vmalloc in interrupt context", () => __vmalloc(PAGE_SIZE, GFP_ATOMIC));
            Bug("sleeping function", () => vunmap(area));
            return irqreturn_t.Handled;
        }, 0, "vfree", null);
        raise_irq(line);
        Assert.True(!KernelMemory.Default.VmallocSystem.Aliases || vmalloc_to_page(area) == null || KernelMemory.Default.PageTable.Translate(area).Kind == MappingKind.None);
        free_irq(line, null);
        KernelMemory.Default.VmallocSystem.RunDeferred();
        Assert.Empty(KernelMemory.Default.Validate());
    });

    [Fact]
    public void Vmap_RefusesNoGuard_AndTellsRamRangesApart()
    {
        if (!KernelMemory.Default.VmallocSystem.Aliases) return;
        page* block = alloc_pages(GFP_KERNEL, 2);
        page** pages = stackalloc page*[] { block, block + 3, block + 1 };
        void* range = null;
        Assert.Contains("0x40 are not supported", Assert.Single(Reports(() => range = vmap((page**)pages, 3, VM_MAP | VM_NO_GUARD, PAGE_KERNEL))).Text);
        Assert.Contains($"0x{(nuint)range:x16}-0x{(nuint)range + 16384:x16}   16384 vmap\n", KernelMemory.Default.Proc.VmallocInfo());
        Bug("made by vmap: use vunmap", () => vm_unmap_ram(range, 3));
        vunmap(range);
        Assert.True(vmalloc_to_page(range) == null);
        range = vm_map_ram(pages, 3, 0);
        Assert.Contains("   16384 vm_map_ram\n", KernelMemory.Default.Proc.VmallocInfo());
        Bug("made with 3 pages", () => vm_unmap_ram(range, 2));
        Bug("made by vm_map_ram: use vm_unmap_ram", () => vunmap(range));
        vm_unmap_ram(range, 3);
        Bug("nonexistent vm area", () => vm_unmap_ram(range, 3));
        Assert.True(vmap(pages, 0, VM_MAP, PAGE_KERNEL) == null);
        pages[1] = (page*)((byte*)block + 1);
        Bug("entry 1", () => vmap((page**)pages, 3, VM_MAP, PAGE_KERNEL));
        __free_pages(block, 2);
    }

    [Fact]
    public void FreedArea_IsTakenAgainAsItWas_ButNotWhenAFrameIsStillHeld()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        if (!memory.VmallocSystem.Aliases) return;
        void* first = memory.Vmalloc(4 * PAGE_SIZE);
        Page* frame = memory.VmallocToPage(first);
        memory.Vfree(first);
        Assert.True(memory.VmallocToPage(first) == null);
        Bug("was freed", () => memory.Vfree(first));
        Assert.True(memory.Vmalloc(4 * PAGE_SIZE) == first && memory.VmallocToPage(first) == frame);

        // A reference of somebody else outlives the area: the frame must not come back with the next one.
        memory.Pages.Get(frame);
        memory.Vfree(first);
        Assert.Empty(memory.VmallocSystem.LazyAreas());
        void* second = memory.Vmalloc(4 * PAGE_SIZE);
        Assert.True(memory.VmallocToPage(second) != frame);
        *(int*)memory.PageAddress(frame) = 5;
        memory.Pages.Put(frame);
        memory.Vfree(second);
        memory.Shrink();
        Sound(memory);
        PageInvariantTests.AllInLargestBlocks(memory);
    }

    [Fact]
    public void LazyPages_ArePurgedOverTheLimit_AndUnderPressure()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        VmallocSpace space = memory.VmallocSystem;
        if (!space.Aliases) return;
        Assert.Equal(512u, space.LazyLimit);
        var areas = new nint[9];
        for (int i = 0; i < 9; i++) areas[i] = (nint)memory.Vmalloc((nuint)(60 + i) * PAGE_SIZE);
        for (int i = 0; i < 8; i++) memory.Vfree((void*)areas[i]);
        Assert.Equal(508u, space.LazyPages);
        memory.Vfree((void*)areas[8]);
        Assert.Equal(0u, space.LazyPages);

        void* freed = memory.Vmalloc(500 * PAGE_SIZE);
        memory.Vfree(freed);
        void* all = memory.Vmalloc((nuint)memory.TotalBytes - ((nuint)memory.Pages.MinFreeKilobytes * 5 / 4 << 10));
        Assert.Equal(0u, space.LazyPages);
        memory.Vfree(all);
        Sound(memory);
    }

    [Fact]
    public void RangeExhausted_IsNullWithAWarning_AndPurgesFirst()
    {
        using KernelMemory memory = KernelMemory.Boot(new KernelMemoryOptions { MemorySize = 64 << 20, VmallocSize = 1 << 20 });
        VmallocSpace space = memory.VmallocSystem;
        if (!space.Aliases) return;
        void* freed = space.Allocate(100 * PAGE_SIZE, GfpFlags.Kernel);
        memory.Vfree(freed);
        void* area = space.Allocate(200 * PAGE_SIZE, GfpFlags.Kernel);
        Assert.True(area != null);
        Assert.Contains("vmap allocation for size 413696 failed", Assert.Single(Reports(() => Assert.True(space.Allocate(100 * PAGE_SIZE, GfpFlags.Kernel) == null))).Text);
        Assert.Throws<OutOfMemoryException>(() => memory.Vmalloc(100 * PAGE_SIZE));
        memory.Vfree(area);
        Sound(memory);
    }

    [Fact]
    public void NoFail_WaitsUntilThereIsARange()
    {
        using KernelMemory memory = KernelMemory.Boot(new KernelMemoryOptions { MemorySize = 64 << 20, VmallocSize = 4 << 20 });
        if (!memory.VmallocSystem.Aliases) return;
        nint blocking = (nint)memory.Vmalloc(600 * PAGE_SIZE);
        nint area = 0;
        Thread waiter = Cpu.Start(() => area = (nint)memory.Vmalloc(600 * PAGE_SIZE, GfpFlags.Kernel | GfpFlags.NoFail));
        Assert.False(waiter.Join(50));
        memory.Vfree((void*)blocking);
        Assert.True(waiter.Join(TimeSpan.FromSeconds(30)));
        Assert.NotEqual(0, area);
        memory.Vfree((void*)area);
        Sound(memory);
    }

    [Fact]
    public void RangeWithoutRoomForTheHugeAlignment_IsUsedWithoutIt()
    {
        using KernelMemory memory = KernelMemory.Boot(new KernelMemoryOptions { MemorySize = 64 << 20, VmallocSize = 4 << 20 });
        if (!memory.VmallocSystem.Aliases) return;
        void* small = memory.Vmalloc(PAGE_SIZE);
        void* large = memory.Vmalloc(1000 * PAGE_SIZE);
        memory.Vfree(large);
        memory.Vfree(small);
        Sound(memory);
    }

    [Fact]
    public void FramesExhausted_IsNull_AndLosesNothing()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        void* half = memory.Vmalloc(40 << 20);
        Assert.True(memory.VmallocSystem.Allocate(40 << 20, GfpFlags.Kernel | GfpFlags.NoWarn) == null);
        memory.Vfree(half);
        memory.Shrink();
        Sound(memory);
        PageInvariantTests.AllInLargestBlocks(memory);
    }

    [Fact]
    public void LargeArea_StartsOn2MiB_AndHugePagesKeepContentAndFrames()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        var area = (byte*)memory.Vmalloc(2 * Huge + 5, huge: true);
        if (memory.VmallocSystem.Aliases) Assert.Equal(0u, (nuint)area % Huge);
        for (int i = 0; i < 2 * Huge; i += PAGE_SIZE) *(int*)(area + i) = i;
        for (int i = 0; i < 2 * Huge; i += PAGE_SIZE) Assert.Equal(i, *(int*)memory.PageAddress(memory.VmallocToPage(area + i)));
        memory.Vfree(area);
        memory.Shrink();
        Sound(memory);
        PageInvariantTests.AllInLargestBlocks(memory);
    }
}
