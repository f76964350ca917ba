using System.Runtime.InteropServices;
using static KAlloc.Linux;

namespace KAlloc.Runtime.Tests;

/// <summary>Locks that one line initialises are one class: what two of them teach holds for all. The switches are process-wide.</summary>
[Collection("policy")]
public unsafe class LockClassTests : IDisposable
{
    private struct Device
    {
        internal spinlock_t Lock;
        internal spinlock_t Queue;
    }

    private readonly Device* _devices = (Device*)NativeMemory.AllocZeroed(4, (nuint)sizeof(Device));

    public LockClassTests()
    {
        LockOrder.Reset();
        LockOrder.Enabled = true;
        for (int i = 0; i < 4; i++) Probe(_devices + i);
    }

    public void Dispose()
    {
        LockOrder.Enabled = false;
        KernelReports.TracePreemption = false;
        NativeMemory.Free(_devices);
    }

    private static void Probe(Device* device)
    {
        spin_lock_init(ref device->Lock);
        spin_lock_init(ref device->Queue);
    }

    private static List<string> Warnings(Action action) => [.. TestSupport.Reports(action).Where(report => report.Level == ReportLevel.Warn).Select(report => report.Text)];

    private static void Both(ref spinlock_t first, ref spinlock_t second)
    {
        spin_lock(ref first);
        spin_lock(ref second);
        spin_unlock(ref second);
        spin_unlock(ref first);
    }

    private static void BothIrq(ref spinlock_t first, ref spinlock_t second)
    {
        spin_lock_irqsave(ref first, out nuint flags);
        spin_lock(ref second);
        spin_unlock(ref second);
        spin_unlock_irqrestore(ref first, flags);
    }

    [Fact]
    public void OppositeOrders_OfFourDifferentLocks_AreFoundByTheirClasses() => Cpu.Run(() =>
    {
        Assert.Empty(Warnings(() => Both(ref _devices[0].Lock, ref _devices[1].Queue)));
        string text = Assert.Single(Warnings(() =>
        {
            Both(ref _devices[2].Queue, ref _devices[3].Lock);
            Both(ref _devices[3].Queue, ref _devices[0].Lock);
        }));
        Assert.StartsWith("WARNING: possible circular locking dependency detected", text);
        Assert.Contains("is trying to acquire lock:\n device->Lock (Context/LockClassTests.cs:", text);
        Assert.Contains("already holding lock:\n device->Queue (Context/LockClassTests.cs:", text);
        Assert.Contains(" -> device->Lock (Context/LockClassTests.cs:", text);
    });

    /// <summary>A tree's nodes are locked from the root down: that two of a class are held is no mistake, only that it goes both ways.</summary>
    [Fact]
    public void TwoOfOneClass_AreReportedOnlyInBothOrders() => Cpu.Run(() =>
    {
        Assert.Empty(Warnings(() =>
        {
            Both(ref _devices[0].Lock, ref _devices[1].Lock);
            Both(ref _devices[1].Lock, ref _devices[2].Lock);
            Both(ref _devices[0].Lock, ref _devices[2].Lock);
        }));
        Assert.Contains("possible circular", Assert.Single(Warnings(() => Both(ref _devices[2].Lock, ref _devices[0].Lock))));
    });

    [Fact]
    public void UseInAHandler_HoldsForTheClass() => Cpu.Run(() =>
    {
        Assert.Empty(Warnings(() => InHandler(() => Take(ref _devices[0].Lock))));
        Assert.StartsWith("WARNING: inconsistent lock state", Assert.Single(Warnings(() => Take(ref _devices[3].Lock))));
    });

    [Fact]
    public void HandlersLock_HeldForOneThatIsTakenWithInterruptsOn_IsReported() => Cpu.Run(() =>
    {
        Assert.Empty(Warnings(() =>
        {
            InHandler(() => Take(ref _devices[0].Lock));
            Take(ref _devices[0].Queue);
        }));
        string text = Assert.Single(Warnings(() =>
        {
            BothIrq(ref _devices[1].Lock, ref _devices[1].Queue);
            BothIrq(ref _devices[2].Lock, ref _devices[2].Queue);
        }));
        Assert.StartsWith("WARNING: HARDIRQ-safe -> HARDIRQ-unsafe lock order detected", text);
        Assert.Contains("a handler takes\n device->Lock (", text);
        Assert.Contains("waits for\n device->Queue (", text);
    });

    [Fact]
    public void HandlersLock_HeldForOneThatIsTakenWithInterruptsOff_IsNoMistake() => Cpu.Run(() => Assert.Empty(Warnings(() =>
    {
        InHandler(() => Take(ref _devices[0].Lock));
        BothIrq(ref _devices[1].Lock, ref _devices[1].Queue);
        spin_lock_irqsave(ref _devices[2].Queue, out nuint flags);
        spin_unlock_irqrestore(ref _devices[2].Queue, flags);
    })));

    /// <summary>The same when the last thing learned is that the second lock is taken with interrupts on, or that a handler takes the first.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void HandlersLock_IsReportedWhateverIsLearnedLast(bool handlerLast) => Cpu.Run(() => Assert.StartsWith("WARNING: HARDIRQ-safe", Assert.Single(Warnings(() =>
    {
        BothIrq(ref _devices[1].Lock, ref _devices[1].Queue);
        if (handlerLast) Take(ref _devices[0].Queue);
        InHandler(() => Take(ref _devices[0].Lock));
        if (!handlerLast) Take(ref _devices[0].Queue);
    }))));

    [Fact]
    public void UninitialisedLocks_AreClassesOfTheirOwn() => Cpu.Run(() =>
    {
        spinlock_t a = default, b = default, c = default, d = default;
        spinlock_t* p = &a, q = &b, r = &c, s = &d;
        Assert.Empty(Warnings(() =>
        {
            Both(ref *p, ref *q);
            Both(ref *r, ref *s);
            Both(ref *q, ref *r);
        }));
    });

    [Fact]
    public void SleepReport_SaysWherePreemptionWasDisabled() => Cpu.Run(() =>
    {
        KernelReports.TracePreemption = true;
        void Check(Action enter, Action leave)
        {
            enter();
            KernelBugException sleep = Assert.Throws<KernelBugException>(() => might_sleep()), scheduled = Assert.Throws<KernelBugException>(schedule);
            leave();
            foreach (string text in new[] { sleep.Message, scheduled.Message })
            {
                int at = text.IndexOf("\nPreemption disabled at:\n KAlloc.Runtime.Tests.LockClassTests", StringComparison.Ordinal);
                Assert.True(at > 0 && at < text.IndexOf("\nCall Trace:", StringComparison.Ordinal), text);
            }
        }

        Check(() => preempt_disable(), preempt_enable);
        Check(() => spin_lock(ref _devices[0].Lock), () => spin_unlock(ref _devices[0].Lock));
        Check(local_bh_disable, local_bh_enable);
        local_irq_disable();
        Assert.DoesNotContain("Preemption disabled at:", Assert.Throws<KernelBugException>(() => might_sleep()).Message);
        local_irq_enable();
    });

    private static void Take(ref spinlock_t l)
    {
        spin_lock(ref l);
        spin_unlock(ref l);
    }

    private static void InHandler(Action action)
    {
        int line = Cpu.NewLine();
        Assert.Equal(0, request_irq(line, (_, _) =>
        {
            action();
            return IRQ_HANDLED;
        }, 0, "classes", null));
        raise_irq(line);
        free_irq(line, null);
    }
}
