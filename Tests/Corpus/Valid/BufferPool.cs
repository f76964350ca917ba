// A pool of native blocks: what Rent hands out was allocated long ago, what Return takes is freed much later, or never while it is kept.

using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace Corpus.BufferPool;

public sealed unsafe class BlockPool(int blockSize, int keep) : IDisposable
{
    private readonly ConcurrentBag<nint> _free = [];
    private int _disposed;

    public byte* Rent()
    {
        if (_free.TryTake(out nint kept)) return (byte*)kept;
        void* block = NativeMemory.Alloc((nuint)blockSize);
        return (byte*)block;
    }

    public void Return(byte* block)
    {
        if (block == null) return;
        if (Volatile.Read(ref _disposed) != 0 || _free.Count >= keep)
        {
            NativeMemory.Free(block);
            return;
        }

        _free.Add((nint)block);
    }

    public void Prefill(int count)
    {
        for (int i = 0; i < count; i++) _free.Add((nint)NativeMemory.Alloc((nuint)blockSize));
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        while (_free.TryTake(out nint block)) NativeMemory.Free((void*)block);
    }
}

public readonly unsafe struct Rental(BlockPool pool) : IDisposable
{
    private readonly byte* _block = pool.Rent();

    public byte* Block => _block;

    public void Dispose() => pool.Return(_block);
}

public static unsafe class Users
{
    public static int Sum(BlockPool pool, ReadOnlySpan<byte> data)
    {
        using var rental = new Rental(pool);
        data.CopyTo(new Span<byte>(rental.Block, data.Length));
        int sum = 0;
        for (int i = 0; i < data.Length; i++) sum += rental.Block[i];
        return sum;
    }

    public static byte* Copy(BlockPool pool, ReadOnlySpan<byte> data)
    {
        byte* block = pool.Rent();
        data.CopyTo(new Span<byte>(block, data.Length));
        return block;
    }
}
