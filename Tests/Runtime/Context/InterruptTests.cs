using static KAlloc.Linux;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>Preemption, interrupts and softirqs off and on; when an interrupt is delivered and in which context its handler runs.</summary>
public unsafe class InterruptTests
{
    [Fact]
    public void Preemption_Counts() => Cpu.Run(() =>
    {
        preempt_disable();
        preempt_disable();
        Assert.Equal(2, preempt_count());
        Assert.True(in_atomic());
        Assert.True(in_task());
        preempt_enable();
        preempt_enable();
        Assert.False(in_atomic());
        Bug("preempt_enable without preempt_disable", preempt_enable);
    });

    [Fact]
    public void SoftirqsOff_CountInTheirOwnBits() => Cpu.Run(() =>
    {
        local_bh_disable();
        local_bh_disable();
        Assert.Equal(0x400, preempt_count());
        Assert.True(in_interrupt());
        Assert.True(in_softirq());
        Assert.False(in_serving_softirq());
        Assert.True(in_task());
        local_bh_enable();
        local_bh_enable();
        Bug("local_bh_enable without local_bh_disable", local_bh_enable);
    });

    [Fact]
    public void InterruptState_SavesAndRestores() => Cpu.Run(() =>
    {
        local_irq_save(out nuint outer);
        local_irq_save(out nuint inner);
        local_irq_restore(inner);
        Assert.True(irqs_disabled());
        local_irq_restore(outer);
        Assert.False(irqs_disabled());

        Bug("were restored before", () => local_irq_restore(outer));
        local_irq_save(out nuint ended);
        local_irq_enable();
        Assert.Contains("raw_local_irq_restore() called with IRQs enabled", Assert.Single(Reports(() => local_irq_restore(ended))).Text);
        Bug("were not saved on CPU#", () => local_irq_restore(0));
    });

    [Fact]
    public void InterruptState_RestoredInTheWrongOrder_IsReported_AndTheRightOrderStillWorks() => Cpu.Run(() =>
    {
        spinlock_t a = default, b = default;
        spinlock_t* pa = &a;
        spin_lock_irqsave(ref a, out nuint first);
        spin_lock_irqsave(ref b, out nuint second);

        // Interrupts would be on while b is held.
        Bug("are restored before those that were saved after them", () => spin_unlock_irqrestore(ref *pa, first));
        Assert.True(irqs_disabled());
        spin_unlock_irqrestore(ref b, second);
        Assert.True(irqs_disabled());
        spin_unlock_irqrestore(ref a, first);
    });

    [Fact]
    public void Handler_RunsAtOnce_InHardInterruptContext() => Cpu.Run(() =>
    {
        int line = Cpu.NewLine();
        var seen = new List<(int, bool, bool, bool, bool)>();
        int dev = 0;
        int* cookie = &dev;
        Assert.Equal(0, request_irq(line, (irq, d) =>
        {
            Assert.Equal(line, irq);
            *(int*)d += 1;
            seen.Add((preempt_count(), irqs_disabled(), in_irq(), in_interrupt(), in_task()));
            return IRQ_HANDLED;
        }, 0, "test", cookie));

        raise_irq(line);
        Assert.Equal((0x10000, true, true, true, false), Assert.Single(seen));
        Assert.Equal(1, dev);
        free_irq(line, cookie);
    });

    [Fact]
    public void MaskedInterrupt_IsPendingOnce_AndDeliveredOnEnable() => Cpu.Run(() =>
    {
        int line = Cpu.NewLine();
        int count = 0;
        Assert.Equal(0, request_irq(line, (_, _) => { count++; return IRQ_HANDLED; }, 0, "test", null));

        local_irq_disable();
        raise_irq(line);
        raise_irq(line);
        Assert.Equal(0, count);
        local_irq_enable();
        Assert.Equal(1, count);

        spinlock_t l = default;
        spin_lock_irqsave(ref l, out nuint flags);
        raise_irq(line);
        Assert.Equal(1, count);
        spin_unlock_irqrestore(ref l, flags);
        Assert.Equal(2, count);
        free_irq(line, null);
    });

    [Fact]
    public void InterruptRaisedInAHandler_RunsAfterIt() => Cpu.Run(() =>
    {
        int first = Cpu.NewLine(), second = Cpu.NewLine();
        var order = new List<string>();
        Assert.Equal(0, request_irq(first, (_, _) =>
        {
            raise_irq(second);
            order.Add("first");
            return IRQ_HANDLED;
        }, 0, "first", null));
        Assert.Equal(0, request_irq(second, (_, _) => { order.Add("second"); return IRQ_HANDLED; }, 0, "second", null));
        raise_irq(first);
        Assert.Equal(["first", "second"], order);
        free_irq(first, null);
        free_irq(second, null);
    });

    [Fact]
    public void FunctionPointer_IsAHandlerToo() => Cpu.Run(() =>
    {
        int line = Cpu.NewLine();
        int count = 0;
        int* dev = &count;
        Assert.Equal(0, request_irq(line, &Count, 0, "pointer", dev));
        raise_irq(line);
        Assert.Equal(1, count);
        free_irq(line, dev);

        static irqreturn_t Count(int irq, void* dev)
        {
            ++*(int*)dev;
            return IRQ_HANDLED;
        }
    });

