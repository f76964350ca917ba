// Locks and sleeps across methods: what a callee opens and leaves, and whether it sleeps for what it is given.

unsafe class Bodies
{
    private static spinlock_t s_lock;

    static byte* CalleeMake(nuint size, gfp_t flags) => (byte*)kmalloc(size, flags);

    static void CalleeLock() => spin_lock(ref s_lock);

    static void CalleeUnlock() => spin_unlock(ref s_lock);

    static void CalleeSleeps() => msleep(10);

    static void CalleeSleepsDeep() => CalleeSleeps();

    void SleepsBelow()
    {
        spin_lock(ref s_lock);
        CalleeSleepsDeep(); // expect: KA1004
        spin_unlock(ref s_lock);
    }

    void SleepsByFlags()
    {
        spin_lock(ref s_lock);
        byte* p = CalleeMake(8, GFP_KERNEL); // expect: KA1004
        spin_unlock(ref s_lock);
        kfree(p);
    }

    void DoesNotSleepByFlags()
    {
        spin_lock(ref s_lock);
        byte* p = CalleeMake(8, GFP_ATOMIC);
        spin_unlock(ref s_lock);
        kfree(p);
    }

    void LockedInCallee()
    {
        CalleeLock();
        byte* p = (byte*)kmalloc(8, GFP_KERNEL); // expect: KA1001
        CalleeUnlock();
        kfree(p);
    }

    void UnlockedInCallee()
    {
        CalleeLock();
        CalleeUnlock();
        kfree(kmalloc(8, GFP_KERNEL));
    }
}
