// Functions that outlive the variables they capture: a callee returns them, or lets others keep them.

using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

unsafe class Bodies
{
    struct Block { public nint data; public int size; public long a, b, c, d, e; }

    static readonly List<Action> s_all = new();
    static readonly object s_gate = new();

    static nint Make() => (nint)NativeMemory.Alloc(8);
    static void Drop(nint p) => NativeMemory.Free((void*)p);

    static Func<nint> Holding(nint p) => () => p;
    static Action Dropping(nint p) => () => NativeMemory.Free((void*)p);
    static Action DroppingOnce(nint p) => () => { if (p != 0) NativeMemory.Free((void*)p); p = 0; };
    static Action DroppingOnceLocked(nint p)
    {
        var gate = new object();
        return () =>
        {
            lock (gate)
            {
                if (p == 0) return;
                NativeMemory.Free((void*)p);
                p = 0;
            }
        };
    }

    static Action<int> Writing(byte* p) => i => p[i] = 1;
    static Func<int, nint> Making(int size) => n => (nint)NativeMemory.Alloc((nuint)(size * n));
    static Action DroppingPart(Block block) => () => NativeMemory.Free((void*)block.data);
    static Action DroppingBoth(nint a, nint b)
    {
        Action first = () => NativeMemory.Free((void*)a);
        s_all.Add(() => NativeMemory.Free((void*)b));
        return () => first();
    }

    static Action Both(Action a, Action b) => () => { a(); b(); };
    static Func<Action> DroppingLater(nint p) => () => () => NativeMemory.Free((void*)p);
    static Action DroppingIf(nint p, bool owns)
    {
        if (!owns) return () => { };
        return () => NativeMemory.Free((void*)p);
    }

    static Action MakingOne(out nint made)
    {
        nint p = (nint)NativeMemory.Alloc(8);
        made = p;
        return () => NativeMemory.Free((void*)p);
    }

    static Action Emptied(nint p)
    {
        Action drop = () => NativeMemory.Free((void*)p);
        p = 0;
        return drop;
    }

    static void Keep(nint p) => s_all.Add(() => NativeMemory.Free((void*)p));
    static Action<nint> Returning(Stack<nint> pool) => p => pool.Push(p);

    static void DroppedOnce()
    {
        Action drop = Dropping(Make());
        drop();
    }

    static void DroppedTwice()
    {
        Action drop = Dropping(Make());
        drop();
        drop(); // expect: KA4005
    }

    static void NeverDropped()
    {
        Action drop = Dropping(Make());
        if (drop == null) s_all.Clear();
    } // expect: KA4001

    static void DroppedTwiceButOnlyOnce()
    {
        Action drop = DroppingOnce(Make());
        drop();
        drop();
    }

    static void DroppedTwiceButOnlyOnceLocked()
    {
        Action drop = DroppingOnceLocked(Make());
        drop();
        drop();
    }

    static void HeldAndFreedTwice()
    {
        nint p = Make();
        NativeMemory.Free((void*)p);
        Func<nint> held = Holding(p);
        NativeMemory.Free((void*)held()); // expect: KA4005
    }

    static void WrittenAfterFree()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        Action<int> write = Writing(p);
        NativeMemory.Free(p);
        write(3); // expect: KA4006
    }

    static void WrittenBeforeFree()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        Action<int> write = Writing(p);
        write(3);
        NativeMemory.Free(p);
    }

    static void MadeTwice()
    {
        Func<int, nint> make = Making(4);
        nint a = make(1), b = make(2);
        NativeMemory.Free((void*)a);
        NativeMemory.Free((void*)b);
    }

    static void MadeTwiceFreedOnce()
    {
        Func<int, nint> make = Making(4);
        nint a = make(1), b = make(2);
        NativeMemory.Free((void*)a);
        Console.WriteLine(b);
    } // expect: KA4001

    static void PartDropped() => DroppingPart(new Block { data = Make() })();

    static void BothDropped() => DroppingBoth(Make(), Make())();

    static void BothInOne()
    {
        Action drop = Both(Dropping(Make()), Dropping(Make()));
        drop();
    }

    static void DroppedLater() => DroppingLater(Make())()();

    static void DroppedIf(bool owns)
    {
        nint p = Make();
        DroppingIf(p, owns)();
        if (!owns) NativeMemory.Free((void*)p);
    }

    static void DroppedIfAndThen()
    {
        nint p = Make();
        DroppingIf(p, true)();
        NativeMemory.Free((void*)p); // expect: KA4005
    }

    static void MadeWithItsDrop()
    {
        Action drop = MakingOne(out nint p);
        Console.WriteLine(*(int*)p);
        drop();
    }

    static void MadeWithItsDropUsedAfter()
    {
        Action drop = MakingOne(out nint p);
        drop();
        Console.WriteLine(*(int*)p); // expect: KA4006
    }

    static void NothingToDrop() => Emptied(Make())(); // expect: KA4001

    static void Kept() => Keep(Make());

    static void Added() => s_all.Add(Dropping(Make()));

    static void Started() => Task.Run(Dropping(Make()));

    static void StartedInAThread() => new Thread(new ThreadStart(Dropping(Make()))).Start();

    static Action Handed() => Dropping(Make());

    static void Combined()
    {
        Action drop = null;
        drop += Dropping(Make());
        drop();
    }

    static void ReturnedToAPool()
    {
        var pool = new Stack<nint>();
        Action<nint> put = Returning(pool);
        put(Make());
        while (pool.TryPop(out nint p)) NativeMemory.Free((void*)p);
    }
}
