using System.Text;
using static KAlloc.Linux;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>Kernel threads, wait queues, threaded interrupts.</summary>
public unsafe class ThreadTests
{
    private static string NameOf(task_struct* task) => Encoding.UTF8.GetString(System.Runtime.InteropServices.MemoryMarshal.CreateReadOnlySpanFromNullTerminated(task->comm));

    [Fact]
    public void Current_IsThisThread() => Cpu.Run(() =>
    {
        Assert.Equal(("test", Environment.CurrentManagedThreadId, Environment.ProcessId), (NameOf(current), current->pid, current->tgid));
        nint mine = (nint)current;
        Assert.Equal(mine, (nint)current);
        Cpu.Start(() => Assert.NotEqual(mine, (nint)current)).Join();
    });

    [Fact]
    public void Thread_RunsUntilItIsStopped_AndGivesItsResult() => Cpu.Run(() =>
    {
        wait_queue_head_t q = default;
        init_waitqueue_head(ref q);
        wait_queue_head_t* pq = &q;
        int work = 0, done = 0;
        bool process = false;
        task_struct* task = kthread_run(data =>
        {
            process = in_task() && !in_atomic() && data == pq && NameOf(current) == "flush/1" && (current->flags & 0x200000) != 0;
            while (true)
            {
                wait_event(ref *pq, () => Volatile.Read(ref work) != done || kthread_should_stop());
                if (kthread_should_stop()) return 42;
                Interlocked.Increment(ref done);
            }
        }, pq, $"flush/{1}");
        Assert.Equal("flush/1", NameOf(task));
        for (int i = 1; i <= 3; i++)
        {
            Volatile.Write(ref work, i);
            wake_up(ref q);
            Cpu.Until(() => Volatile.Read(ref done) == i);
        }

        Assert.Equal(42, kthread_stop(task));
        Assert.True(process);
        Bug("BUG: kthread_stop of a task that is no kernel thread, or has ended", () => kthread_stop(task));
        Bug("BUG: kthread_should_stop on a thread that kthread_run did not start", () => kthread_should_stop());
    });

    [Fact]
    public void FunctionPointer_RunsToo_AndOneThatEndsByItselfIsGone() => Cpu.Run(() =>
    {
        completion done = default;
        task_struct* task = kthread_run(&Finish, &done, "once");
        wait_for_completion(ref done);
        Cpu.Until(() => Throws(() => kthread_stop(task)));

        static int Finish(void* done)
        {
            complete(ref *(completion*)done);
            return 0;
        }

        static bool Throws(Action action)
        {
            try
            {
                action();
                return false;
            }
            catch (KernelBugException)
            {
                return true;
            }
        }
    });

    [Fact]
    public void ThreadThatLeavesALockBehind_IsReported() => Cpu.Run(() =>
    {
        var seen = new List<string>();
        void Listen(KernelReport report)
        {
            lock (seen) seen.Add(report.Text);
        }

        KernelReports.Reported += Listen;
        mutex_t m = default;
        mutex_t* pm = &m;
        task_struct* task = kthread_run(_ =>
        {
            mutex_lock(ref *pm);
            Cpu.Until(kthread_should_stop);
            return 0;
        }, null, "leaver");
        kthread_stop(task);
        KernelReports.Reported -= Listen;
        lock (seen) Assert.Contains(seen, text => text.StartsWith("BUG: kernel thread leaked atomic, lock or RCU: leaver/"));
    });

    [Fact]
    public void WaitEvent_WithTimeout_ReturnsWhatIsLeft() => Cpu.Run(() =>
    {
        wait_queue_head_t q = default;
        Assert.Equal((nuint)0, wait_event_timeout(ref q, () => false, 10));
        Assert.InRange(wait_event_timeout(ref q, () => true, 10), (nuint)1, (nuint)10);
        Assert.Equal(0, wait_event_interruptible(ref q, () => true));
        Assert.Equal(0, q.Waiting);
    });

    [Fact]
    public void WaitEventInterruptible_EndsByAnInterrupt() => Cpu.Run(() =>
    {
        wait_queue_head_t q = default;
        wait_queue_head_t* pq = &q;
        int result = 0;
        Thread waiter = Cpu.Start(() => result = wait_event_interruptible(ref *pq, () => false));
        Cpu.Until(() => Volatile.Read(ref pq->Waiting) == 1);
        waiter.Interrupt();
        Assert.True(waiter.Join(20_000));
        Assert.Equal(-EINTR, result);
        Assert.Equal(0, q.Waiting);
    });

