using static KAlloc.Linux;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>One test for each vmalloc call, with what each refuses, and the mapping itself.</summary>
[Collection("alone")]
public unsafe class VmallocCallTests
{
    public static TheoryData<string, BackingKind> Machines => TestSupport.Machines;

    [Fact]
    public void vmalloc_IsUsableToTheEnd()
    {
        var memory = (byte*)vmalloc((5 * PAGE_SIZE) - 100);
        Assert.True(is_vmalloc_addr(memory));
        Assert.Equal(0, (nint)memory % PAGE_SIZE);
        new Span<byte>(memory, 5 * PAGE_SIZE).Fill(0x77);
        vfree(memory);
        vfree(null);
    }

    [Fact]
    public void vmalloc_ImpossibleSize_IsNullWithAWarning()
    {
        Assert.Contains("vmalloc(0)", Assert.Single(Reports(() => Assert.True(vmalloc(0) == null))).Text);
        Assert.Contains("exceeds total pages", Assert.Single(Reports(() => Assert.True(vmalloc(-1) == null))).Text);
    }

    [Theory]
    [MemberData(nameof(Machines))]
    public void vmalloc_64ScatteredFrames_IsTheSameMemoryAsTheFrames(string layout, BackingKind backing)
    {
        using KernelMemory memory = Boot(layout, backing, megabytes: 16);
        ulong before = memory.FreeBytes;
        int page = memory.Layout.PageSize;

        // Every second frame is taken, in every zone: what is free is scattered. Without aliases vmalloc needs neighbours.
        var taken = new List<nint>();
        if (memory.VmallocSystem.Aliases)
        {
            for (Page* one; (one = memory.Pages.Allocate(GfpFlags.HighUser | GfpFlags.MemAlloc | GfpFlags.NoWarn, 0)) != null;) taken.Add((nint)one);
            taken.Sort();
            for (int i = taken.Count - 1; i >= 0; i -= 2)
            {
                memory.FreePages((Page*)taken[i], 0);
                taken.RemoveAt(i);
            }
        }

        var range = (byte*)memory.Vmalloc((nuint)(64 * page));
        var frames = new HashSet<nint>();
        int neighbours = 0;
        for (int i = 0; i < 64; i++)
        {
            Page* frame = memory.VmallocToPage(range + (i * page));
            frames.Add((nint)frame);
            if (i > 0 && frame == memory.VmallocToPage(range + ((i - 1) * page)) + 1) neighbours++;
            new Span<int>(range + (i * page), page / 4).Fill(i + 1);
        }

        Assert.Equal(64, frames.Count);
        Assert.Equal(memory.VmallocSystem.Aliases ? 0 : 63, neighbours);
        Sound(memory);
        for (int i = 0; i < 64; i++)
        {
            Page* frame = memory.VmallocToPage(range + (i * page));
            var direct = (int*)memory.PageAddress(frame);
            if (direct == null) direct = (int*)memory.Kmap(frame);
            Assert.Equal(-1, new Span<int>(direct, page / 4).IndexOfAnyExcept(i + 1));
            *direct = -i;
            Assert.Equal(-i, *(int*)(range + (i * page)));
            memory.Kunmap(frame);
        }

        memory.Vfree(range);
        foreach (nint one in taken) memory.FreePages((Page*)one, 0);
        memory.Shrink();
        Sound(memory);
        Assert.Equal(before, memory.FreeBytes);
        PageInvariantTests.AllInLargestBlocks(memory);
    }

    [Theory]
    [InlineData(BackingKind.Automatic)]
    [InlineData(BackingKind.Portable)]
    public void vmalloc_LargerThanTheLargestBlock(BackingKind backing)
    {
        using KernelMemory memory = Boot("Flat", backing, megabytes: 64);
        const int Bytes = 11 << 20;
        var first = (byte*)memory.Vzalloc(Bytes);
        var second = (byte*)memory.Vmalloc(Bytes);
        new Span<byte>(second, Bytes).Fill(9);
        Assert.Equal(-1, new Span<byte>(first, Bytes).IndexOfAnyExcept((byte)0));
        Sound(memory);
        memory.Vfree(first);
        Assert.Equal(-1, new Span<byte>(second, Bytes).IndexOfAnyExcept((byte)9));
        memory.Vfree(second);
        memory.Shrink();
        PageInvariantTests.AllInLargestBlocks(memory);
    }

