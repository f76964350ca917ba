using static KAlloc.Linux;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>Mutex, semaphore and completion: waiting and waking, interruption, and each wrong use.</summary>
public unsafe class SleepingLockTests
{
    private sealed class Shared
    {
        public mutex_t Mutex;
        public semaphore Semaphore;
        public completion Completion;
        public int Counter;
    }

    [Fact]
    public void Mutex_ExcludesThreads()
    {
        const int Rounds = 10_000;
        var shared = new Shared();
        void Count()
        {
            for (int i = 0; i < Rounds; i++)
            {
                mutex_lock(ref shared.Mutex);
                shared.Counter++;
                mutex_unlock(ref shared.Mutex);
            }
        }

        Thread[] others = [Cpu.Start(Count), Cpu.Start(Count)];
        Cpu.Run(Count);
        foreach (Thread other in others) other.Join();
        Assert.Equal(3 * Rounds, shared.Counter);
        Assert.False(mutex_is_locked(ref shared.Mutex));
    }

    [Fact]
    public void Mutex_MayBeHeldAcrossASleep_AndWakesItsWaiter() => Cpu.Run(() =>
    {
        var shared = new Shared();
        mutex_lock(ref shared.Mutex);
        Assert.False(OnAnother(() => mutex_trylock(ref shared.Mutex)));
        bool taken = false;
        Thread waiter = Cpu.Start(() =>
        {
            mutex_lock(ref shared.Mutex);
            Volatile.Write(ref taken, true);
            mutex_unlock(ref shared.Mutex);
        });
        msleep(20);
        Assert.False(Volatile.Read(ref taken));
        mutex_unlock(ref shared.Mutex);
        waiter.Join();
        Assert.True(taken);
    });

    private static bool OnAnother(Func<bool> action)
    {
        bool result = false;
        Cpu.Start(() => result = action()).Join();
        return result;
    }

    [Fact]
    public void Mutex_WrongUse_IsABug() => Cpu.Run(() =>
    {
        var shared = new Shared();
        Bug("WARNING: bad unlock balance detected!", () => mutex_unlock(ref shared.Mutex));
        mutex_lock(ref shared.Mutex);
        Bug("WARNING: possible recursive locking detected", () => mutex_lock(ref shared.Mutex));
        AggregateException foreign = Assert.Throws<AggregateException>(() => Cpu.Run(() => mutex_unlock(ref shared.Mutex)));
        Assert.Contains("but it is held on CPU#", foreign.Message);
        Assert.True(mutex_is_locked(ref shared.Mutex));
        mutex_unlock(ref shared.Mutex);

        local_bh_disable();
        Assert.Contains("mutex_trylock() in interrupt context", Assert.Single(Reports(() => Assert.True(mutex_trylock(ref shared.Mutex)))).Text);
        mutex_unlock(ref shared.Mutex);
        local_bh_enable();
    });

    [Fact]
    public void InterruptibleWaits_EndWithEintr() => Cpu.Run(() =>
    {
        var shared = new Shared();
        mutex_lock(ref shared.Mutex);
        int locked = 0, downed = 0;
        Thread waiter = Cpu.Start(() => locked = mutex_lock_interruptible(ref shared.Mutex));
        Thread.Sleep(20);
        waiter.Interrupt();
        waiter.Join();
        Assert.Equal(-EINTR, locked);
        mutex_unlock(ref shared.Mutex);
        Assert.Equal(0, mutex_lock_interruptible(ref shared.Mutex));
        mutex_unlock(ref shared.Mutex);

        waiter = Cpu.Start(() => downed = down_interruptible(ref shared.Semaphore));
        Thread.Sleep(20);
        waiter.Interrupt();
        waiter.Join();
        Assert.Equal(-EINTR, downed);
    });

    [Fact]
    public void UninterruptibleWait_GoesOn_AndPassesTheInterruptOn() => Cpu.Run(() =>
    {
        var shared = new Shared();
        mutex_lock(ref shared.Mutex);
        bool passedOn = false;
        Thread waiter = Cpu.Start(() =>
        {
            mutex_lock(ref shared.Mutex);
            mutex_unlock(ref shared.Mutex);
            try
            {
                Thread.Sleep(10_000);
            }
            catch (ThreadInterruptedException)
            {
                passedOn = true;
            }
        });
        Thread.Sleep(20);
        waiter.Interrupt();
        Thread.Sleep(20);
        Assert.True(waiter.IsAlive);
        mutex_unlock(ref shared.Mutex);
        waiter.Join();
        Assert.True(passedOn);
    });

    [Fact]
    public void Semaphore_Counts() => Cpu.Run(() =>
    {
        var shared = new Shared();
        Assert.Equal(1, down_trylock(ref shared.Semaphore));
        sema_init(ref shared.Semaphore, 2);
        down(ref shared.Semaphore);
        down(ref shared.Semaphore);
        Assert.Equal(1, down_trylock(ref shared.Semaphore));
        Thread waiter = Cpu.Start(() => down(ref shared.Semaphore));
        Thread.Sleep(20);
        Assert.True(waiter.IsAlive);
        up(ref shared.Semaphore);
        waiter.Join();
        Bug("sema_init with count -1", () => sema_init(ref shared.Semaphore, -1));
    });

    [Fact]
    public void Completion_WakesOneOrAll_AndTimesOut() => Cpu.Run(() =>
    {
        var shared = new Shared();
        Assert.Equal((nuint)0, wait_for_completion_timeout(ref shared.Completion, 10));
        Thread waiter = Cpu.Start(() => wait_for_completion(ref shared.Completion));
        Thread.Sleep(10);
        complete(ref shared.Completion);
        waiter.Join();
        Assert.False(completion_done(ref shared.Completion));

        complete_all(ref shared.Completion);
        Assert.True(wait_for_completion_timeout(ref shared.Completion, 1000) > 0);
        wait_for_completion(ref shared.Completion);
        Assert.True(completion_done(ref shared.Completion));
        reinit_completion(ref shared.Completion);
        Assert.False(try_wait_for_completion(ref shared.Completion));
    });
}
