// Objects that own memory: pool owners, writers, handles, and what they hand out.

class Packet(IMemoryOwner<byte> owner) { public IMemoryOwner<byte> Owner { get; } = owner; }

class Carton { public IMemoryOwner<byte> Owner { get; set; } }

unsafe class Bodies
{
    private static IMemoryOwner<byte> s_shared;
    private KernelMemoryPool _pool;
    private IMemoryOwner<byte> _owner;
    private Memory<byte> _memory;
    private Packet _packet;
    private KernelMemory _system;

    // Owners of a native pool

    void Using() { using IMemoryOwner<byte> owner = _pool.Rent(10); owner.Memory.Span[0] = 1; }

    void UsingBlock() { using (IMemoryOwner<byte> owner = _pool.Rent(10)) owner.Memory.Span.Clear(); }

    void Disposed() { IMemoryOwner<byte> owner = _pool.Rent(10); owner.Memory.Span.Clear(); owner.Dispose(); }

    void DisposedTwice() { IMemoryOwner<byte> owner = _pool.Rent(10); owner.Dispose(); owner.Dispose(); }

    void DisposedInAUsingToo() { using IMemoryOwner<byte> owner = _pool.Rent(10); owner.Memory.Span.Clear(); owner.Dispose(); }

    void DisposedInFinally()
    {
        IMemoryOwner<byte> owner = null;
        try
        {
            owner = _pool.Rent(10);
            Fill(owner.Memory);
        }
        finally
        {
            owner?.Dispose();
        }
    }

    void DisposedAsWhatItIs()
    {
        IMemoryOwner<byte> owner = _pool.Rent(10);
        if (owner is IDisposable disposable) disposable.Dispose();
    }

    void DisposedAsWhatItMayBe() { IMemoryOwner<byte> owner = _pool.Rent(10); (owner as MemoryManager<byte> as IDisposable)?.Dispose(); }

    void DisposedAsWhatItSurelyIs() { IMemoryOwner<byte> owner = _pool.Rent(10); (owner as IDisposable)?.Dispose(); }

    void DisposedThroughACast() { object owner = _pool.Rent(10); ((IDisposable)owner).Dispose(); }

    void DisposedByAHelper() { IMemoryOwner<byte> owner = _pool.Rent(10); Close(owner); }

    static void Close(IMemoryOwner<byte> owner) => owner.Dispose();

    void Lost()
    {
        IMemoryOwner<byte> owner = _pool.Rent(10);
        owner.Memory.Span.Clear();
    } // expect: KA4001

    void LostOnAnEarlyReturn(int n)
    {
        IMemoryOwner<byte> owner = _pool.Rent(n);
        if (owner.Memory.Length < 100) return; // expect: KA4001
        owner.Dispose();
    }

    void LostThoughItsMemoryIsKept()
    {
        IMemoryOwner<byte> owner = _pool.Rent(10);
        _memory = owner.Memory;
    } // expect: KA4001

    void Overwritten()
    {
        IMemoryOwner<byte> owner = _pool.Rent(10);
        owner = _pool.Rent(20); // expect: KA4001
        owner.Dispose();
    }

    void NotKeptAtAll()
    {
        _pool.Rent(10); // expect: KA4003
    }

    void OfASharedPool() { IMemoryOwner<byte> owner = MemoryPool<byte>.Shared.Rent(10); owner.Memory.Span.Clear(); }

    void OfAnyPool(MemoryPool<byte> pool) { IMemoryOwner<byte> owner = pool.Rent(10); owner.Memory.Span.Clear(); }

    IMemoryOwner<byte> Returned() { IMemoryOwner<byte> owner = _pool.Rent(10); owner.Memory.Span.Clear(); return owner; }

    void Kept() { _owner = _pool.Rent(10); }

    void KeptIsDisposed() { _owner?.Dispose(); _owner = null; }

    void KeptByAnother() { _packet = new Packet(_pool.Rent(10)); }

