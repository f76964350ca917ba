// What lib/test_vmalloc.c of the kernel tests, said anew for KAlloc: the same cases, with content checked where the kernel only touches.
// pcpu_alloc_test is with the other tests of per-CPU memory.

using static KAlloc.Linux;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>The cases of the kernel's own vmalloc test, each at the default level and with immediate unmapping.</summary>
public unsafe class VmallocSuite
{
    private const int Loops = 1000;

    /// <summary>The kernel's THREAD_SIZE of the book: the case aligns to twice that.</summary>
    private const int ThreadSize = 8192;

    public static TheoryData<DebugLevel> Levels => new() { DebugLevel.None, DebugLevel.Sanity };

    [Theory]
    [MemberData(nameof(Levels))]
    public void FixSizeAlloc(DebugLevel level) => Run(level, memory =>
    {
        for (int i = 0; i < Loops; i++) memory.Vfree(Touch(memory, 3 * PAGE_SIZE));
    });

    [Theory]
    [MemberData(nameof(Levels))]
    public void FullFitAlloc(DebugLevel level) => Run(level, memory =>
    {
        // Every hole is one page: a page fits in the lowest, two do not fit in any.
        var kept = new List<nint>();
        var holes = new List<nint>();
        for (int i = 0; i < 2000; i++) (i % 2 == 0 ? kept : holes).Add((nint)memory.Vmalloc(PAGE_SIZE));
        foreach (nint hole in holes) memory.Vfree((void*)hole);
        memory.Shrink();
        for (int i = 0; i < Loops; i++)
        {
            byte* one = Touch(memory, PAGE_SIZE);
            Assert.Equal(holes[0], (nint)one);
            memory.Vfree(one);
            void* two = memory.Vmalloc(2 * PAGE_SIZE);
            Assert.True((nint)two > kept[^1]);
            memory.Vfree(two);
        }

        foreach (nint area in kept) memory.Vfree((void*)area);
    });

    [Theory]
    [MemberData(nameof(Levels))]
    public void LongBusyListAlloc(DebugLevel level) => Run(level, memory =>
    {
        var areas = new nint[15_000];
        for (int i = 0; i < areas.Length; i++) areas[i] = (nint)memory.Vmalloc(PAGE_SIZE);
        for (int i = 0; i < Loops; i++)
        {
            byte* large = Touch(memory, 100 * PAGE_SIZE);
            memory.Vfree(Touch(memory, PAGE_SIZE));
            memory.Vfree(large);
        }

        foreach (nint area in areas) memory.Vfree((void*)area);
    });

    [Theory]
    [MemberData(nameof(Levels))]
    public void RandomSizeAlloc(DebugLevel level) => Run(level, memory =>
    {
        var random = new Random(1);
        for (int i = 0; i < Loops; i++) memory.Vfree(Touch(memory, random.Next(1, 101) * PAGE_SIZE));
    });

    [Theory]
    [MemberData(nameof(Levels))]
    public void FixAlignAlloc(DebugLevel level) => Run(level, memory =>
    {
        for (int i = 0; i < Loops; i++)
        {
            byte* area = Touch(memory, 5 * PAGE_SIZE, ThreadSize << 1);
            Assert.Equal(0, (nint)area % (ThreadSize << 1));
            memory.Vfree(area);
        }
    });

    [Theory]
    [MemberData(nameof(Levels))]
    public void RandomSizeAlignAlloc(DebugLevel level) => Run(level, memory =>
    {
        var random = new Random(1);
        var live = new Queue<nint>();
        for (int i = 0; i < Loops; i++)
        {
            nint alignment = 1 << random.Next(23);
            byte* area = Touch(memory, random.Next(1, 11) * PAGE_SIZE, (nuint)alignment);
            Assert.Equal(0, (nint)area % alignment);
            live.Enqueue((nint)area);
            if (live.Count > 50) memory.Vfree((void*)live.Dequeue());
        }

        while (live.TryDequeue(out nint area)) memory.Vfree((void*)area);
    });

    [Theory]
    [MemberData(nameof(Levels))]
    public void AlignShiftAlloc_FailsInTheEnd(DebugLevel level) => Run(level, memory =>
    {
        int failedAt = 64;
        for (int shift = 0; shift < 64 && failedAt == 64; shift++)
        {
            void* area = memory.VmallocSystem.AllocateChecked(PAGE_SIZE, GfpFlags.Kernel, (nuint)1 << shift);
            if (area == null) failedAt = shift;
            else Assert.Equal(0u, (nuint)area & (((nuint)1 << shift) - 1));
            memory.Vfree(area);
        }

        // The range is 1 GiB: an aligned start is certain up to half of it, and cannot be where the alignment is more than the address space.
        Assert.InRange(failedAt, 29, 47);
        void* odd = memory.VmallocSystem.AllocateChecked(PAGE_SIZE, GfpFlags.Kernel, 3 * PAGE_SIZE);
        Assert.True(odd == null);
    });

