using static KAlloc.Linux;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>Per-CPU memory: the calls, what each refuses, and that a copy is its CPU's alone.</summary>
public unsafe class PerCpuTests
{
    private record struct Counters(byte Kind, long Events, int Errors);

    [Fact]
    public void alloc_percpu_HasAZeroedCopyForEachCpu()
    {
        Counters* counters = alloc_percpu<Counters>();
        var seen = new HashSet<nint>();
        int cpus = 0;
        foreach (int cpu in for_each_possible_cpu())
        {
            Counters* copy = per_cpu_ptr(counters, cpu);
            Assert.Equal((0, 0L, 0), (copy->Kind, copy->Events, copy->Errors));
            Assert.Equal(0, (nint)copy % 8);
            Assert.True(seen.Add((nint)copy));
            cpus++;
        }

        Assert.True(cpus >= 1 && cpus <= PossibleCpus.Count);
        free_percpu(counters);
        free_percpu(null);
    }

    [Fact]
    public void Counting_OnManyThreads_LosesNothing_AlsoAfterTheThreadsEnded()
    {
        Counters* counters = alloc_percpu<Counters>();
        var threads = new Thread[8];
        for (int t = 0; t < threads.Length; t++)
        {
            threads[t] = new Thread(() =>
            {
                for (int i = 0; i < 50_000; i++)
                {
                    // Plain additions: the copy is this CPU's alone.
                    get_cpu_ptr(counters)->Events++;
                    put_cpu_ptr(counters);
                }
            });
            threads[t].Start();
        }

        foreach (Thread thread in threads) thread.Join();
        long sum = 0;
        foreach (int cpu in for_each_possible_cpu()) sum += per_cpu_ptr(counters, cpu)->Events;
        Assert.Equal(8 * 50_000, sum);
        free_percpu(counters);
    }

    [Fact]
    public void CpuThatAppearsLater_FindsItsCopyZeroed_AndReuseIsZeroedForAll() => Cpu.Run(() =>
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        void* first = memory.AllocPerCpu(64);
        void* second = memory.AllocPerCpu(64);
        *(long*)memory.ThisCpuPointer(first) = -1;
        var ready = new Barrier(2);
        Thread other = Cpu.Start(() =>
        {
            Assert.Equal(0, *(long*)memory.ThisCpuPointer(first));
            *(long*)memory.ThisCpuPointer(first) = -2;
            ready.SignalAndWait();
            ready.SignalAndWait();
            Assert.Equal(0, *(long*)memory.ThisCpuPointer(first));
            ready.SignalAndWait();
        });
        ready.SignalAndWait();
        memory.FreePerCpu(first);
        Assert.True(memory.AllocPerCpu(64) == first);
        Assert.Equal(0, *(long*)memory.ThisCpuPointer(first));
        ready.SignalAndWait();
        ready.SignalAndWait();
        other.Join();
        memory.FreePerCpu(second);
        memory.FreePerCpu(first);
        Assert.Equal(0, memory.PerCpu.Bytes);
        Sound(memory);
    });

    [Fact]
    public void get_cpu_TurnsPreemptionOff_UntilPutCpu() => Cpu.Run(() =>
    {
        int cpu = get_cpu();
        Assert.Equal(cpu, smp_processor_id());
        Assert.Equal(1, preempt_count());
        Bug("sleeping function called from invalid context", () => alloc_percpu<int>());
        Bug("scheduling while atomic", () => msleep(1));
        Assert.Equal(cpu, get_cpu());
        put_cpu();
        put_cpu();
        Bug("preempt_enable without preempt_disable", put_cpu);
        Assert.Equal(cpu, raw_smp_processor_id());
    });

    [Fact]
    public void WrongCalls_AreRefused()
    {
        Assert.Contains("illegal size (0)", Assert.Single(Reports(() => Assert.True(__alloc_percpu(0, 8) == null))).Text);
        Assert.Contains("illegal size (32769)", Assert.Single(Reports(() => Assert.True(__alloc_percpu(32769, 8) == null))).Text);
        Assert.Contains("illegal size (-1".Replace("-1", ulong.MaxValue.ToString()), Assert.Single(Reports(() => Assert.True(__alloc_percpu(-1, 8) == null))).Text);
        Assert.Contains("align (24)", Assert.Single(Reports(() => Assert.True(__alloc_percpu(8, 24) == null))).Text);
        Assert.Contains("align (8192)", Assert.Single(Reports(() => Assert.True(__alloc_percpu(8, 8192) == null))).Text);
        var handle = (byte*)__alloc_percpu(100, 64);
        Assert.Equal(0, (nint)handle % 64);
        Bug("8 bytes inside an allocation", () => free_percpu(handle + 8));
        Bug("CPU#0's copy, not what alloc_percpu returned", () => free_percpu(per_cpu_ptr(handle, 0)));
        Bug("there are", () => per_cpu_ptr(handle, -1));
        Bug("there are", () => per_cpu_ptr(handle, PossibleCpus.Count + 1000));
        free_percpu(handle);
        void* block = kmalloc(64, GFP_KERNEL);
        Bug("is a kmalloc-64 object", () => free_percpu(block));
        kfree(block);
    }

    [Fact]
    public void Handle_IsNoPointer()
    {
        (int exitCode, string output) = Child.Run("percpu-handle");
        Assert.NotEqual(0, exitCode);
        Assert.Contains("before", output);
        Assert.DoesNotContain("after", output);
    }

    [Fact]
    public void SanityLevel_ReportsThePreemptibleUseOfTheCpuNumber()
    {
        (int exitCode, string output) = Child.Run("percpu-preemptible");
        Assert.True(exitCode == 0, output);
    }

    /// <summary>The kernel's pcpu_alloc_test: 35,000 allocations of random size and alignment.</summary>
    [Fact]
    public void ThirtyFiveThousandAllocationsOfRandomSizeAndAlignment()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        var random = new Random(1);
        var live = new nint[35_000];
        for (int i = 0; i < live.Length; i++)
        {
            nuint alignment = (nuint)1 << random.Next(1, 12);
            live[i] = (nint)memory.AllocPerCpu((nuint)random.Next(1, 1025), alignment);
            Assert.Equal(0u, (nuint)live[i] % alignment);
            *(int*)memory.ThisCpuPointer((void*)live[i]) = i;
        }

        for (int i = 0; i < live.Length; i++) Assert.Equal(i, *(int*)memory.ThisCpuPointer((void*)live[i]));
        Sound(memory);
        random.Shuffle(live);
        foreach (nint handle in live) memory.FreePerCpu((void*)handle);
        Assert.Equal(0, memory.PerCpu.Bytes);
        Sound(memory);
    }
}