    [Fact]
    public void vmalloc_InAtomicContext_IsReported() => Cpu.Run(() =>
    {
        void* memory = vmalloc(PAGE_SIZE);
        preempt_disable();
        Bug("sleeping function called from invalid context", () => vmalloc(PAGE_SIZE));
        Bug("sleeping function called from invalid context", () => vfree(memory));
        vfree_atomic(memory);
        preempt_enable();
    });

    [Fact]
    public void vfree_WrongPointer_IsABugThatSaysWhatItIs()
    {
        var memory = (byte*)vmalloc(2 * PAGE_SIZE);
        Bug($"0x{(nuint)memory + 64:x} is inside the vmalloc area that starts at 0x{(nuint)memory:x} (offset 64)", () => vfree(memory + 64));
        Bug("nonexistent vm area", () => vfree(memory + PAGE_SIZE));
        Bug("is in the guard page", () => vfree(memory + (2 * PAGE_SIZE)));
        Bug("is a vmalloc area of 2 pages", () => kfree(memory));
        Bug("mapped by vmalloc", () => __free_page(vmalloc_to_page(memory)));
        vfree(memory);
        Bug("nonexistent vm area", () => vfree(memory));
        void* small = kmalloc(64, GFP_KERNEL);
        Bug("is a kmalloc-64 object", () => vfree(small));
        kfree(small);
    }

    [Fact]
    public void vzalloc_vcalloc_ReadAsZero()
    {
        void* dirty = vmalloc(8 * PAGE_SIZE);
        new Span<byte>(dirty, 8 * PAGE_SIZE).Fill(0xFF);
        vfree(dirty);
        void* zeroed = vzalloc(8 * PAGE_SIZE);
        Assert.Equal(-1, new Span<byte>(zeroed, 8 * PAGE_SIZE).IndexOfAnyExcept((byte)0));
        vfree(zeroed);
        Assert.True(vcalloc(nuint.MaxValue, 2) == null);
    }

    [Fact]
    public void vmap_ShowsTheFramesInTheGivenOrder()
    {
        if (!KernelMemory.Default.VmallocSystem.Aliases) return;
        page** pages = stackalloc page*[3];
        for (int i = 0; i < 3; i++) pages[i] = alloc_page(GFP_KERNEL);
        page* last = pages[2];
        pages[2] = pages[0];
        pages[0] = last;
        var range = (byte*)vmap(pages, 3, 0, 0);
        for (int i = 0; i < 3; i++)
        {
            range[i * PAGE_SIZE] = (byte)(i + 1);
            Assert.Equal(i + 1, *(byte*)page_address(pages[i]));
            Assert.Equal(page_to_pfn(pages[i]), vmalloc_to_pfn(range + (i * PAGE_SIZE)));
        }

        Bug("use vunmap", () => vfree(range));
        vunmap(range);
        Assert.True(vmalloc_to_page(range) == null);
        for (int i = 0; i < 3; i++) __free_page(pages[i]);
    }

    [Fact]
    public void kvmalloc_TakesWhatFits()
    {
        void* small = kvmalloc(100, GFP_KERNEL);
        Assert.False(is_vmalloc_addr(small));
        void* large = kvzalloc(6 << 20, GFP_KERNEL);
        Assert.True(is_vmalloc_addr(large));
        Assert.True(kvmalloc(6 << 20, GFP_ATOMIC) == null);
        small = kvrealloc(small, 7 << 20, GFP_KERNEL);
        Assert.True(is_vmalloc_addr(small));
        kvfree(small);
        kvfree_sensitive(large, 6 << 20);
        kvfree(null);
    }
}
