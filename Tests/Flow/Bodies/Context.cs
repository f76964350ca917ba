// Where code must not sleep: locks, sections, handlers, flags that decide.

unsafe class Bodies
{
    private spinlock_t _lock, _other;
    private mutex_t _mutex;
    private gfp_t _flags;

    void UnderSpinLock()
    {
        spin_lock(ref _lock);
        void* p = kmalloc(4, GFP_KERNEL); // expect: KA1001
        spin_unlock(ref _lock);
        kfree(p);
    }

    void AfterUnlock()
    {
        spin_lock(ref _lock);
        spin_unlock(ref _lock);
        kfree(kmalloc(4, GFP_KERNEL));
    }

    void AtomicFlags()
    {
        spin_lock(ref _lock);
        void* p = kmalloc(4, GFP_ATOMIC);
        spin_unlock(ref _lock);
        kfree(p);
    }

    void UnderMutex()
    {
        mutex_lock(ref _mutex);
        void* p = kmalloc(4, GFP_KERNEL);
        mutex_unlock(ref _mutex);
        kfree(p);
    }

    void UnderIrqSave()
    {
        spin_lock_irqsave(ref _lock, out nuint flags);
        void* p = kmalloc(4, GFP_KERNEL); // expect: KA1001
        spin_unlock_irqrestore(ref _lock, flags);
        kfree(p);
    }

    void UnderBh()
    {
        spin_lock_bh(ref _lock);
        void* p = kmalloc(4, GFP_NOIO); // expect: KA1001
        spin_unlock_bh(ref _lock);
        kfree(p);
    }

    void PreemptionOff()
    {
        preempt_disable();
        void* p = kmalloc(4, GFP_KERNEL); // expect: KA1001
        preempt_enable();
        kfree(p);
    }

    void InterruptsOff()
    {
        local_irq_disable();
        void* p = kmalloc(4, GFP_NOFS); // expect: KA1001
        local_irq_enable();
        kfree(p);
    }

    void ReadSection()
    {
        rcu_read_lock();
        void* p = kmalloc(4, GFP_KERNEL); // expect: KA1001
        rcu_read_unlock();
        kfree(p);
    }

    void OneOfTwoLocks()
    {
        spin_lock(ref _lock);
        spin_lock(ref _other);
        spin_unlock(ref _lock);
        void* p = kmalloc(4, GFP_KERNEL); // expect: KA1001
        spin_unlock(ref _other);
        kfree(p);
        kfree(kmalloc(4, GFP_KERNEL));
    }

    void FlagsInLocal(bool wait)
    {
        gfp_t flags = wait ? GFP_KERNEL : GFP_ATOMIC;
        spin_lock(ref _lock);
        void* p = kmalloc(4, flags); // expect: KA1001
        spin_unlock(ref _lock);
        kfree(p);
    }

    void FlagsFollowTheLock(bool locked)
    {
        gfp_t flags = locked ? GFP_ATOMIC : GFP_KERNEL;
        if (locked) spin_lock(ref _lock);
        void* p = kmalloc(4, flags);
        if (locked) spin_unlock(ref _lock);
        kfree(p);
    }

    void FlagsOfTheCaller(gfp_t flags)
    {
        spin_lock(ref _lock);
        void* p = kmalloc(4, flags);
        spin_unlock(ref _lock);
        kfree(p);
    }

    void FlagsWithBitAdded(gfp_t flags)
    {
        spin_lock(ref _lock);
        void* p = kmalloc(4, flags | __GFP_DIRECT_RECLAIM); // expect: KA1001
        spin_unlock(ref _lock);
        kfree(p);
    }

    void FlagsWithBitRemoved()
    {
        spin_lock(ref _lock);
        void* p = kmalloc(4, GFP_KERNEL & ~__GFP_DIRECT_RECLAIM);
        spin_unlock(ref _lock);
        kfree(p);
    }

    void FlagsInField()
    {
        _flags = GFP_KERNEL;
        spin_lock(ref _lock);
        void* p = kmalloc(4, _flags);
        spin_unlock(ref _lock);
        kfree(p);
    }

    void TryLock()
    {
        if (!spin_trylock(ref _lock))
        {
            kfree(kmalloc(4, GFP_KERNEL));
            return;
        }

        kfree(kmalloc(4, GFP_KERNEL)); // expect: KA1001
        spin_unlock(ref _lock);
    }

    void DropAndRetake()
    {
        spin_lock(ref _lock);
        spin_unlock(ref _lock);
        void* p = kmalloc(4, GFP_KERNEL);
        spin_lock(ref _lock);
        spin_unlock(ref _lock);
        kfree(p);
    }

    void LoopDropsTheLock(int n)
    {
        spin_lock(ref _lock);
        while (n-- > 0)
        {
            spin_unlock(ref _lock);
            kfree(kmalloc(4, GFP_KERNEL));
            spin_lock(ref _lock);
        }

        spin_unlock(ref _lock);
    }

    void HelperUnlocks()
    {
        spin_lock(ref _lock);
        CalleeUnlock();
        kfree(kmalloc(4, GFP_KERNEL));
    }

    void CalleeUnlock() => spin_unlock(ref _lock);

    [InterruptHandler]
    void HandlerByAttribute() { kfree(kmalloc(4, GFP_KERNEL)); } // expect: KA1001

    [ProcessContext]
    void ProcessByAttribute() { kfree(kmalloc(4, GFP_KERNEL)); }

    static irqreturn_t HandlerByRegistration(int irq, void* dev)
    {
        kfree(kmalloc(4, GFP_ATOMIC));
        kfree(kmalloc(4, GFP_KERNEL)); // expect: KA1001
        return IRQ_HANDLED;
    }

    void Registers()
    {
        request_irq(5, HandlerByRegistration, 0, "test", null);
    }

    void RegistersLambda()
    {
        request_irq(6, (irq, dev) =>
        {
            kfree(kmalloc(4, GFP_KERNEL)); // expect: KA1001
            return IRQ_HANDLED;
        }, 0, "test", null);
    }

    void InterruptsSavedTwice()
    {
        local_irq_save(out nuint outer);
        local_irq_save(out nuint inner);
        local_irq_restore(inner);
        void* p = kmalloc(4, GFP_KERNEL); // expect: KA1001
        local_irq_restore(outer);
        kfree(p);
        kfree(kmalloc(4, GFP_KERNEL));
    }

    void SectionInsideTry(bool early)
    {
        void* p = vmalloc(4);
        if (p == null) return;
        try
        {
            if (early) return;
            spin_lock(ref _lock);
            Console.WriteLine();
            spin_unlock(ref _lock);
        }
        finally
        {
            vfree(p);
        }
    }

    void ReturnsInsideSectionOfTry(bool early)
    {
        void* p = vmalloc(4);
        if (p == null) return;
        spin_lock(ref _lock);
        try
        {
            if (early) return;
        }
        finally
        {
            vfree(p); // expect: KA1002
            spin_unlock(ref _lock);
        }
    }

    private static byte* s_kept, s_shared;

    void KeptAcrossLock(bool free)
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        if (p == null) return;
        s_kept = p;
        spin_lock(ref _lock);
        kfree(s_kept);
        spin_unlock(ref _lock);
        *p = 1; // expect: KA4006
    }

    void SharedAcrossLock()
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        if (p == null) return;
        s_shared = p;
        spin_lock(ref _lock);
        kfree(s_shared);
        spin_unlock(ref _lock);
        *p = 1;
    }

    void OtherWriter(byte* other)
    {
        spin_lock(ref _lock);
        s_shared = other;
        spin_unlock(ref _lock);
    }
}
