// The rows of the kernel's context rules: what enters atomic context, what always runs in it, what may sleep. A row whose function KAlloc has comes
// with code that uses it; the others are listed as not part of KAlloc. The same rows make docs/contexts.md.

using System.Runtime.InteropServices;
using static KAlloc.Linux;

namespace KAlloc.Runtime.Tests;

/// <summary>A section or handler: <paramref name="In"/> runs the action inside it and leaves it; null: not part of KAlloc.</summary>
public sealed record ContextRow(string Enter, string Leave, Action<Action>? In = null)
{
    public override string ToString() => Enter;
}

/// <summary>A call that may sleep. <paramref name="Prepare"/> makes, in process context, what the call needs, and returns the call; null: not part of KAlloc.</summary>
public sealed record SleepRow(string Function, string When, Func<Action>? Prepare = null)
{
    /// <summary>In an interrupt the call puts its work off instead of sleeping.</summary>
    public bool DeferredInInterrupt { get; init; }

    /// <summary>The same call, where it does not sleep: not reported even in atomic context.</summary>
    public Action? Harmless { get; init; }

    public override string ToString() => Function;
}

internal static unsafe class ContextRows
{
    /// <summary>No other test opens this one.</summary>
    private const int Softirq = 9;

    public static readonly ContextRow[] Sections =
    [
        Spin("spin_lock", "spin_unlock", (ref l) => spin_lock(ref l), (ref l) => spin_unlock(ref l)),
        Spin("spin_trylock", "spin_unlock", (ref l) => Assert.True(spin_trylock(ref l)), (ref l) => spin_unlock(ref l)),
        new("spin_trylock_irqsave", "spin_unlock_irqrestore", inside =>
        {
            spinlock_t l = default;
            Assert.True(spin_trylock_irqsave(ref l, out nuint flags));
            inside();
            spin_unlock_irqrestore(ref l, flags);
        }),
        Spin("spin_lock_irq", "spin_unlock_irq", (ref l) => spin_lock_irq(ref l), (ref l) => spin_unlock_irq(ref l)),
        Spin("spin_lock_bh", "spin_unlock_bh", (ref l) => spin_lock_bh(ref l), (ref l) => spin_unlock_bh(ref l)),
        new("spin_lock_irqsave", "spin_unlock_irqrestore", inside =>
        {
            spinlock_t l = default;
            spin_lock_irqsave(ref l, out nuint flags);
            inside();
            spin_unlock_irqrestore(ref l, flags);
        }),
        Raw("raw_spin_lock", "raw_spin_unlock", (ref l) => raw_spin_lock(ref l), (ref l) => raw_spin_unlock(ref l)),
        Raw("raw_spin_trylock", "raw_spin_unlock", (ref l) => Assert.True(raw_spin_trylock(ref l)), (ref l) => raw_spin_unlock(ref l)),
        new("raw_spin_trylock_irqsave", "raw_spin_unlock_irqrestore", inside =>
        {
            raw_spinlock_t l = default;
            Assert.True(raw_spin_trylock_irqsave(ref l, out nuint flags));
            inside();
            raw_spin_unlock_irqrestore(ref l, flags);
        }),
        Raw("raw_spin_lock_irq", "raw_spin_unlock_irq", (ref l) => raw_spin_lock_irq(ref l), (ref l) => raw_spin_unlock_irq(ref l)),
        Raw("raw_spin_lock_bh", "raw_spin_unlock_bh", (ref l) => raw_spin_lock_bh(ref l), (ref l) => raw_spin_unlock_bh(ref l)),
        new("raw_spin_lock_irqsave", "raw_spin_unlock_irqrestore", inside =>
        {
            raw_spinlock_t l = default;
            raw_spin_lock_irqsave(ref l, out nuint flags);
            inside();
            raw_spin_unlock_irqrestore(ref l, flags);
        }),
        ReadWrite("read_lock", "read_unlock", (ref l) => read_lock(ref l), (ref l) => read_unlock(ref l)),
        ReadWrite("read_lock_irq", "read_unlock_irq", (ref l) => read_lock_irq(ref l), (ref l) => read_unlock_irq(ref l)),
        ReadWrite("read_lock_bh", "read_unlock_bh", (ref l) => read_lock_bh(ref l), (ref l) => read_unlock_bh(ref l)),
        new("read_lock_irqsave", "read_unlock_irqrestore", inside =>
        {
            rwlock_t l = default;
            read_lock_irqsave(ref l, out nuint flags);
            inside();
            read_unlock_irqrestore(ref l, flags);
        }),
        ReadWrite("write_lock", "write_unlock", (ref l) => write_lock(ref l), (ref l) => write_unlock(ref l)),
        ReadWrite("write_lock_irq", "write_unlock_irq", (ref l) => write_lock_irq(ref l), (ref l) => write_unlock_irq(ref l)),
        ReadWrite("write_lock_bh", "write_unlock_bh", (ref l) => write_lock_bh(ref l), (ref l) => write_unlock_bh(ref l)),
        new("write_lock_irqsave", "write_unlock_irqrestore", inside =>
        {
            rwlock_t l = default;
            write_lock_irqsave(ref l, out nuint flags);
            inside();
            write_unlock_irqrestore(ref l, flags);
        }),
        new("bit_spin_lock", "bit_spin_unlock"),
        new("local_irq_disable", "local_irq_enable", inside => Between(local_irq_disable, inside, local_irq_enable)),
        new("local_irq_save", "local_irq_restore", inside =>
        {
            local_irq_save(out nuint flags);
            inside();
            local_irq_restore(flags);
        }),
        new("preempt_disable", "preempt_enable", inside => Between(preempt_disable, inside, preempt_enable)),
        new("local_bh_disable", "local_bh_enable", inside => Between(local_bh_disable, inside, local_bh_enable)),
        new("rcu_read_lock", "rcu_read_unlock", inside => Between(rcu_read_lock, inside, rcu_read_unlock)),
        new("rcu_read_lock_bh", "rcu_read_unlock_bh"),
        new("rcu_read_lock_sched", "rcu_read_unlock_sched"),
        new("get_cpu", "put_cpu", inside => Between(() => get_cpu(), inside, put_cpu)),
        new("get_cpu_var", "put_cpu_var"),
        new("get_cpu_ptr", "put_cpu_ptr", inside =>
        {
            int* counters = alloc_percpu<int>();
            Assert.True(get_cpu_ptr(counters) != null);
            inside();
            put_cpu_ptr(counters);
            free_percpu(counters);
        }),
        new("kmap_atomic", "kunmap_atomic", inside =>
        {
            page* page = alloc_page(GFP_KERNEL);
            void* address = kmap_atomic(page);
            inside();
            kunmap_atomic(address);
            __free_page(page);
        }),
        new("write_seqlock", "write_sequnlock"),
        new("pagefault_disable", "pagefault_enable"),
    ];

