// The kernel face: mutex, semaphore, read-write semaphore and completion. Their waiters sleep, so they are for process context; what never waits (unlock, up, complete,
// try…) may be called anywhere, the mutex's excepted. Zeroed ones are valid: a free mutex, a semaphore of count 0, a completion not done.

using System.Runtime.CompilerServices;

namespace KAlloc;

public static unsafe partial class Linux
{
    /// <summary><c>mutex_init(lock)</c>: makes the mutex free. Not on a mutex in use.</summary>
    /// <param name="lock">The mutex.</param>
    /// <param name="name">Filled in by the compiler, like the next two: the place names the class of locks that <see cref="LockOrder"/> learns by.</param>
    /// <param name="file">Filled in by the compiler.</param>
    /// <param name="line">Filled in by the compiler.</param>
    public static void mutex_init(
        [Borrows] ref mutex_t @lock,
        [CallerArgumentExpression(nameof(@lock))] string name = "", [CallerFilePath] string file = "", [CallerLineNumber] int line = 0) =>
        @lock = new mutex_t { Id = LockClasses.NewId(name, file, line) };

    /// <summary><c>mutex_lock(lock)</c>: sleeps until it has the mutex. Process context only. Locking twice on one thread is a BUG.</summary>
    /// <param name="lock">The mutex.</param>
    [MightSleep]
    [EntersAtomic(LockKind.Sleeping, Lock = nameof(@lock), LeftBy = nameof(mutex_unlock))]
    public static void mutex_lock([Borrows] ref mutex_t @lock)
    {
        MightSleep.Check();
        @lock.Acquire(CpuBlocks.Current, interruptible: false);
    }

    /// <summary><c>mutex_lock_interruptible(lock)</c>: as <see cref="mutex_lock"/>, but ended by <see cref="Thread.Interrupt"/>.</summary>
    /// <param name="lock">The mutex.</param>
    /// <returns>0 with the mutex held, or -EINTR without.</returns>
    [MightSleep]
    [EntersAtomic(LockKind.Sleeping, Lock = nameof(@lock), LeftBy = nameof(mutex_unlock), When = Returned.Zero)]
    public static int mutex_lock_interruptible([Borrows] ref mutex_t @lock)
    {
        MightSleep.Check();
        return @lock.Acquire(CpuBlocks.Current, interruptible: true);
    }

    /// <summary><c>mutex_trylock(lock)</c>: takes the mutex if it is free. Never sleeps, but is not for interrupt context: a WARN there.</summary>
    /// <param name="lock">The mutex.</param>
    /// <returns>Whether it was taken.</returns>
    [EntersAtomic(LockKind.Sleeping, Lock = nameof(@lock), LeftBy = nameof(mutex_unlock), When = Returned.True)]
    public static bool mutex_trylock([Borrows] ref mutex_t @lock)
    {
        CpuBlock* block = CpuBlocks.Current;
        if (block->Execution.InInterrupt) KernelReports.Warn($"WARNING: mutex_trylock() in interrupt context: {ContextReport.Task}, preempt_count: 0x{block->Execution.PreemptCount:x8}");
        return @lock.TryAcquire(block);
    }

    /// <summary><c>mutex_unlock(lock)</c>: only by the thread that locked; anything else is a BUG.</summary>
    /// <param name="lock">The mutex.</param>
    [LeavesAtomic(LockKind.Sleeping, Lock = nameof(@lock))]
    public static void mutex_unlock([Borrows] ref mutex_t @lock) => @lock.Release(CpuBlocks.Current);

    /// <summary><c>mutex_is_locked(lock)</c>: whether any thread holds the mutex. For assertions.</summary>
    /// <param name="lock">The mutex.</param>
    public static bool mutex_is_locked([Borrows] ref mutex_t @lock) => @lock.IsLocked;

    // A semaphore is no section: another thread than the one that took it may give it back, so no contract pairs down and up.

