// Objects that own memory: what constructors keep, what Dispose frees, and who keeps the object.

unsafe class Bodies
{
    sealed class Owner : IDisposable
    {
        private byte* _memory;

        public Owner(nuint size) { _memory = (byte*)NativeMemory.Alloc(size); }

        public byte* Memory => _memory;

        public void Dispose()
        {
            NativeMemory.Free(_memory);
            _memory = null;
        }
    }

    void OwnerDisposed()
    {
        using var owner = new Owner(8);
        owner.Memory[0] = 1;
    }

    void OwnerDisposedByHand()
    {
        var owner = new Owner(8);
        owner.Dispose();
        owner.Dispose();
    }

    void OwnerLost()
    {
        var owner = new Owner(8);
        owner.Memory[0] = 1;
    } // expect: KA4001

    Owner OwnerReturned()
    {
        var owner = new Owner(8);
        owner.Memory[0] = 1;
        return owner;
    }

    void OwnerInList(List<Owner> list)
    {
        list.Add(new Owner(8));
    }

    sealed class Keeper(byte* memory) : IDisposable
    {
        public void Dispose() => kfree(memory);
    }

    sealed class WrongKeeper(byte* memory) : IDisposable
    {
        public void Dispose() => vfree(memory);
    }

    sealed class LazyKeeper(byte* memory) : IDisposable
    {
        public byte* Memory => memory;

        public void Dispose() { }
    }

    void KeptByPrimaryConstructor()
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        if (p == null) return;
        using var keeper = new Keeper(p);
        *p = 1;
    }

    void FreedWrongByPrimaryConstructor()
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        if (p == null) return;
        using (new WrongKeeper(p)) // expect: KA4007
        {
            *p = 1;
        }
    }

    void LostByPrimaryConstructor()
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        if (p == null) return;
        using (var keeper = new LazyKeeper(p)) keeper.Memory[0] = 1;
    } // expect: KA4001

    private sealed class NestedDevice : IDisposable
    {
        internal byte* Memory;

        internal bool Open() => (Memory = (byte*)kmalloc(8, GFP_KERNEL)) != null;

        internal void Close() => kfree(Memory);

        public void Dispose() => Close();
    }

    void NestedDeviceClosed()
    {
        var device = new NestedDevice();
        if (!device.Open()) return;
        device.Dispose();
    }

    void NestedDeviceNeverClosed()
    {
        var device = new NestedDevice();
        if (!device.Open()) return;
        device.Memory[0] = 1;
    } // expect: KA4001
}