    [Fact]
    public void SharedLine_CallsEachHandler_OthersAreRefused() => Cpu.Run(() =>
    {
        int line = Cpu.NewLine();
        int a = 0, b = 0;
        int* pa = &a, pb = &b;
        irq_handler_t handler = (_, dev) => { ++*(int*)dev; return IRQ_HANDLED; };
        Assert.Equal(-EINVAL, request_irq(line, handler, IRQF_SHARED, "no dev", null));
        Assert.Equal(-EINVAL, request_irq(256, handler, 0, "no line", pa));
        Assert.Equal(-EINVAL, request_irq(line, (irq_handler_t)null!, 0, "no handler", pa));
        Assert.Equal(0, request_irq(line, handler, IRQF_SHARED, "a", pa));
        Assert.Equal(0, request_irq(line, handler, IRQF_SHARED, "b", pb));
        Assert.Equal(-EBUSY, request_irq(line, handler, 0, "c", pb));
        raise_irq(line);
        free_irq(line, pa);
        raise_irq(line);
        free_irq(line, pb);
        Assert.Equal((1, 2), (a, b));
    });

    [Fact]
    public void NobodyCared_AndFreeTwice_AreWarnings() => Cpu.Run(() =>
    {
        int line = Cpu.NewLine();
        Assert.Contains($"irq {line}: nobody cared", Assert.Single(Reports(() => raise_irq(line))).Text);
        Assert.Contains($"already-free IRQ {line}", Assert.Single(Reports(() => free_irq(line, null))).Text);
        Assert.Contains($"Unbalanced enable for IRQ {line}", Assert.Single(Reports(() => enable_irq(line))).Text);
        Bug("interrupt lines are 0 to 255", () => raise_irq(-1));
    });

    [Fact]
    public void DisabledLine_KeepsItsInterruptUntilEnabled() => Cpu.Run(() =>
    {
        int line = Cpu.NewLine();
        int count = 0;
        Assert.Equal(0, request_irq(line, (_, _) => { count++; return IRQ_HANDLED; }, 0, "test", null));
        disable_irq(line);
        disable_irq_nosync(line);
        raise_irq(line);
        enable_irq(line);
        Assert.Equal(0, count);
        enable_irq(line);
        Assert.Equal(1, count);
        free_irq(line, null);
    });

    [Fact]
    public void HandlerThatThrows_LeavesTheThreadInProcessContext() => Cpu.Run(() =>
    {
        int line = Cpu.NewLine();
        bool fail = true;
        Assert.Equal(0, request_irq(line, (_, _) => fail ? throw new InvalidDataException() : IRQ_HANDLED, 0, "test", null));
        Assert.Throws<InvalidDataException>(() => raise_irq(line));
        Assert.Equal((0, false), (preempt_count(), irqs_disabled()));
        fail = false;
        Assert.Empty(Reports(() => raise_irq(line)));
        free_irq(line, null);
    });

    [Fact]
    public void HandlerThatLeavesASection_IsReportedAndPutRight() => Cpu.Run(() =>
    {
        int line = Cpu.NewLine();
        Assert.Equal(0, request_irq(line, (_, _) =>
        {
            preempt_disable();
            local_irq_enable();
            return IRQ_HANDLED;
        }, 0, "sloppy", null));
        List<KernelReport> reports = Reports(() => raise_irq(line));
        Assert.Contains(reports, r => r.Text == $"huh, entered irq {line} handler sloppy with preempt_count 00010000, exited with 00010001?");
        Assert.Contains(reports, r => r.Text == $"irq {line} handler sloppy enabled interrupts");
        Assert.Equal(0, preempt_count());
        free_irq(line, null);
    });

    [Fact]
    public void WaitingForOnesOwnHandler_IsASelfDeadlock() => Cpu.Run(() =>
    {
        int line = Cpu.NewLine();
        Assert.Equal(0, request_irq(line, (irq, dev) => { free_irq(irq, dev); return IRQ_HANDLED; }, 0, "suicidal", null));
        Bug("BUG: sleeping function called from invalid context", () => raise_irq(line));
        free_irq(line, null);
    });

    [Fact]
    public void OneLine_NeverRunsOnTwoCpusAtOnce()
    {
        int line = Cpu.NewLine();
        int inside = 0, most = 0, runs = 0, raised = 0, seen = 0;
        Cpu.Run(() => Assert.Equal(0, request_irq(line, (_, _) =>
        {
            most = Math.Max(most, Interlocked.Increment(ref inside));
            seen = Volatile.Read(ref raised);
            Thread.SpinWait(50);
            Interlocked.Decrement(ref inside);
            runs++;
            return IRQ_HANDLED;
        }, 0, "test", null)));

        void Raise()
        {
            for (int i = 0; i < 2_000; i++)
            {
                Interlocked.Increment(ref raised);
                raise_irq(line);
            }
        }

        Thread other = Cpu.Start(Raise);
        Cpu.Run(Raise);
        other.Join();
        Cpu.Run(() => free_irq(line, null));
        Assert.Equal(1, most);

        // Raised again while its handler runs, a line runs once more, however often it was raised: the last time must be seen.
        Assert.Equal(4_000, seen);
        Assert.InRange(runs, 1, 4_000);
    }
}
