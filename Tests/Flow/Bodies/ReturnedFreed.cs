// Freed memory leaves a body as a span or a reference, or a method is called on it in place.

unsafe class Bodies
{
    unsafe struct Device
    {
        public int count;

        public readonly int Half => count / 2;
    }

    static int s_count;

    static Span<byte> AsASpan()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        var span = new Span<byte>(p, 8);
        NativeMemory.Free(p);
        return span; // expect: KA4006
    }

    static ReadOnlySpan<byte> AsASpanOnTheWayOut()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        try
        {
            return new Span<byte>(p, 8); // expect: KA4006
        }
        finally
        {
            NativeMemory.Free(p);
        }
    }

    static ReadOnlySpan<byte> Emptied()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        var span = new Span<byte>(p, 8);
        NativeMemory.Free(p);
        span = default;
        return span;
    }

    static ReadOnlySpan<byte> Copied()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        byte[] copy = new Span<byte>(p, 8).ToArray();
        NativeMemory.Free(p);
        return copy;
    }

    static ref byte AsAReference()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        NativeMemory.Free(p);
        return ref *p; // expect: KA4006
    }

    static ref byte OfLivingMemory(bool isOther)
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        if (!isOther) return ref *p;
        NativeMemory.Free(p);
        return ref *(byte*)NativeMemory.Alloc(16);
    }

    static void CalledInPlace()
    {
        var device = (Device*)NativeMemory.Alloc((nuint)sizeof(Device));
        NativeMemory.Free(device);
        s_count = device->GetHashCode(); // expect: KA4006
    }

    static void CalledBefore()
    {
        var device = (Device*)NativeMemory.Alloc((nuint)sizeof(Device));
        s_count = device->Half + device->GetHashCode();
        Device copy = *device;
        NativeMemory.Free(device);
        s_count += copy.Half + copy.GetHashCode();
    }
}
