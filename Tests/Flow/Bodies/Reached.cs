// Bodies that do nothing by contract themselves: what they call does, some calls away and by other ways than a plain call.

unsafe class Bodies
{
    private static readonly Action<nint> s_drop = p => Drop((void*)p);

    private static void* Fresh => Make();

    static void* Make() => MakeBelow();

    static void* MakeBelow() => NativeMemory.Alloc(8);

    static void Drop(void* p) => DropBelow(p);

    static void DropBelow(void* p) => NativeMemory.Free(p);

    static void Idle(int calls)
    {
        if (calls > 0) IdleAside(calls - 1);
    }

    static void IdleAside(int calls) => Idle(calls);

    void LostThreeCallsAway()
    {
        void* p = Make();
        Idle(3);
    } // expect: KA4001

    void LostOfAProperty()
    {
        void* p = Fresh;
        Idle(3);
    } // expect: KA4001

    void FreedTwiceByAFunctionInAField(nint p)
    {
        s_drop(p);
        s_drop(p); // expect: KA4005
    }

    void FreedTwiceByDispose(Holder holder)
    {
        using (holder)
        {
            Idle(1);
        }

        holder.Release(); // expect: KA4005
    }

    void LostWhereAVirtualMethodMakesIt(Maker maker)
    {
        void* p = maker.Make();
    } // expect: KA4001

    void ReachesNothing()
    {
        Idle(5);
        IdleAside(4);
    }

    void GivenBack()
    {
        void* p = Fresh;
        Idle(2);
        Drop(p);
    }

    private sealed class Holder(nint memory) : IDisposable
    {
        public void Release() => Drop((void*)memory);

        void IDisposable.Dispose() => Release();
    }

    private abstract class Maker
    {
        public abstract void* Make();
    }

    private sealed class OneMaker : Maker
    {
        public override void* Make() => MakeBelow();
    }
}