    void KeptByAnotherThatIsLost()
    {
        new Packet(_pool.Rent(10));
    } // expect: KA4001

    Packet KeptByOneThatIsReturned() => new(_pool.Rent(10));

    void KeptInAList(List<IMemoryOwner<byte>> all) { IMemoryOwner<byte> owner = _pool.Rent(10); all.Add(owner); }

    void KeptInAnArray(int n)
    {
        var all = new IMemoryOwner<byte>[n];
        for (int i = 0; i < n; i++) all[i] = _pool.Rent(10);
        foreach (IMemoryOwner<byte> owner in all) owner.Dispose();
    }

    void KeptByALambda() { IMemoryOwner<byte> owner = _pool.Rent(10); Task.Run(() => { owner.Memory.Span.Clear(); owner.Dispose(); }); }

    void UsedAfterDispose()
    {
        IMemoryOwner<byte> owner = _pool.Rent(10);
        owner.Dispose();
        owner.Memory.Span[0] = 1; // expect: KA4006
    }

    void MemoryUsedAfterDispose()
    {
        IMemoryOwner<byte> owner = _pool.Rent(10);
        Memory<byte> memory = owner.Memory;
        owner.Dispose();
        memory.Span[0] = 1; // expect: KA4006
    }

    void SpanUsedAfterDispose()
    {
        Span<byte> span;
        using (IMemoryOwner<byte> owner = _pool.Rent(10)) span = owner.Memory.Span;
        span[0] = 1; // expect: KA4006
    }

    void SliceUsedAfterDispose()
    {
        IMemoryOwner<byte> owner = MemoryPool<byte>.Shared.Rent(10);
        ReadOnlyMemory<byte> part = owner.Memory.Slice(1, 2);
        owner.Dispose();
        part.Span.ToArray(); // expect: KA4006
    }

    void MemoryPassedAfterDispose()
    {
        IMemoryOwner<byte> owner = _pool.Rent(10);
        Memory<byte> memory = owner.Memory;
        owner.Dispose();
        Fill(memory); // expect: KA4006
    }

    Memory<byte> MemoryReturnedOutOfAUsing()
    {
        using IMemoryOwner<byte> owner = _pool.Rent(10);
        return owner.Memory; // expect: KA4006
    }

    byte[] CopyReturnedOutOfAUsing() { using IMemoryOwner<byte> owner = _pool.Rent(10); return owner.Memory.ToArray(); }

    int LengthReturnedOutOfAUsing() { using IMemoryOwner<byte> owner = _pool.Rent(10); return owner.Memory.Length; }

    void RentedAgain()
    {
        IMemoryOwner<byte> owner = _pool.Rent(10);
        for (int i = 0; i < 10; i++)
        {
            if (owner.Memory.Length >= i * 100) continue;
            owner.Dispose();
            owner = _pool.Rent(i * 100);
        }

        owner.Memory.Span.Clear();
        owner.Dispose();
    }

    void Grown(int n)
    {
        IMemoryOwner<byte> owner = _pool.Rent(10), larger = _pool.Rent(n);
        owner.Memory.Span.CopyTo(larger.Memory.Span);
        owner.Dispose();
        owner = larger;
        owner.Memory.Span.Clear();
        owner.Dispose();
    }

    void StackOrPool(int n)
    {
        IMemoryOwner<byte> rented = null;
        Span<byte> span = n <= 256 ? stackalloc byte[256] : (rented = _pool.Rent(n)).Memory.Span;
        span.Clear();
        rented?.Dispose();
    }

    IMemoryOwner<byte> DisposedIfItFails()
    {
        IMemoryOwner<byte> owner = _pool.Rent(10);
        try
        {
            Fill(owner.Memory);
            return owner;
        }
        catch
        {
            owner.Dispose();
            throw;
        }
    }