    /// <summary>Handlers that always run in atomic context.</summary>
    public static readonly ContextRow[] Handlers =
    [
        new("request_irq", "hard interrupt handler", inside =>
        {
            int line = Cpu.NewLine();
            Assert.Equal(0, request_irq(line, (_, _) => { inside(); return IRQ_HANDLED; }, 0, "row", null));
            raise_irq(line);
            free_irq(line, null);
        }),
        new("request_threaded_irq", "first half of a threaded interrupt", inside =>
        {
            int line = Cpu.NewLine();
            Assert.Equal(0, request_threaded_irq(line, (_, _) => { inside(); return IRQ_HANDLED; }, (_, _) => IRQ_HANDLED, 0, "row", null));
            raise_irq(line);
            free_irq(line, null);
        }),
        new("open_softirq", "softirq action", inside =>
        {
            open_softirq(Softirq, () => inside());
            raise_softirq(Softirq);
        }),
        new("tasklet_init", "tasklet", inside => WithNative<tasklet_struct>(t =>
        {
            tasklet_init(ref *(tasklet_struct*)t, _ => inside(), 0);
            tasklet_schedule(ref *(tasklet_struct*)t);
            tasklet_kill(ref *(tasklet_struct*)t);
        })),
        new("timer_setup", "timer callback", inside => WithNative<timer_list>(t => Elsewhere(inside, done =>
        {
            timer_setup(ref *(timer_list*)t, _ => done(), 0);
            mod_timer(ref *(timer_list*)t, jiffies);
        }))),
        new("call_rcu", "RCU callback", inside => WithNative<rcu_head>(h => Elsewhere(inside, done => call_rcu((rcu_head*)h, _ => done())))),
        new("hrtimer_init", "hrtimer callback"),
        new("smp_call_function", "function called on another CPU"),
        new("register_nmi_handler", "NMI handler"),
    ];

