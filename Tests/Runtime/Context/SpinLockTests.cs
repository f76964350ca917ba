using static KAlloc.Linux;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>Spin locks and read-write locks: what each form switches off, who excludes whom, and each wrong use.</summary>
public unsafe class SpinLockTests
{
    private const int Preempt = 1;
    private const int SoftIrqOff = 0x200;

    [Fact]
    public void EachForm_SwitchesOffWhatItsNameSays() => Cpu.Run(() =>
    {
        spinlock_t l = default;
        spin_lock(ref l);
        Assert.Equal((Preempt, false), (preempt_count(), irqs_disabled()));
        Assert.True(spin_is_locked(ref l));
        spin_unlock(ref l);

        spin_lock_bh(ref l);
        Assert.Equal((SoftIrqOff + Preempt, false), (preempt_count(), irqs_disabled()));
        spin_unlock_bh(ref l);

        spin_lock_irq(ref l);
        Assert.Equal((Preempt, true), (preempt_count(), irqs_disabled()));
        spin_unlock_irq(ref l);

        spin_lock_irqsave(ref l, out nuint flags);
        Assert.Equal((Preempt, true), (preempt_count(), irqs_disabled()));
        spin_unlock_irqrestore(ref l, flags);
        Assert.False(spin_is_locked(ref l));
    });

    [Fact]
    public void RawForms_AreTheSame() => Cpu.Run(() =>
    {
        raw_spinlock_t l = default;
        raw_spin_lock_init(ref l);
        raw_spin_lock(ref l);
        Assert.Equal(Preempt, preempt_count());
        raw_spin_unlock(ref l);
        raw_spin_lock_bh(ref l);
        Assert.Equal(SoftIrqOff + Preempt, preempt_count());
        raw_spin_unlock_bh(ref l);
        raw_spin_lock_irq(ref l);
        Assert.True(irqs_disabled());
        raw_spin_unlock_irq(ref l);
        raw_spin_lock_irqsave(ref l, out nuint flags);
        Assert.True(irqs_disabled());
        raw_spin_unlock_irqrestore(ref l, flags);
        Assert.True(raw_spin_trylock(ref l));
        raw_spin_unlock(ref l);
        Assert.True(raw_spin_trylock_irqsave(ref l, out flags));
        raw_spin_unlock_irqrestore(ref l, flags);
    });

    [Fact]
    public void IrqSave_Nested_RestoresTheOuterState() => Cpu.Run(() =>
    {
        spinlock_t outer = default, inner = default;
        spin_lock_irqsave(ref outer, out nuint first);
        spin_lock_irqsave(ref inner, out nuint second);
        Assert.Equal(2, preempt_count());
        spin_unlock_irqrestore(ref inner, second);
        Assert.True(irqs_disabled());
        spin_unlock_irqrestore(ref outer, first);
        Assert.False(irqs_disabled());
    });

    [Fact]
    public void ReleasedOutOfOrder_BothAreFree() => Cpu.Run(() =>
    {
        spinlock_t a = default, b = default;
        spin_lock(ref a);
        spin_lock(ref b);
        spin_unlock(ref a);
        Assert.True(spin_is_locked(ref b));
        spin_unlock(ref b);
    });

    [Fact]
    public void TryLock_OfATakenLock_IsFalseAndChangesNothing() => Cpu.Run(() =>
    {
        var shared = new SharedLock();
        using var taken = new ManualResetEventSlim();
        using var done = new ManualResetEventSlim();
        Thread other = Cpu.Start(() =>
        {
            spin_lock(ref shared.Lock);
            taken.Set();
            done.Wait();
            spin_unlock(ref shared.Lock);
        });
        taken.Wait();
        Assert.False(spin_trylock(ref shared.Lock));
        Assert.False(spin_trylock_irqsave(ref shared.Lock, out _));
        Assert.Equal((0, false), (preempt_count(), irqs_disabled()));
        done.Set();
        other.Join();
        Assert.True(spin_trylock(ref shared.Lock));
        spin_unlock(ref shared.Lock);
    });

    [Fact]
    public void TwoThreads_ExcludeEachOther()
    {
        const int Rounds = 20_000;
        var shared = new SharedLock();
        void Count()
        {
            for (int i = 0; i < Rounds; i++)
            {
                spin_lock(ref shared.Lock);
                shared.Counter++;
                spin_unlock(ref shared.Lock);
            }
        }

        Thread other = Cpu.Start(Count);
        Cpu.Run(Count);
        other.Join();
        Assert.Equal(2 * Rounds, shared.Counter);
    }

    [Fact]
    public void LockTwice_IsReportedAndNotHung() => Cpu.Run(() =>
    {
        spinlock_t l = default;
        spinlock_t* p = &l;
        spin_lock(ref l);
        Bug("BUG: spinlock recursion on CPU#", () => spin_lock(ref *p));
        Bug("1 lock held by test/", () => spin_lock_irq(ref *p));
        Bug("BUG: spinlock recursion on CPU#", () => spin_lock_irqsave(ref *p, out _));
        Bug("BUG: spinlock recursion on CPU#", () => spin_lock_bh(ref *p));
        Assert.Equal((1, false), (preempt_count(), irqs_disabled()));
        spin_unlock(ref l);
    });

