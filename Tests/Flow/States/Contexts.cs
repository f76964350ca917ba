// Open sections and what runs inside of them.

unsafe class Contexts
{
    KernelSpinLock _a, _b;
    static KernelMutex s_mutex;
    static extern bool Ask();
    static extern void Unknown();

    // ends: locks = spin_lock(this._a)
    void Held() => spin_lock(ref _a);

    // ends: locks = none
    void HeldAndReleased() { spin_lock(ref _a); spin_unlock(ref _a); }

    // ends: locks = spin_lock(this._b) spin_lock(this._a)
    void Nested() { spin_lock(ref _a); spin_lock(ref _b); }

    // ends: locks = spin_lock(this._b)
    void ReleasedOutOfOrder() { spin_lock(ref _a); spin_lock(ref _b); spin_unlock(ref _a); }

    // ends: locks = none, x = 0 | locks = spin_lock(this._a), x = 1
    void HeldOnOnePath(bool x) { if (x) spin_lock(ref _a); }

    // ends: locks = spin_trylock(this._a), result = 1 | locks = none, result = 0
    bool Tried() { bool ok = spin_trylock(ref _a); return ok; }

    // ends: locks = spin_lock_irqsave(this._a), flags = ?spin_lock_irqsave(ref _a, out nuint flags)
    void Saved() { spin_lock_irqsave(ref _a, out nuint flags); }

    // ends: locks = none
    void SavedAndRestored() { spin_lock_irqsave(ref _a, out nuint flags); spin_unlock_irqrestore(ref _a, flags); }

    // ends: locks = mutex_lock(Contexts.s_mutex)
    void Mutex() => mutex_lock(ref s_mutex);

    // ends: locks = preempt_disable
    void PreemptionOff() => preempt_disable();

    // ends: locks = local_irq_disable
    void InterruptsOff() => local_irq_disable();

    // ends: locks = none
    void InterruptsOffAndOn() { local_irq_disable(); local_irq_enable(); }

    // ends: locks = rcu_read_lock
    void Rcu() => rcu_read_lock();

    // ends: locks = Handler
    [InterruptHandler] void Handler() { }

    // ends: locks = spin_lock(this._a) Atomic
    [AtomicContext] void Atomic() => spin_lock(ref _a);

    // ends: locks = none
    void FinallyReleases() { spin_lock(ref _a); try { Unknown(); } finally { spin_unlock(ref _a); } }

    // ends: locks = spin_lock(*l)
    static void LockOfParameter(ref KernelSpinLock l) => spin_lock(ref l);

    // ends: locks = Contexts.Take(this._a)
    void TakenByCallee() => Take();
    void Take() => spin_lock(ref _a);

    // ends: locks = none
    void TakenAndGivenByCallees() { Take(); Give(); }
    void Give() => spin_unlock(ref _a);

    // ends: locks = none
    void HandOver() { spin_lock(ref _a); Give(); }
}