    void ReplacedInALoop(int n)
    {
        IMemoryOwner<byte> owner = null;
        Memory<byte> memory = default;
        for (int i = 1; i < n; i++)
        {
            owner?.Dispose();
            owner = _pool.Rent(i);
            memory = owner.Memory;
            memory.Span.Clear();
        }

        memory.Span.Clear();
        owner?.Dispose();
    }

    void MadeOnceForAll() { s_shared ??= _pool.Rent(10); s_shared.Memory.Span.Clear(); }

    List<IMemoryOwner<byte>> InACollection() => [_pool.Rent(1), _pool.Rent(2)];

    Carton InAnInitializer() => new() { Owner = _pool.Rent(10) };

    IEnumerable<byte> Iterated()
    {
        using IMemoryOwner<byte> owner = _pool.Rent(10);
        for (int i = 0; i < 10; i++) yield return owner.Memory.Span[i];
    }

    void WorkedOnElsewhere()
    {
        using IMemoryOwner<byte> owner = _pool.Rent(10);
        Task.Run(() => owner.Memory.Span.Clear()).Wait();
    }

    void DisposedWhilePinned()
    {
        IMemoryOwner<byte> owner = _pool.Rent(10);
        using MemoryHandle pin = owner.Memory.Pin();
        owner.Dispose();
        *(byte*)pin.Pointer = 1;
    }

    void PinnedAfterDispose()
    {
        IMemoryOwner<byte> owner = _pool.Rent(10);
        Memory<byte> memory = owner.Memory;
        owner.Dispose();
        memory.Pin(); // expect: KA4006
    }

    static void Fill(Memory<byte> memory) => memory.Span.Fill(1);

    // Writers

    void Written() { using var writer = new KernelBufferWriter(_pool); writer.GetSpan(4)[0] = 1; writer.Advance(1); }

    void WriterLost()
    {
        var writer = new KernelBufferWriter(_pool);
        writer.Advance(0);
    } // expect: KA4001

    void WriterUsedAfterDispose()
    {
        var writer = new KernelBufferWriter(_pool);
        writer.Dispose();
        writer.GetSpan()[0] = 1; // expect: KA4006
    }

    ReadOnlyMemory<byte> WrittenReturnedOutOfAUsing()
    {
        using var writer = new KernelBufferWriter(_pool);
        return writer.WrittenMemory; // expect: KA4006
    }

    byte[] WrittenCopied() { using var writer = new KernelBufferWriter(_pool); writer.Write("abc"u8); return writer.WrittenSpan.ToArray(); }

    void WriterThatIsFilledElsewhere() { using var writer = new KernelBufferWriter(_pool); FillThrough(writer); writer.Clear(); }

    void WriterLostThoughFilledElsewhere()
    {
        var writer = new KernelBufferWriter(_pool);
        FillThrough(writer);
    } // expect: KA4001

    static void FillThrough(IBufferWriter<byte> writer) { writer.GetSpan(4)[0] = 1; writer.Advance(1); }

    // Handles

    void HandleLeftToItsFinalizer() { SafeKernelMemoryHandle handle = _system.AllocateHandle(10); handle.AsSpan().Clear(); }

    void HandleUsed() { using SafeKernelMemoryHandle handle = _system.AllocateHandle(10); handle.AsSpan()[0] = 1; }

    void HandleUsedAfterDispose()
    {
        SafeKernelMemoryHandle handle = _system.AllocateHandle(10);
        handle.Dispose();
        handle.AsSpan()[0] = 1; // expect: KA4006
    }

    void SpanOfAClosedHandle()
    {
        SafeKernelMemoryHandle handle = _system.AllocateHandle(10);
        Span<byte> span = handle.AsSpan();
        handle.Close();
        span[0] = 1; // expect: KA4006
    }

    bool HandleAskedAfterDispose() { SafeKernelMemoryHandle handle = _system.AllocateHandle(10); handle.Dispose(); handle.Dispose(); return handle.IsClosed; }
}
