// Lambdas, local functions, and source methods that borrow, free or keep what they are given.

unsafe class Bodies
{
    private nint _kept;

    static void CalleeFill(byte* p, int n) { for (int i = 0; i < n; i++) p[i] = 0; }

    static void CalleeFree(void* p) { if (p != null) NativeMemory.Free(p); }

    static void CalleeFreesSometimes(void* p, bool really) { if (really) NativeMemory.Free(p); }

    void CalleeKeep(nint p) { _kept = p; }

    static int CalleeChain(byte* p) { CalleeFill(p, 4); return p[0]; }

    static int CalleeRecursive(byte* p, int n) => n == 0 ? *p : CalleeRecursive(p, n - 1);

    static byte* CalleeSame(byte* p) => p;

    void Borrowed()
    {
        byte* p = (byte*)NativeMemory.Alloc(4);
        CalleeFill(p, 4);
        NativeMemory.Free(p);
    }

    void BorrowedAndLost()
    {
        byte* p = (byte*)NativeMemory.Alloc(4);
        CalleeFill(p, 4);
    } // expect: KA4001

    void BorrowedTwoDeepAndLost()
    {
        byte* p = (byte*)NativeMemory.Alloc(4);
        CalleeChain(p);
    } // expect: KA4001

    void DeepRecursionIsOpaque()
    {
        byte* p = (byte*)NativeMemory.Alloc(4);
        CalleeRecursive(p, 40);
    }

    void FreedByHelper()
    {
        void* p = NativeMemory.Alloc(4);
        CalleeFree(p);
    }

    void FreedByForeignHelper()
    {
        void* p = (void*)Marshal.AllocHGlobal(4);
        CalleeFree(p); // expect: KA4007
    }

    void FreedByHelperSometimes(bool really)
    {
        void* p = NativeMemory.Alloc(4);
        CalleeFreesSometimes(p, really);
        if (!really) NativeMemory.Free(p);
    }

    void KeptByHelper()
    {
        nint p = Marshal.AllocHGlobal(4);
        CalleeKeep(p);
    }

    void ReturnedByHelper()
    {
        byte* p = (byte*)NativeMemory.Alloc(4);
        byte* q = CalleeSame(p);
        NativeMemory.Free(q);
    }

    void FreedInLambda()
    {
        nint p = Marshal.AllocHGlobal(4);
        Action free = () => Marshal.FreeHGlobal(p);
        free();
    }

    void FreedInLocalFunction()
    {
        nint p = Marshal.AllocHGlobal(4);
        Free();
        void Free() => Marshal.FreeHGlobal(p);
    }

    void WrongInLocalFunction()
    {
        nint p = Marshal.AllocHGlobal(4);
        Free();
        void Free() => Marshal.FreeCoTaskMem(p); // expect: KA4007
    }

    void AllocatedInLocalFunction()
    {
        nint p = Make();
        Marshal.FreeHGlobal(p);
        static nint Make() => Marshal.AllocHGlobal(4);
    }

    void CapturedByDeferredLambda()
    {
        nint p = Marshal.AllocHGlobal(4);
        Task.Run(() => Marshal.FreeHGlobal(p));
    }

    void AssignedInLambda()
    {
        nint p = 0;
        Action make = () => p = Marshal.AllocHGlobal(4);
        make();
        Marshal.FreeHGlobal(p);
    }

    void LambdaLeaks()
    {
        Action leak = () =>
        {
            nint p = Marshal.AllocHGlobal(4);
            Console.WriteLine(p);
        }; // expect: KA4001
        leak();
    }

    void LocalFunctionLeaks(bool stop)
    {
        Run();
        void Run()
        {
            nint p = Marshal.AllocHGlobal(4);
            if (stop) return; // expect: KA4001
            Marshal.FreeHGlobal(p);
        }
    }

    IEnumerable<int> Iterator()
    {
        nint p = Marshal.AllocHGlobal(4);
        yield return 1;
        Marshal.FreeHGlobal(p);
    }

    void ParallelBorrow(int n)
    {
        nint p = Marshal.AllocHGlobal(4);
        Parallel.For(0, n, i => Console.WriteLine(p));
        Marshal.FreeHGlobal(p);
    }

    // What an unknown function returned, three calls further out

    struct Pool { public byte* Items; }

    static void* Take(delegate*<nuint, void*> take, nuint size) => take(size);