    /// <summary>What runs in process context: sleeping there is not reported.</summary>
    public static readonly ContextRow[] Process =
    [
        new("kthread_run", "kernel thread", inside => Elsewhere(inside, done => kthread_run(_ => { done(); return 0; }, null, "row"))),
        new("INIT_WORK", "work item", inside => WithNative<work_struct>(w => Elsewhere(inside, done =>
        {
            INIT_WORK(ref *(work_struct*)w, _ => done());
            schedule_work(ref *(work_struct*)w);
        }))),
        new("INIT_DELAYED_WORK", "delayed work item", inside => WithNative<delayed_work>(w => Elsewhere(inside, done =>
        {
            INIT_DELAYED_WORK(ref *(delayed_work*)w, _ => done());
            schedule_delayed_work(ref *(delayed_work*)w, 0);
        }))),
        Condition("wait_event", (ref q, condition) => wait_event(ref q, condition)),
        Condition("wait_event_interruptible", (ref q, condition) => wait_event_interruptible(ref q, condition)),
        Condition("wait_event_timeout", (ref q, condition) => wait_event_timeout(ref q, condition, 1)),
        new("request_threaded_irq", "threaded interrupt handler", inside =>
        {
            int line = Cpu.NewLine();
            Elsewhere(inside, done =>
            {
                Assert.Equal(0, request_threaded_irq(line, null, (_, _) => { done(); return IRQ_HANDLED; }, IRQF_ONESHOT, "row", null));
                raise_irq(line);
            });
            free_irq(line, null);
        }),
    ];

    private delegate void OnSpin(ref spinlock_t l);

    private delegate void OnRaw(ref raw_spinlock_t l);

    private delegate void OnReadWrite(ref rwlock_t l);

    private delegate void OnQueue(ref wait_queue_head_t q, WaitCondition condition);

    private static ContextRow Condition(string enter, OnQueue wait) => new(enter, "condition that is waited for", inside =>
    {
        wait_queue_head_t q = default;
        wait(ref q, () =>
        {
            inside();
            return true;
        });
    });

    private static ContextRow Spin(string enter, string leave, OnSpin take, OnSpin release) => new(enter, leave, inside =>
    {
        spinlock_t l = default;
        take(ref l);
        inside();
        release(ref l);
    });

    private static ContextRow Raw(string enter, string leave, OnRaw take, OnRaw release) => new(enter, leave, inside =>
    {
        raw_spinlock_t l = default;
        take(ref l);
        inside();
        release(ref l);
    });

    private static ContextRow ReadWrite(string enter, string leave, OnReadWrite take, OnReadWrite release) => new(enter, leave, inside =>
    {
        rwlock_t l = default;
        take(ref l);
        inside();
        release(ref l);
    });

    private static void Between(Action enter, Action inside, Action leave)
    {
        enter();
        inside();
        leave();
    }

    /// <summary>Runs a body with a zeroed struct in native memory.</summary>
    internal static void WithNative<T>(Action<nint> body) where T : unmanaged
    {
        void* memory = NativeMemory.AllocZeroed((nuint)sizeof(T));
        body((nint)memory);
        NativeMemory.Free(memory);
    }

    /// <summary>Has the action run by a handler on another thread, waits for it and passes its failure on.</summary>
    private static void Elsewhere(Action action, Action<Action> start)
    {
        using var ran = new ManualResetEventSlim();
        Exception? failure = null;
        start(() =>
        {
            failure = Record.Exception(action);
            ran.Set();
        });
        Assert.True(ran.Wait(TimeSpan.FromSeconds(30)), "the handler never ran");
        if (failure is not null) throw new AggregateException(failure.Message, failure);
    }
}