    /// <summary><c>sema_init(sem, count)</c>. Not on a semaphore in use.</summary>
    /// <param name="sem">The semaphore.</param>
    /// <param name="count">How many may take it; not negative.</param>
    public static void sema_init([Borrows] ref semaphore sem, int count)
    {
        if (count < 0)
        {
            KernelReports.Bug($"BUG: sema_init with count {count}");
            return;
        }

        sem = new semaphore { Count = count };
    }

    /// <summary><c>down(sem)</c>: takes one, sleeping while there is none. Process context only.</summary>
    /// <param name="sem">The semaphore.</param>
    [MightSleep]
    public static void down([Borrows] ref semaphore sem)
    {
        MightSleep.Check();
        sem.Down(interruptible: false);
    }

    /// <summary><c>down_interruptible(sem)</c>: as <see cref="down"/>, but ended by <see cref="Thread.Interrupt"/>.</summary>
    /// <param name="sem">The semaphore.</param>
    /// <returns>0, or -EINTR with nothing taken.</returns>
    [MightSleep]
    public static int down_interruptible([Borrows] ref semaphore sem)
    {
        MightSleep.Check();
        return sem.Down(interruptible: true);
    }

    /// <summary><c>down_trylock(sem)</c>: takes one if there is one. Never sleeps; any context.</summary>
    /// <param name="sem">The semaphore.</param>
    /// <returns>0 if one was taken, 1 if not: the opposite of the other trylocks, as in the kernel.</returns>
    public static int down_trylock([Borrows] ref semaphore sem) => sem.TryDown() ? 0 : 1;

    /// <summary><c>up(sem)</c>: gives one. Never sleeps; any context, any thread.</summary>
    /// <param name="sem">The semaphore.</param>
    public static void up([Borrows] ref semaphore sem) => sem.Up();

    /// <summary><c>init_rwsem(sem)</c>: makes it free. Not on one in use.</summary>
    /// <param name="sem">The read-write semaphore.</param>
    /// <param name="name">Filled in by the compiler, like the next two: the place names the class of locks that <see cref="LockOrder"/> learns by.</param>
    /// <param name="file">Filled in by the compiler.</param>
    /// <param name="line">Filled in by the compiler.</param>
    public static void init_rwsem(
        [Borrows] ref rw_semaphore sem,
        [CallerArgumentExpression(nameof(sem))] string name = "", [CallerFilePath] string file = "", [CallerLineNumber] int line = 0) =>
        sem = new rw_semaphore { Id = LockClasses.NewId(name, file, line) };

    /// <summary><c>down_read(sem)</c>: sleeps until it has it for reading. Process context only. Waits behind a waiting writer.</summary>
    /// <param name="sem">The read-write semaphore.</param>
    [MightSleep]
    [EntersAtomic(LockKind.Sleeping, Lock = nameof(sem), Shared = true, LeftBy = nameof(up_read))]
    public static void down_read([Borrows] ref rw_semaphore sem)
    {
        MightSleep.Check();
        sem.AcquireRead(CpuBlocks.Current);
    }

    /// <summary><c>down_read_trylock(sem)</c>: takes it for reading if nobody writes or waits to. Never sleeps.</summary>
    /// <param name="sem">The read-write semaphore.</param>
    /// <returns>1 if it was taken, else 0.</returns>
    [EntersAtomic(LockKind.Sleeping, Lock = nameof(sem), Shared = true, LeftBy = nameof(up_read), When = Returned.NonZero)]
    public static int down_read_trylock([Borrows] ref rw_semaphore sem) => sem.TryAcquireRead(CpuBlocks.Current) ? 1 : 0;

    /// <summary><c>up_read(sem)</c>: by the thread that took it; anything else is a BUG.</summary>
    /// <param name="sem">A read-write semaphore that this thread holds for reading.</param>
    [LeavesAtomic(LockKind.Sleeping, Lock = nameof(sem), Shared = true)]
    public static void up_read([Borrows] ref rw_semaphore sem) => sem.ReleaseRead(CpuBlocks.Current);

