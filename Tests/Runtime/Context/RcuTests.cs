using System.Runtime.InteropServices;
using static KAlloc.Linux;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>Grace periods: what is freed after one is read by nobody.</summary>
public unsafe class RcuTests
{
    private const long Alive = 0x5ca1ab1e;

    private struct Config
    {
        public long State;
        public rcu_head Rcu;
    }

    [Fact]
    public void Synchronize_WaitsForOpenSections_AndForNoOthers() => Cpu.Run(() =>
    {
        using var inside = new ManualResetEventSlim();
        using var leave = new ManualResetEventSlim();
        bool left = false;
        Thread reader = Cpu.Start(() =>
        {
            rcu_read_lock();
            rcu_read_lock();
            rcu_read_unlock();
            inside.Set();
            leave.Wait();
            Volatile.Write(ref left, true);
            rcu_read_unlock();

            // Nobody waits for this section: it began after the grace period.
            rcu_read_lock();
            Thread.Sleep(50);
            rcu_read_unlock();
        });
        inside.Wait();
        Thread writer = Cpu.Start(() =>
        {
            synchronize_rcu();
            Assert.True(Volatile.Read(ref left));
        });
        Assert.False(writer.Join(30));
        leave.Set();
        Assert.True(writer.Join(TimeSpan.FromSeconds(20)));
        reader.Join();
    });

    [Fact]
    public void Synchronize_InsideASection_IsReportedAndDoesNotHang() => Cpu.Run(() =>
    {
        rcu_read_lock();
        Bug("BUG: sleeping function called from invalid context", synchronize_rcu);
        Bug("BUG: sleeping function called from invalid context", rcu_barrier);
        rcu_read_unlock();
        synchronize_rcu();
    });

    [Fact]
    public void Callbacks_RunInOrder_InSoftIrqContext_AfterTheBarrier() => Cpu.Run(() =>
    {
        var heads = (rcu_head*)NativeMemory.AllocZeroed(3, (nuint)sizeof(rcu_head));
        var order = new List<int>();
        bool softirq = true;
        for (int i = 0; i < 3; i++)
        {
            int number = i;
            call_rcu(&heads[i], head =>
            {
                softirq &= in_softirq() && !in_task() && head == &heads[number];
                order.Add(number);
            });
        }

        rcu_barrier();
        Assert.Equal([0, 1, 2], order);
        Assert.True(softirq);
        NativeMemory.Free(heads);
    });

    [Fact]
    public void CallRcu_FromAnInterrupt_WaitsForTheSectionThatItInterrupted() => Cpu.Run(() =>
    {
        Config* config = New();
        int line = Cpu.NewLine();
        Assert.Equal(0, request_irq(line, (_, _) => { call_rcu(&config->Rcu, &Kill); return IRQ_HANDLED; }, 0, "rcu", null));
        rcu_read_lock();
        raise_irq(line);
        Thread.Sleep(30);
        Assert.Equal(Alive, Volatile.Read(ref config->State));
        rcu_read_unlock();
        free_irq(line, null);
        rcu_barrier();
        Assert.Equal(0, config->State);
        NativeMemory.Free(config);
    });

    /// <summary>Linked twice, the list would be a ring, and the thread that runs callbacks would never come out of it.</summary>
    [Fact]
    public void HeadQueuedTwice_IsReported_AndRunsOnce() => Cpu.Run(() =>
    {
        Config* config = New();
        int runs = 0;
        rcu_read_lock();
        call_rcu(&config->Rcu, _ => runs++);
        Bug("call_rcu(): Double-freed CB", () => call_rcu(&config->Rcu, _ => runs++));
        Bug("call_rcu(): Double-freed CB", () => call_rcu(&config->Rcu, &Kill));
        Bug("call_rcu(): Double-freed CB", () => kfree_rcu(config, &config->Rcu));
        rcu_read_unlock();
        rcu_barrier();
        Assert.Equal(1, runs);

        // Once it has run it may be queued again, also by itself.
        call_rcu(&config->Rcu, head => call_rcu(head, &Kill));
        rcu_barrier();
        rcu_barrier();
        Assert.Equal(0, config->State);
        NativeMemory.Free(config);
    });

    [Fact]
    public void Callback_ThatThrowsOrStaysAtomic_SpoilsNothing() => Cpu.Run(() =>
    {
        rcu_head first = default, second = default;
        bool ran = false;
        call_rcu(&first, _ =>
        {
            preempt_disable();
            throw new InvalidOperationException("broken");
        });
        call_rcu(&second, _ => ran = preempt_count() == 0x100);
        rcu_barrier();
        Assert.True(ran);
    });

    /// <summary>Readers follow a pointer that two writers replace; a replaced object is marked dead after a grace period, and no reader may see the mark.</summary>
    [Fact]
    public void ReadersNeverSeeAFreedObject() => Cpu.Run(() =>
    {
        nint* shared = stackalloc nint[1];
        *shared = (nint)New();
        bool stop = false;
        long reads = 0, dead = 0;
        var threads = new List<Thread>();
        for (int i = 0; i < 2; i++)
        {
            threads.Add(Cpu.Start(() =>
            {
                while (!Volatile.Read(ref stop))
                {
                    rcu_read_lock();
                    var config = (Config*)Volatile.Read(ref *shared);
                    for (int n = 0; n < 20; n++)
                        if (Volatile.Read(ref config->State) != Alive) Interlocked.Increment(ref dead);
                    rcu_read_unlock();
                    Interlocked.Increment(ref reads);
                }
            }));
        }

        Cpu.Until(() => Volatile.Read(ref reads) > 0);
        for (int i = 0; i < 400; i++)
        {
            var old = (Config*)Interlocked.Exchange(ref *shared, (nint)New());
            if (i % 8 == 0)
            {
                synchronize_rcu();
                Kill(&old->Rcu);
                NativeMemory.Free(old);
            }
            else
            {
                call_rcu(&old->Rcu, &KillAndFree);
            }
        }

        Volatile.Write(ref stop, true);
        threads.ForEach(thread => thread.Join());
        rcu_barrier();
        NativeMemory.Free((void*)*shared);
        Assert.True(reads > 0);
        Assert.Equal(0, dead);
    });

    private static Config* New()
    {
        var config = (Config*)NativeMemory.AllocZeroed((nuint)sizeof(Config));
        config->State = Alive;
        return config;
    }

    private static void Kill(rcu_head* head) => Volatile.Write(ref container_of<Config>(head, 8)->State, 0);

    private static void KillAndFree(rcu_head* head)
    {
        Kill(head);
        NativeMemory.Free(container_of<Config>(head, 8));
    }
}
