// Locks that are taken in one place and left in another, dropped and taken back, or taken only sometimes: all of it balanced.

using KAlloc;
using static KAlloc.Linux;

namespace Corpus;

public unsafe struct WorkItem
{
    public WorkItem* Next;
    public KernelSpinLock Lock;
    public int State;
    public void* Result;
}

public sealed unsafe class WorkQueue
{
    private KernelSpinLock _lock;
    private KernelMutex _config;
    private KernelReadWriteLock _table;
    private WorkItem* _first;
    private bool _closed;
    private int _limit;

    // Begin and End of one section, in two methods.
    private void Begin() => spin_lock(ref _lock);

    private void End() => spin_unlock(ref _lock);

    public int Count()
    {
        Begin();
        int count = 0;
        for (WorkItem* item = _first; item != null; item = item->Next) count++;
        End();
        return count;
    }

    // The lock comes with the item: null means that it is not held.
    public WorkItem* FindLocked(int state)
    {
        spin_lock(ref _lock);
        for (WorkItem* item = _first; item != null; item = item->Next)
        {
            spin_lock(ref item->Lock);
            if (item->State == state)
            {
                spin_unlock(ref _lock);
                return item;
            }

            spin_unlock(ref item->Lock);
        }

        spin_unlock(ref _lock);
        return null;
    }

    // Called with the lock held: gives it up while it sleeps.
    private bool WaitForRoom(int retries)
    {
        while (_limit == 0)
        {
            if (retries-- == 0) return false;
            spin_unlock(ref _lock);
            msleep(1);
            spin_lock(ref _lock);
            if (_closed) return false;
        }

        return true;
    }

    public int Add(WorkItem* item)
    {
        int error = -ENOMEM;
        void* result = kmalloc(64, GFP_KERNEL);
        if (result == null) goto out_free;
        spin_lock_irqsave(ref _lock, out nuint flags);
        error = -EPIPE;
        if (_closed) goto out_unlock;
        error = -EBUSY;
        if (_limit == 0) goto out_unlock;
        item->Result = result;
        item->Next = _first;
        _first = item;
        _limit--;
        spin_unlock_irqrestore(ref _lock, flags);
        return 0;

    out_unlock:
        spin_unlock_irqrestore(ref _lock, flags);
    out_free:
        kfree(result);
        return error;
    }

    public void Configure(int limit, bool atomic)
    {
        bool locked = false;
        if (!atomic)
        {
            mutex_lock(ref _config);
            locked = true;
        }

        try
        {
            if (limit < 0) return;
            write_lock_irq(ref _table);
            _limit = limit;
            write_unlock_irq(ref _table);
        }
        finally
        {
            if (locked) mutex_unlock(ref _config);
        }
    }

    // Either the fast way or the slow one leaves with the lock held.
    public bool TryBegin(int attempts)
    {
        for (int i = 0; i < attempts; i++)
        {
            if (spin_trylock(ref _lock))
            {
                if (!_closed) return true;
                spin_unlock(ref _lock);
                return false;
            }

            Thread.SpinWait(10);
        }

        return false;
    }

    // From one item's lock to the next one's, hand over hand.
    public void Walk(int state)
    {
        spin_lock(ref _lock);
        WorkItem* item = _first;
        if (item == null)
        {
            spin_unlock(ref _lock);
            return;
        }

        spin_lock(ref item->Lock);
        spin_unlock(ref _lock);
        while (item->Next != null)
        {
            WorkItem* next = item->Next;
            spin_lock(ref next->Lock);
            item->State = state;
            spin_unlock(ref item->Lock);
            item = next;
        }

        spin_unlock(ref item->Lock);
    }

    // The pieces of spin_lock_irqsave, one by one.
    public int Drain()
    {
        int drained = 0;
        local_irq_save(out nuint flags);
        spin_lock(ref _lock);
        while (_first != null)
        {
            WorkItem* item = _first;
            _first = item->Next;
            spin_unlock_irqrestore(ref _lock, flags);
            kfree(item->Result);
            kfree(item);
            drained++;
            spin_lock_irqsave(ref _lock, out flags);
        }

        spin_unlock(ref _lock);
        local_irq_restore(flags);
        return drained;
    }
}