    /// <summary>The condition takes the lock that wake_up is called under: it must not be evaluated inside what wake_up needs.</summary>
    [Fact]
    public void Condition_MayTakeTheLockOfTheWaker_AndNoWakeUpIsLost() => Cpu.Run(() =>
    {
        wait_queue_head_t q = default;
        wait_queue_head_t* pq = &q;
        spinlock_t l = default;
        spinlock_t* pl = &l;
        int produced = 0, consumed = 0;
        Thread consumer = Cpu.Start(() =>
        {
            while (consumed < 20_000)
            {
                wait_event(ref *pq, () =>
                {
                    spin_lock(ref *pl);
                    bool more = produced > consumed;
                    spin_unlock(ref *pl);
                    return more;
                });
                consumed++;
            }
        });
        for (int i = 0; i < 20_000; i++)
        {
            spin_lock(ref l);
            produced++;
            wake_up(ref q);
            spin_unlock(ref l);
        }

        Assert.True(consumer.Join(30_000), "a wake-up was lost");
    });

    [Fact]
    public void ThreadedInterrupt_RunsItsSecondHalfInProcessContext() => Cpu.Run(() =>
    {
        int line = Cpu.NewLine();
        int first = 0, second = 0;
        bool contexts = true;
        string? name = null;
        Assert.Equal(0, request_threaded_irq(line, (_, _) =>
        {
            contexts &= in_irq();
            first++;
            return IRQ_WAKE_THREAD;
        }, (_, _) =>
        {
            contexts &= in_task() && !irqs_disabled();
            msleep(1);
            name = Thread.CurrentThread.Name;
            Interlocked.Increment(ref second);
            return IRQ_HANDLED;
        }, 0, "daq", null));
        raise_irq(line);
        synchronize_irq(line);
        Assert.Equal((1, 1), (first, second));
        raise_irq(line);
        disable_irq(line);
        Assert.Equal((2, 2), (first, second));
        enable_irq(line);
        raise_irq(line);
        free_irq(line, null);
        Assert.Equal((3, 3), (first, second));
        Assert.Equal(($"irq/{line}-daq", true), (name, contexts));
    });

    [Fact]
    public void OneShotLine_IsMaskedUntilTheThreadIsDone() => Cpu.Run(() =>
    {
        int line = Cpu.NewLine();
        using var inside = new SemaphoreSlim(0);
        using var go = new SemaphoreSlim(0);
        int turns = 0;
        Assert.Equal(0, request_threaded_irq(line, null, (_, _) =>
        {
            inside.Release();
            go.Wait();
            turns++;
            return IRQ_HANDLED;
        }, IRQF_ONESHOT, "adc", null));
        raise_irq(line);
        inside.Wait();

        // Both come while the line is masked: one more turn, when the first is over.
        raise_irq(line);
        raise_irq(line);
        Assert.Equal(0, turns);
        go.Release();
        inside.Wait();
        go.Release();
        synchronize_irq(line);
        Assert.Equal(2, turns);
        free_irq(line, null);
    });

    [Fact]
    public void FunctionPointersForBothHalves_AndWrongRequests() => Cpu.Run(() =>
    {
        int line = Cpu.NewLine();
        Assert.Equal(-EINVAL, request_threaded_irq(line, (irq_handler_t?)null, null, 0, "x", null));
        Assert.Contains(Reports(() => Assert.Equal(-EINVAL, request_threaded_irq(line, null, (_, _) => IRQ_HANDLED, 0, "x", null))),
            report => report.Text.Contains("Threaded irq requested with handler=NULL and !ONESHOT for x"));
        int count = 0;
        int* p = &count;
        Assert.Equal(0, request_threaded_irq(line, &Wake, &Count, IRQF_SHARED, "x", p));
        Assert.Equal(-EBUSY, request_threaded_irq(line, null, (_, _) => IRQ_HANDLED, IRQF_SHARED | IRQF_ONESHOT, "y", (void*)1));
        raise_irq(line);
        free_irq(line, p);
        Assert.Equal(1, count);

        Assert.Equal(0, request_irq(line, (_, _) => IRQ_WAKE_THREAD, 0, "x", null));
        Assert.Contains(Reports(() => raise_irq(line)), report => report.Text == $"IRQ {line} device x returned IRQ_WAKE_THREAD but no thread function available.");
        free_irq(line, null);

        static irqreturn_t Wake(int irq, void* dev) => IRQ_WAKE_THREAD;

        static irqreturn_t Count(int irq, void* dev)
        {
            ++*(int*)dev;
            return IRQ_HANDLED;
        }
    });

    [Fact]
    public void FreeingALine_FromItsOwnThread_IsReported() => Cpu.Run(() =>
    {
        int line = Cpu.NewLine();
        Exception? failure = null;
        Assert.Equal(0, request_threaded_irq(line, null, (irq, _) =>
        {
            failure = Record.Exception(() => free_irq(irq, null));
            return IRQ_HANDLED;
        }, IRQF_ONESHOT, "self", null));
        raise_irq(line);
        synchronize_irq(line);
        free_irq(line, null);
        Assert.Contains("waits for the handler it is called from", Assert.IsType<KernelBugException>(failure).Message);
    });
}