    [Theory]
    [MemberData(nameof(Levels))]
    public void VmMapRam(DebugLevel level) => Run(level, memory =>
    {
        Page** pages = stackalloc Page*[10];
        for (int i = 0; i < 10; i++) pages[i] = memory.AllocPages(GfpFlags.Kernel, 0);
        for (int i = 0; i < Loops; i++)
        {
            uint count = (uint)((i % 10) + 1);
            var range = (int*)memory.VmallocSystem.Map(pages, count, AreaKind.Ram);
            range[(count - 1) * 1024] = i;
            Assert.Equal(i, *(int*)memory.PageAddress(pages[count - 1]));
            memory.VmallocSystem.UnmapRam(range, count);
        }

        for (int i = 0; i < 10; i++) memory.FreePages(pages[i], 0);
    });

    /// <summary>The kernel's kvfree_rcu_2_arg_vmalloc_test and _1_arg_: on the default system, where the calls free.</summary>
    [Fact]
    public void KvfreeRcu_WithAHeadAndWithout()
    {
        for (int i = 0; i < Loops; i++)
        {
            var head = (rcu_head*)vmalloc(PAGE_SIZE);
            ((byte*)head)[PAGE_SIZE - 1] = (byte)i;
            kvfree_rcu(head, head);
        }

        for (int i = 0; i < Loops; i++)
        {
            var memory = (byte*)vmalloc(PAGE_SIZE);
            memory[0] = (byte)i;
            kvfree_rcu_mightsleep(memory);
        }

        void* last = kmalloc(64, GFP_KERNEL);
        kvfree_rcu(last, (rcu_head*)last);
        kvfree_rcu(null, null);
        kvfree_rcu_mightsleep(null);
        rcu_barrier();
        KernelMemory.Default.VmallocSystem.RunDeferred();
        Assert.Empty(KernelMemory.Default.Validate());
    }

    [Theory]
    [MemberData(nameof(Levels))]
    public void NoBlockAlloc(DebugLevel level) => Cpu.Run(() => Run(level, memory =>
    {
        var random = new Random(1);
        for (int i = 0; i < Loops; i++)
        {
            GfpFlags flags = i % 2 == 0 ? GfpFlags.Atomic : GfpFlags.NoWait;
            preempt_disable();
            void* area = memory.VmallocSystem.AllocateChecked((nuint)(random.Next(1, 100) * PAGE_SIZE), flags);
            if (area != null) *(int*)area = i;
            memory.VmallocSystem.FreeLater(area);
            preempt_enable();
        }
    }));

    /// <summary>Runs a case on a machine of its own, which must be as before afterwards.</summary>
    private static void Run(DebugLevel level, Action<KernelMemory> test)
    {
        if (!OperatingSystem.IsLinux()) return;
        using KernelMemory memory = KernelMemory.Boot(new KernelMemoryOptions { Layout = MemoryLayout.Flat, MemorySize = 128 << 20, VmallocSize = 1 << 30, DebugLevel = level });
        ulong before = memory.FreeBytes;
        test(memory);
        memory.Shrink();
        Sound(memory);
        Assert.Equal(before, memory.FreeBytes);
        Assert.Equal(1, memory.VmallocSystem.FreeRanges);
        Assert.Empty(ProcessMaps.Compare(memory));
        Assert.Single(ProcessMaps.Within(memory.VmallocSystem.Start, memory.VmallocSystem.Bytes));
    }

    /// <summary>An area whose first and last byte of every page were written and read back.</summary>
    private static byte* Touch(KernelMemory memory, nint size, nuint alignment = 0)
    {
        var area = (byte*)memory.Vmalloc((nuint)size, alignment: alignment);
        for (nint i = 0; i < size; i += PAGE_SIZE) (area[i], area[i + PAGE_SIZE - 1]) = ((byte)(i >> 12), (byte)~(i >> 12));
        for (nint i = 0; i < size; i += PAGE_SIZE) Assert.True(area[i] == (byte)(i >> 12) && area[i + PAGE_SIZE - 1] == (byte)~(i >> 12));
        return area;
    }
}
