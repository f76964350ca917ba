// Code that asks in which context it runs, and sleeps only where it may.

using KAlloc;
using static KAlloc.Linux;

unsafe static class Bodies
{
    static spinlock_t s_lock;

    static void* Get(nuint size) => kmalloc(size, in_atomic() ? GFP_ATOMIC : GFP_KERNEL);

    static void Put(void* p)
    {
        if (in_atomic()) vfree_atomic(p);
        else vfree(p);
    }

    static void Pause()
    {
        if (in_atomic() || irqs_disabled())
        {
            udelay(5);
            return;
        }

        msleep(1);
    }

    static void PauseUnlessInterrupted()
    {
        if (!in_interrupt()) msleep(1);
    }

    static void PauseUnlocked()
    {
        spin_unlock(ref s_lock);
        if (!in_atomic()) msleep(1);
        spin_lock(ref s_lock);
    }

    static void GetLocked()
    {
        spin_lock(ref s_lock);
        void* p = Get(8);
        spin_unlock(ref s_lock);
        kfree(p);
    }

    static void GetUnlocked() => kfree(Get(8));

    static void PutLocked(void* p)
    {
        spin_lock(ref s_lock);
        Put(p);
        spin_unlock(ref s_lock);
    }

    static void PauseLocked()
    {
        spin_lock(ref s_lock);
        Pause();
        spin_unlock(ref s_lock);
    }

    static void PauseWithoutInterrupts()
    {
        local_irq_disable();
        Pause();
        local_irq_enable();
    }

    // A lock is no interrupt.

    static void PauseLockedUnlessInterrupted()
    {
        spin_lock(ref s_lock);
        PauseUnlessInterrupted(); // expect: KA1004
        spin_unlock(ref s_lock);
    }

    // The preempt count does not know that interrupts are off.

    static void AskedForTheWrong()
    {
        local_irq_disable();
        if (!in_atomic()) msleep(1); // expect: KA1003
        local_irq_enable();
    }

    static void AskedTheWrongWayRound()
    {
        spin_lock(ref s_lock);
        if (in_atomic()) msleep(1); // expect: KA1003
        spin_unlock(ref s_lock);
    }

    [InterruptHandler]
    static void InAHandler() => kfree(kmalloc(8, in_interrupt() ? GFP_ATOMIC : GFP_KERNEL));

    [InterruptHandler]
    static void InAHandlerAsATask()
    {
        if (in_task()) msleep(1);
    }

    [InterruptHandler]
    static void InAHandlerOfInterrupts()
    {
        if (in_irq()) msleep(1); // expect: KA1003
    }

    static void WithoutSoftInterrupts()
    {
        local_bh_disable();
        if (!in_softirq() || preempt_count() == 0) msleep(1);
        local_bh_enable();
    }

    static void SavedInterrupts()
    {
        spin_lock_irqsave(ref s_lock, out nuint flags);
        void* p = kmalloc(8, irqs_disabled() ? GFP_ATOMIC : GFP_KERNEL);
        spin_unlock_irqrestore(ref s_lock, flags);
        kfree(p);
    }

    static void AskedBeforeTheLock()
    {
        bool isAtomic = in_atomic();
        spin_lock(ref s_lock);
        if (in_atomic()) udelay(1);
        spin_unlock(ref s_lock);
        if (!isAtomic) msleep(1);
    }

    static void AskedTwice()
    {
        void* p = null;
        if (in_task()) p = kmalloc(8, GFP_ATOMIC);
        if (in_task()) kfree(p);
    }

    static int CountInside()
    {
        spin_lock(ref s_lock);
        int count = preempt_count();
        spin_unlock(ref s_lock);
        return count;
    }

    // Whoever asked held the lock, whatever his caller holds.

    static void AskedInside()
    {
        void* p = null;
        if (CountInside() > 0) p = kmalloc(8, GFP_ATOMIC);
        if (p != null) kfree(p);
        void* q = kmalloc(8, GFP_ATOMIC);
        if (CountInside() == 0) return;
        kfree(q);
    }

    static void GivenUpAndTaken()
    {
        spin_lock(ref s_lock);
        PauseUnlocked();
        spin_unlock(ref s_lock);
    }
}
