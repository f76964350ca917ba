// Addresses of what no allocator returned, however they are got: of variables, fields, arrays, texts.

using System.Runtime.CompilerServices;

unsafe class Bodies
{
    private static int s_number;
    private static readonly byte[] s_bytes = new byte[100];
    private int _number;

    struct Two
    {
        public int A, B;
        public fixed byte Text[16];
    }

    static ReadOnlySpan<byte> Constant => "constant"u8;

    static byte* OfStatic() => (byte*)Unsafe.AsPointer(ref s_number);

    static void* OfConstant() => Unsafe.AsPointer(ref MemoryMarshal.GetReference(Constant));

    void Parts()
    {
        Two two = default;
        NativeMemory.Free(&two.B); // expect: KA4008
    }

    void OwnBuffer()
    {
        Two two = default;
        byte* p = two.Text;
        NativeMemory.Free(p); // expect: KA4008
    }

    void ReferenceToVariable()
    {
        int number = 5;
        ref int same = ref number;
        NativeMemory.Free(Unsafe.AsPointer(ref same)); // expect: KA4008
    }

    void StaticOfCallee()
    {
        byte* p = OfStatic();
        NativeMemory.Free(p); // expect: KA4008
    }

    void Field()
    {
        fixed (int* p = &_number) kfree(p); // expect: KA4008
    }

    void Text()
    {
        fixed (byte* p = "abc"u8) NativeMemory.Free(p); // expect: KA4008
    }

    void TextByReference()
    {
        void* p = Unsafe.AsPointer(ref MemoryMarshal.GetReference("abc"u8));
        kfree(p); // expect: KA4008
    }

    void TextOfCallee()
    {
        void* p = OfConstant();
        kfree(p); // expect: KA4008
    }

    void ArrayByReference()
    {
        void* p = Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(s_bytes));
        kfree(p); // expect: KA4008
    }

    void ArrayByMarshal()
    {
        nint p = Marshal.UnsafeAddrOfPinnedArrayElement(s_bytes, 0);
        Marshal.FreeHGlobal(p); // expect: KA4008
    }

    void OnOneWay(bool local)
    {
        int number = 0;
        int* p = (int*)kmalloc(4, GFP_KERNEL);
        if (local)
        {
            kfree(p);
            p = &number;
        }

        kfree(p); // expect: KA4008
    }

    void HeapByReference()
    {
        int* p = (int*)NativeMemory.Alloc(8);
        ref int same = ref *p;
        NativeMemory.Free(Unsafe.AsPointer(ref same));
    }

    void HeapBySpan()
    {
        var span = new Span<byte>(NativeMemory.Alloc(8), 8);
        NativeMemory.Free(Unsafe.AsPointer(ref MemoryMarshal.GetReference(span)));
    }

    void Given(ref int place) => NativeMemory.Free(Unsafe.AsPointer(ref place));

    void InTheHeap(Two* two)
    {
        int* first = &two->A;
        NativeMemory.Free(first);
    }

    static void FreeNumber(long address) => Marshal.FreeHGlobal((nint)address);

    void AddressInANumber() => FreeNumber((long)OfStatic()); // expect: KA4008

    void HeapInANumber() => FreeNumber((long)Marshal.AllocHGlobal(8));
}