    static Pool* MakePool(delegate*<nuint, void*> take)
    {
        Pool* pool = (Pool*)Take(take, 8);
        if (pool == null) return null;
        pool->Items = (byte*)Take(take, 64);
        return pool;
    }

    static Pool* MakeNamedPool(delegate*<nuint, void*> take) => MakePool(take);

    static void DropPool(Pool* pool)
    {
        NativeMemory.Free(pool->Items);
        NativeMemory.Free(pool);
    }

    static void TakeTwo(delegate*<nuint, byte*> take, out byte* first, out byte* second)
    {
        first = second = null;
        for (int i = 0; i < 2; i++)
        {
            second = first;
            first = take(8);
        }
    }

    void PoolAndItsItemsAreTwo(delegate*<nuint, void*> take)
    {
        Pool* pool = MakeNamedPool(take);
        if (pool == null) return;
        DropPool(pool);
    }

    void PoolIsOne(delegate*<nuint, void*> take)
    {
        Pool* pool = MakeNamedPool(take);
        if (pool == null) return;
        DropPool(pool);
        NativeMemory.Free(pool); // expect: KA4005
    }

    void EachTurnOfItTakesAnother(delegate*<nuint, byte*> take)
    {
        TakeTwo(take, out byte* first, out byte* second);
        NativeMemory.Free(first);
        NativeMemory.Free(second);
    }

    void AddedFunctions()
    {
        nint p = Marshal.AllocHGlobal(4), q = Marshal.AllocHGlobal(4);
        Action undo = null;
        undo += () => Marshal.FreeHGlobal(p);
        undo += () => Marshal.FreeHGlobal(q);
        undo();
    }

    void SumOfFunctions()
    {
        nint p = Marshal.AllocHGlobal(4), q = Marshal.AllocHGlobal(4);
        Action first = () => Marshal.FreeHGlobal(p), second = () => Marshal.FreeHGlobal(q);
        (first + second)();
    }

    void LostBesideFunctions(Action other)
    {
        nint p = Marshal.AllocHGlobal(4), q = Marshal.AllocHGlobal(4);
        Action undo = null;
        undo += () => Marshal.FreeHGlobal(p);
        undo += other;
        undo();
    } // expect: KA4001

    void FreedUnlessTakenOff(Action free, nint given)
    {
        nint p = Marshal.AllocHGlobal(4);
        Action left = free - Nothing;
        if (left == null) Marshal.FreeHGlobal(p);
        else Marshal.FreeHGlobal(p);
    }

    static void Nothing()
    {
    }
}

class AsyncBodies
{
    async Task Awaited()
    {
        nint p = Marshal.AllocHGlobal(4);
        await Task.Delay(1);
        Marshal.FreeHGlobal(p);
    }

    private sealed class Deferred(Action action) : IDisposable
    {
        private Action _action = action;

        public void Dispose()
        {
            _action?.Invoke();
            _action = null;
        }
    }

    private static Action s_later;

    private static void Later(Action action) => s_later = () => action();

    private static void Before(ref Action undo, Action action)
    {
        Action old = undo;
        undo = () => { action(); old?.Invoke(); };
    }

    private static Action DropOf(nint p) => () => Marshal.FreeHGlobal(p);

    private static Deferred OwnerOf(nint p) => new(() => Marshal.FreeHGlobal(p));

    private static (Action Drop, int Size) PairOf(nint p) => (() => Marshal.FreeHGlobal(p), 3);

    static void KeptByFunctionsOfOthers()
    {
        nint p = Marshal.AllocHGlobal(3), q = Marshal.AllocHGlobal(3), r = Marshal.AllocHGlobal(3), s = Marshal.AllocHGlobal(3), t = Marshal.AllocHGlobal(3);
        Later(() => Marshal.FreeHGlobal(p));
        Action undo = null;
        Before(ref undo, () => Marshal.FreeHGlobal(q));
        undo();
        Action drop = DropOf(r);
        drop();
        using Deferred owner = OwnerOf(s);
        (Action dropPair, _) = PairOf(t);
        dropPair();
    }

    private static int Counts(nint p)
    {
        Func<int> three = () => 3;
        return three();
    }

    static void NotKeptByFunctionsOfOthers()
    {
        nint p = Marshal.AllocHGlobal(3);
        Counts(p);
    } // expect: KA4001
}
