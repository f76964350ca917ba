// What is zero as a whole, in memory of others, behind references, in functions, objects and loops.

struct Inner { public int flag; public int mode; }

unsafe struct Sub { public Inner inner; public void* link; public long a1, a2, a3, a4, a5, a6; }

unsafe struct Big
{
    public long a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19, a20;
    public Sub sub;
    public Inner inner;
    public void* buffer;
    public nint borrowed;
}

unsafe struct Other { public long a1, a2, a3; public nint o4; public Inner inner; public long b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14, b15, b16, b17, b18, b19, b20; public void* p; }

unsafe class Bodies
{
    static void LetOut(delegate*<Big*, void> use)
    {
        void* p = kmalloc(8, GFP_KERNEL);
        Big big = default;
        use(&big);
        if (big.borrowed != 0) return; // expect: KA4001
        kfree(p);
    }

    static void LetOutByReference(System.Action<nint> keep, ReadBig read)
    {
        void* p = kmalloc(8, GFP_KERNEL);
        Big big = default;
        read(ref big);
        if (big.borrowed != 0) return; // expect: KA4001
        kfree(p);
    }

    delegate void ReadBig(ref Big big);

    class Holder { public Big big; public nint borrowed; public Big Other { get; set; } }

    static void InAnObject(Holder holder, nint n)
    {
        void* p = kmalloc(8, GFP_KERNEL);
        holder.borrowed = n;
        holder.big = default;
        if (holder.borrowed == 0) kfree(p);
    } // expect: KA4001

    static void InANewObject(nint n, Big* with)
    {
        void* p = kmalloc(8, GFP_KERNEL);
        var holder = new Holder();
        holder.big = *with;
        holder.big = default;
        if (holder.big.borrowed == 0) kfree(p);
    }

    static void InAProperty(Big* with)
    {
        void* p = kmalloc(8, GFP_KERNEL);
        var holder = new Holder { Other = *with };
        if (holder.Other.borrowed == 0) kfree(p);
    } // expect: KA4001

    static void TheCallersMemory(Big* big, Big* same, nint n)
    {
        void* p = kmalloc(8, GFP_KERNEL);
        *big = default;
        same->borrowed = n;
        if (big->borrowed == 0) kfree(p);
    } // expect: KA4001

    static void ByReference(nint n)
    {
        void* p = kmalloc(8, GFP_KERNEL);
        Big big = default;
        ref nint borrowed = ref big.borrowed;
        borrowed = n;
        if (big.borrowed == 0) kfree(p);
    } // expect: KA4001

    static void ByAnotherReference(nint n)
    {
        void* p = kmalloc(8, GFP_KERNEL);
        Big big = default;
        ref Other other = ref System.Runtime.CompilerServices.Unsafe.As<Big, Other>(ref big);
        other.o4 = n;
        if (big.a4 == 0) kfree(p);
    } // expect: KA4001

    static void InAFunction(nint n)
    {
        void* p = kmalloc(8, GFP_KERNEL);
        Big big = default;
        void Set() => big.borrowed = n;
        Set();
        if (big.borrowed == 0) kfree(p);
    } // expect: KA4001

    static void InALambda(nint n, List<Action> later)
    {
        void* p = kmalloc(8, GFP_KERNEL);
        Big big = default;
        later.Add(() => big.borrowed = n);
        later[0]();
        if (big.borrowed == 0) kfree(p);
    } // expect: KA4001

    static void OneOfTwo(bool first, nint n)
    {
        Big* a = (Big*)kmalloc((nuint)sizeof(Big), GFP_KERNEL), b = (Big*)kmalloc((nuint)sizeof(Big), GFP_KERNEL);
        if (a != null && b != null)
        {
            *a = default;
            *b = default;
            Big* one = first ? a : b;
            one->borrowed = n;
            if (a->borrowed == 0) kfree(a);
        }
        else kfree(a);
        kfree(b);
    } // expect: KA4001

    [StructLayout(LayoutKind.Explicit)]
    struct Union { [FieldOffset(0)] public long all; [FieldOffset(4)] public int high; }

    struct WithUnion { public Union union; public Big big; }

    static void PartOfAUnion(long n)
    {
        void* p = kmalloc(8, GFP_KERNEL);
        WithUnion some = default;
        some.union.all = n;
        if (some.union.high == 0) kfree(p);
    } // expect: KA4001

    struct Set() { public int owned = 1; public long a1, a2; }

    static void WithAConstructor()
    {
        void* p = kmalloc(8, GFP_KERNEL);
        Set set = new();
        if (set.owned == 0) return;
        if (set.owned == 1) return; // expect: KA4001
        kfree(p);
    }

    static void WithoutItsConstructor()
    {
        void* p = kmalloc(8, GFP_KERNEL);
        Set set = default;
        if (set.owned == 0) kfree(p);
    }

    static void MadeInEachTurn(int n, nint m)
    {
        for (int i = 0; i < n; i++)
        {
            void* p = kmalloc(8, GFP_KERNEL);
            Big big = default;
            if (i > 3) big.borrowed = m;
            if (big.borrowed == 0) kfree(p);
        } // expect: KA4001
    }
}
