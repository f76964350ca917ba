// What tells a pointer's kind travels beside it: handles, flags and defaults that say which memory a struct holds.

unsafe struct Block
{
    private nint _pointer;
    private GCHandle _handle;
    private int _size;

    internal static void Take(out Block block, int size)
    {
        if (size > 1000) TakeNative(out block, size);
        else TakePinned(out block, size);
    }

    private static void TakeNative(out Block block, int size)
    {
        block._pointer = Marshal.AllocHGlobal(size);
        block._handle = default;
        block._size = size;
    }

    private static void TakePinned(out Block block, int size)
    {
        GCHandle handle = GCHandle.Alloc(new byte[size], GCHandleType.Pinned);
        block._pointer = handle.AddrOfPinnedObject();
        block._handle = handle;
        block._size = size;
    }

    internal nint Pointer => _pointer;

    internal void Free()
    {
        if (_handle.IsAllocated) _handle.Free();
        else if (_pointer != 0) Marshal.FreeHGlobal(_pointer);
        _pointer = 0;
        _handle = default;
        _size = 0;
    }

    internal void FreePinnedOnly()
    {
        if (_handle.IsAllocated) _handle.Free();
        _pointer = 0;
        _handle = default;
        _size = 0;
    }
}

unsafe class Bodies
{
    void FreedByKind(int size)
    {
        Block.Take(out Block block, size);
        try { Marshal.WriteByte(block.Pointer, 1); }
        finally { block.Free(); }
    }

    void NativeOneForgotten(int size)
    {
        Block.Take(out Block block, size);
        Marshal.WriteByte(block.Pointer, 1);
        block.FreePinnedOnly(); // expect: KA4001
    }

    void HandleOrPointer(bool pin, byte[] data)
    {
        GCHandle handle = default;
        nint p = 0;
        if (pin) { handle = GCHandle.Alloc(data, GCHandleType.Pinned); }
        else { p = Marshal.AllocHGlobal(8); }
        if (handle.IsAllocated) handle.Free();
        else Marshal.FreeHGlobal(p);
    }

    void DefaultIsNotAllocated()
    {
        GCHandle handle = default;
        nint p = Marshal.AllocHGlobal(8);
        if (handle.IsAllocated) return;
        Marshal.FreeHGlobal(p);
    }

    void FreedHandleStaysSet(byte[] data)
    {
        GCHandle handle = GCHandle.Alloc(data);
        nint p = Marshal.AllocHGlobal(8);
        if (!handle.IsAllocated) return;
        handle.Free();
        Marshal.FreeHGlobal(p);
    }

    void UnknownHandle(GCHandle handle)
    {
        nint p = Marshal.AllocHGlobal(8);
        if (handle.IsAllocated) return; // expect: KA4001
        Marshal.FreeHGlobal(p);
    }
}
