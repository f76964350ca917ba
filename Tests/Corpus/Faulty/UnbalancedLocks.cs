// Mistakes with locks, as reviews find them.

using KAlloc;
using static KAlloc.Linux;

namespace Corpus;

public sealed unsafe class Ledger
{
    private KernelSpinLock _lock, _log;
    private KernelMutex _config;
    private KernelReadWriteLock _names;
    private int _balance, _limit;

    public int Withdraw(int amount)
    {
        spin_lock(ref _lock);
        if (amount > _balance) return -EINVAL; // expect: KA1006
        _balance -= amount;
        spin_unlock(ref _lock);
        return 0;
    }

    public int Transfer(int amount)
    {
        spin_lock_irqsave(ref _lock, out nuint flags);
        spin_lock_irqsave(ref _log, out flags);
        _balance -= amount;
        spin_unlock_irqrestore(ref _log, flags);
        spin_unlock_irqrestore(ref _lock, flags); // expect: KA1007
        return _balance;
    }

    public void Audit()
    {
        spin_lock_bh(ref _lock);
        _balance = 0;
        spin_unlock(ref _lock); // expect: KA1007
    }

    public int Reserve(int amount)
    {
        int error = 0;
        mutex_lock(ref _config);
        if (amount > _limit)
        {
            mutex_unlock(ref _config);
            error = -ENOMEM;
            goto done;
        }

        _limit -= amount;
    done:
        mutex_unlock(ref _config); // expect: KA1007
        return error;
    }

    public void Rename()
    {
        read_lock(ref _names);
        if (_limit == 0)
        {
            write_lock(ref _names); // expect: KA1008
            _limit = 1;
            write_unlock(ref _names);
        }

        read_unlock(ref _names);
    }

    public void Pause()
    {
        spin_lock(ref _lock);
        while (_balance < 0) msleep(1); // expect: KA1003
        spin_unlock(ref _lock);
    }

    [InterruptHandler]
    private static void OnTick(Ledger ledger)
    {
        spin_lock(ref ledger._lock);
        ledger._balance++;
    } // expect: KA1006
}