    [Fact]
    public void HandlerThatTakesTheLockItsThreadHolds_IsASelfDeadlock() => Cpu.Run(() =>
    {
        int line = Cpu.NewLine();
        spinlock_t l = default;
        spinlock_t* held = &l;
        Assert.Equal(0, request_irq(line, (_, dev) =>
        {
            spin_lock(ref *(spinlock_t*)dev);
            spin_unlock(ref *(spinlock_t*)dev);
            return IRQ_HANDLED;
        }, 0, "deadlock", held));

        spin_lock(ref l);
        Bug("BUG: spinlock recursion", () => raise_irq(line));
        Assert.Equal((1, false), (preempt_count(), irqs_disabled()));
        spin_unlock(ref l);

        raise_irq(line);
        free_irq(line, held);
    });

    [Fact]
    public void UnlockOfAFreeLock_IsABug() => Cpu.Run(() =>
    {
        spinlock_t l = default;
        spinlock_t* p = &l;
        Bug("BUG: spinlock already unlocked on CPU#", () => spin_unlock(ref *p));
        Bug("BUG: spinlock already unlocked on CPU#", () => spin_unlock_bh(ref *p));
        Bug("BUG: spinlock already unlocked on CPU#", () => spin_unlock_irq(ref *p));
        Bug("BUG: spinlock already unlocked on CPU#", () => spin_unlock_irqrestore(ref *p, 0));
    });

    [Fact]
    public void UnlockOfAnotherThreadsLock_IsABug()
    {
        var shared = new SharedLock();
        Cpu.Run(() =>
        {
            spin_lock(ref shared.Lock);
            AggregateException wrong = Assert.Throws<AggregateException>(() => Cpu.Run(() => spin_unlock(ref shared.Lock)));
            Assert.Contains("spinlock wrong owner", wrong.Message);
            spin_unlock(ref shared.Lock);
        });
    }

    [Fact]
    public void RestoreOfFlagsThatNobodySaved_IsABug() => Cpu.Run(() =>
    {
        spinlock_t l = default;
        spinlock_t* p = &l;
        spin_lock_irqsave(ref l, out nuint flags);
        Bug("were not saved on CPU#", () => spin_unlock_irqrestore(ref *p, 0));
        Assert.True(spin_is_locked(ref l));
        spin_unlock_irqrestore(ref l, flags);
    });

    [Fact]
    public void ReadLock_IsShared_WriteLockIsNot() => Cpu.Run(() =>
    {
        var shared = new SharedLock();
        read_lock(ref shared.ReadWrite);
        read_lock(ref shared.ReadWrite);
        Assert.Equal(2, preempt_count());

        bool written = false;
        Thread reader = Cpu.Start(() =>
        {
            read_lock(ref shared.ReadWrite);
            read_unlock(ref shared.ReadWrite);
        });
        reader.Join();
        Thread writer = Cpu.Start(() =>
        {
            write_lock(ref shared.ReadWrite);
            Volatile.Write(ref written, true);
            write_unlock(ref shared.ReadWrite);
        });
        Thread.Sleep(20);
        Assert.False(Volatile.Read(ref written));
        read_unlock(ref shared.ReadWrite);
        read_unlock(ref shared.ReadWrite);
        writer.Join();
        Assert.True(written);
    });

    [Fact]
    public void ReadWriteForms_SwitchOffWhatTheirNamesSay() => Cpu.Run(() =>
    {
        rwlock_t l = default;
        rwlock_init(ref l);
        read_lock_bh(ref l);
        Assert.Equal(SoftIrqOff + Preempt, preempt_count());
        read_unlock_bh(ref l);
        read_lock_irq(ref l);
        Assert.True(irqs_disabled());
        read_unlock_irq(ref l);
        read_lock_irqsave(ref l, out nuint flags);
        Assert.True(irqs_disabled());
        read_unlock_irqrestore(ref l, flags);
        write_lock_bh(ref l);
        Assert.Equal(SoftIrqOff + Preempt, preempt_count());
        write_unlock_bh(ref l);
        write_lock_irq(ref l);
        Assert.True(irqs_disabled());
        write_unlock_irq(ref l);
        write_lock_irqsave(ref l, out flags);
        Assert.True(irqs_disabled());
        write_unlock_irqrestore(ref l, flags);
    });

    [Fact]
    public void ReadWriteLock_WrongUse_IsABug() => Cpu.Run(() =>
    {
        rwlock_t l = default;
        rwlock_t* p = &l;
        Bug("rwlock already unlocked", () => read_unlock(ref *p));
        Bug("rwlock wrong owner", () => write_unlock(ref *p));
        write_lock(ref l);
        Bug("rwlock recursion", () => read_lock(ref *p));
        Bug("rwlock recursion", () => write_lock(ref *p));
        write_unlock(ref l);
        read_lock(ref l);
        Bug("rwlock recursion", () => write_lock(ref *p));
        read_unlock(ref l);
    });

    [Fact]
    public void MoreLocksThanAreRemembered_StillBalance() => Cpu.Run(() =>
    {
        var locks = new spinlock_t[60];
        for (int i = 0; i < locks.Length; i++) spin_lock(ref locks[i]);
        for (int i = 0; i < locks.Length; i++) spin_unlock(ref locks[i]);
    });

    private sealed class SharedLock
    {
        public spinlock_t Lock;
        public rwlock_t ReadWrite;
        public int Counter;
    }
}
