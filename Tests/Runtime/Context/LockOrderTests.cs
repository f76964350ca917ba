using static KAlloc.Linux;

namespace KAlloc.Runtime.Tests;

/// <summary>Opposite orders are reported the first time they are seen, not when they deadlock. The switch is process-wide.</summary>
[Collection("policy")]
public unsafe class LockOrderTests : IDisposable
{
    public LockOrderTests()
    {
        LockOrder.Reset();
        LockOrder.Enabled = true;
    }

    public void Dispose() => LockOrder.Enabled = false;

    private static List<KernelReport> Reports(Action action) => [.. TestSupport.Reports(action).Where(report => report.Text.StartsWith("WARNING: possible circular") || report.Text.StartsWith("WARNING: inconsistent"))];

    private static void Both(ref spinlock_t first, ref spinlock_t second)
    {
        spin_lock(ref first);
        spin_lock(ref second);
        spin_unlock(ref second);
        spin_unlock(ref first);
    }

    [Fact]
    public void OppositeOrders_AreReportedOnce_WithBothPlaces() => Cpu.Run(() =>
    {
        spinlock_t a = default, b = default;
        spinlock_t* pa = &a, pb = &b;
        Assert.Empty(Reports(() => Both(ref *pa, ref *pb)));
        Assert.Empty(Reports(() => Both(ref *pa, ref *pb)));
        KernelReport report = Assert.Single(Reports(() =>
        {
            Both(ref *pb, ref *pa);
            Both(ref *pb, ref *pa);
        }));
        Assert.Equal(ReportLevel.Warn, report.Level);
        Assert.Contains($"lock {a.Id}, then lock {b.Id}, at KAlloc.Runtime.Tests.LockOrderTests.Both", report.Text);
        Assert.Contains($"is trying to acquire lock:\n lock {a.Id}, at KAlloc.Runtime.Tests.LockOrderTests.Both", report.Text);
        Assert.Contains("*** DEADLOCK ***", report.Text);
    });

    [Fact]
    public void CircleOfThree_AndOfDifferentKinds_IsReported() => Cpu.Run(() =>
    {
        mutex_t a = default;
        rw_semaphore b = default;
        spinlock_t c = default;
        mutex_t* pa = &a;
        spinlock_t* pc = &c;
        mutex_lock(ref a);
        down_write(ref b);
        up_write(ref b);
        mutex_unlock(ref a);
        down_read(ref b);
        spin_lock(ref c);
        spin_unlock(ref c);
        up_read(ref b);
        KernelReport report = Assert.Single(Reports(() =>
        {
            spin_lock(ref *pc);
            try
            {
                mutex_lock(ref *pa);
            }
            catch (KernelBugException)
            {
                // might_sleep speaks first: under the lock nothing may be waited for at all.
            }

            spin_unlock(ref *pc);
            Assert.True(mutex_trylock(ref *pa));
            mutex_unlock(ref *pa);
        }).Concat(Reports(() =>
        {
            mutex_t d = default;
            mutex_lock(ref *pa);
            mutex_lock(ref d);
            mutex_unlock(ref *pa);
            mutex_lock(ref *pa);
            mutex_unlock(ref *pa);
            mutex_unlock(ref d);
        })));
        Assert.Contains("possible circular locking", report.Text);
    });

    [Fact]
    public void Trylock_WaitsForNothing_AndReadersDoNotShutReadersOut() => Cpu.Run(() =>
    {
        spinlock_t a = default, b = default;
        spinlock_t* pa = &a, pb = &b;
        rwlock_t r = default, s = default;
        rwlock_t* pr = &r, ps = &s;
        Assert.Empty(Reports(() =>
        {
            Both(ref *pa, ref *pb);
            spin_lock(ref *pb);
            Assert.True(spin_trylock(ref *pa));
            spin_unlock(ref *pa);
            spin_unlock(ref *pb);

            read_lock(ref *pr);
            read_lock(ref *ps);
            read_unlock(ref *ps);
            read_unlock(ref *pr);
            read_lock(ref *ps);
            read_lock(ref *pr);
            read_unlock(ref *pr);
            read_unlock(ref *ps);
        }));
        Assert.Single(Reports(() =>
        {
            write_lock(ref *ps);
            write_lock(ref *pr);
            write_unlock(ref *pr);
            write_unlock(ref *ps);
        }));
    });

    [Fact]
    public void LockOfAHandler_TakenWithInterruptsOn_IsReported() => Cpu.Run(() =>
    {
        spinlock_t l = default;
        spinlock_t* p = &l;
        int line = Cpu.NewLine();
        Assert.Equal(0, request_irq(line, (_, _) =>
        {
            spin_lock(ref *p);
            spin_unlock(ref *p);
            return IRQ_HANDLED;
        }, 0, "order", null));
        Assert.Empty(Reports(() =>
        {
            raise_irq(line);
            spin_lock_irqsave(ref *p, out nuint flags);
            spin_unlock_irqrestore(ref *p, flags);
        }));
        KernelReport report = Assert.Single(Reports(() =>
        {
            spin_lock(ref *p);
            spin_unlock(ref *p);
        }));
        Assert.Contains($"inconsistent {{HARDIRQ-ON-W}} and {{IN-HARDIRQ-W}} usage of lock {l.Id}.", report.Text);
        Assert.Contains("spin_lock_irqsave", report.Text);
        free_irq(line, null);
    });

    [Fact]
    public void LockOfATasklet_TakenWithSoftirqsOn_IsReported() => Cpu.Run(() =>
    {
        spinlock_t l = default;
        spinlock_t* p = &l;
        tasklet_struct t = default;
        tasklet_init(ref t, _ =>
        {
            spin_lock(ref *p);
            spin_unlock(ref *p);
        }, 0);
        tasklet_struct* pt = &t;
        Assert.Empty(Reports(() =>
        {
            tasklet_schedule(ref *pt);
            spin_lock_bh(ref *p);
            spin_unlock_bh(ref *p);
        }));
        Assert.Contains("spin_lock_bh", Assert.Single(Reports(() =>
        {
            spin_lock(ref *p);
            spin_unlock(ref *p);
        })).Text);
        tasklet_kill(ref t);
    });
}
