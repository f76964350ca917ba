// Locks that lie in objects which a body makes: when nothing leads to the object any more, nobody can release its lock.

using System.Collections.Generic;
using KAlloc;
using static KAlloc.Linux;

sealed class Gate { public spinlock_t Lock; public Gate Next; }

sealed class Door { public spinlock_t Bolt; }

unsafe class Bodies
{
    static int s_count;
    static Gate s_gate;
    private Gate _gate;
    private readonly List<Gate> _all = new();

    static void OneATurn()
    {
        for (int i = 3; i-- > 0;)
        {
            var gate = new Gate();
            spin_lock_irqsave(ref gate.Lock, out nuint flags);
            s_count++;
        }
    } // expect: KA1006

    static void OneATurnOfMany(int n)
    {
        for (int i = 0; i < n; i++)
        {
            var gate = new Gate();
            spin_lock(ref gate.Lock);
            s_count++;
        }
    } // expect: KA1006

    static void EachLeft(int n)
    {
        for (int i = 0; i < n; i++)
        {
            var gate = new Gate();
            spin_lock(ref gate.Lock);
            s_count++;
            spin_unlock(ref gate.Lock);
        }
    }

    static void EachLeftLater(int n)
    {
        Gate last = null;
        for (int i = 0; i < n; i++)
        {
            var gate = new Gate { Next = last };
            spin_lock(ref gate.Lock);
            last = gate;
        }

        while (last != null)
        {
            spin_unlock(ref last.Lock);
            last = last.Next;
        }
    }

    static void EachLeftIfTaken(bool locks, int n)
    {
        for (int i = 0; i < n; i++)
        {
            var gate = new Gate();
            if (locks) spin_lock(ref gate.Lock);
            s_count++;
            if (locks) spin_unlock(ref gate.Lock);
        }
    }

    void EachPutIntoAList(int n)
    {
        for (int i = 0; i < n; i++)
        {
            var gate = new Gate();
            spin_lock(ref gate.Lock);
            _all.Add(gate);
        }
    }

    static void AtTheEnd()
    {
        var gate = new Gate();
        spin_lock(ref gate.Lock);
        s_count++;
    } // expect: KA1006

    static Gate GivenBack()
    {
        var gate = new Gate();
        spin_lock(ref gate.Lock);
        return gate;
    }

    static Gate GivenBackInAnother()
    {
        var gate = new Gate();
        spin_lock(ref gate.Lock);
        return new Gate { Next = gate };
    }

    void KeptInAField()
    {
        var gate = new Gate();
        spin_lock(ref gate.Lock);
        _gate = gate;
    }

    static void KeptInAStatic()
    {
        var gate = new Gate();
        spin_lock(ref gate.Lock);
        s_gate = gate;
    }

    static void KeptByWhoeverGetsIt(out Gate taken)
    {
        taken = new Gate();
        spin_lock(ref taken.Lock);
    }

    static void KeptByAFunction(List<System.Action> later)
    {
        var gate = new Gate();
        spin_lock(ref gate.Lock);
        later.Add(() => spin_unlock(ref gate.Lock));
    }

    internal void Release()
    {
        spin_unlock(ref _gate.Lock);
        spin_unlock(ref s_gate.Lock);
        foreach (Gate gate in _all) spin_unlock(ref gate.Lock);
    }

    static void EachThenEach(Gate[] gates)
    {
        foreach (Gate gate in gates) spin_lock(ref gate.Lock);
        foreach (Gate gate in gates) spin_unlock(ref gate.Lock);
    }

    private static Gate LockedLast(Gate gate)
    {
        spin_lock(ref gate.Lock);
        while (gate.Next is { } next)
        {
            spin_unlock(ref gate.Lock);
            gate = next;
            spin_lock(ref gate.Lock);
        }

        return gate;
    }

    static void UnlockedByCaller(Gate gate)
    {
        Gate last = LockedLast(gate);
        spin_unlock(ref last.Lock);
    }

    // Nobody unlocks what it returns.
    static Door FoundIfAsked(Door door, bool stays)
    {
        spin_lock(ref door.Bolt);
        if (stays) return door; // expect: KA1006
        spin_unlock(ref door.Bolt);
        return null;
    }

    static Gate LockedOther(Gate gate, Gate other, bool stays)
    {
        spin_lock(ref gate.Lock);
        if (stays) return other; // expect: KA1006
        spin_unlock(ref gate.Lock);
        return gate;
    }
}