    /// <summary><c>down_write(sem)</c>: sleeps until it has it for writing. Process context only.</summary>
    /// <param name="sem">The read-write semaphore.</param>
    [MightSleep]
    [EntersAtomic(LockKind.Sleeping, Lock = nameof(sem), LeftBy = nameof(up_write))]
    public static void down_write([Borrows] ref rw_semaphore sem)
    {
        MightSleep.Check();
        sem.AcquireWrite(CpuBlocks.Current);
    }

    /// <summary><c>down_write_trylock(sem)</c>: takes it for writing if it is free. Never sleeps.</summary>
    /// <param name="sem">The read-write semaphore.</param>
    /// <returns>1 if it was taken, else 0.</returns>
    [EntersAtomic(LockKind.Sleeping, Lock = nameof(sem), LeftBy = nameof(up_write), When = Returned.NonZero)]
    public static int down_write_trylock([Borrows] ref rw_semaphore sem) => sem.TryAcquireWrite(CpuBlocks.Current) ? 1 : 0;

    /// <summary><c>up_write(sem)</c>: by the thread that took it; anything else is a BUG.</summary>
    /// <param name="sem">A read-write semaphore that this thread holds for writing.</param>
    [LeavesAtomic(LockKind.Sleeping, Lock = nameof(sem))]
    public static void up_write([Borrows] ref rw_semaphore sem) => sem.ReleaseWrite(CpuBlocks.Current);

    /// <summary><c>init_completion(x)</c>: not done yet.</summary>
    /// <param name="x">The completion.</param>
    public static void init_completion([Borrows] ref completion x) => x = default;

    /// <summary><c>reinit_completion(x)</c>: not done any more. Not while a thread waits.</summary>
    /// <param name="x">The completion.</param>
    public static void reinit_completion([Borrows] ref completion x) => x.Done = 0;

    /// <summary><c>wait_for_completion(x)</c>: sleeps until it is done. Process context only.</summary>
    /// <param name="x">The completion.</param>
    [MightSleep]
    public static void wait_for_completion([Borrows] ref completion x)
    {
        MightSleep.Check();
        x.Wait(-1);
    }

    /// <summary><c>wait_for_completion_timeout(x, timeout)</c>: as <see cref="wait_for_completion"/>, at most so long.</summary>
    /// <param name="x">The completion.</param>
    /// <param name="timeout">The time in jiffies.</param>
    /// <returns>The jiffies that were left, at least 1, or 0 if time ran out.</returns>
    [MightSleep]
    public static nuint wait_for_completion_timeout([Borrows] ref completion x, nuint timeout)
    {
        MightSleep.Check();
        return (nuint)x.Wait((long)Math.Min(timeout, int.MaxValue));
    }

    /// <summary><c>try_wait_for_completion(x)</c>: whether it is done, using up one completion. Never sleeps; any context.</summary>
    /// <param name="x">The completion.</param>
    public static bool try_wait_for_completion([Borrows] ref completion x) => x.TryWait();

    /// <summary><c>completion_done(x)</c>: whether a wait would return at once.</summary>
    /// <param name="x">The completion.</param>
    public static bool completion_done([Borrows] ref completion x) => Volatile.Read(ref x.Done) != 0;

    /// <summary><c>complete(x)</c>: lets one waiter go on. Never sleeps; any context.</summary>
    /// <param name="x">The completion.</param>
    public static void complete([Borrows] ref completion x) => x.Complete(all: false);

    /// <summary><c>complete_all(x)</c>: lets all waiters go on, those to come included. Never sleeps; any context.</summary>
    /// <param name="x">The completion.</param>
    public static void complete_all([Borrows] ref completion x) => x.Complete(all: true);
}
