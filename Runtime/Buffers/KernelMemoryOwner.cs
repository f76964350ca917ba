// Owner of one native buffer, as Memory<byte> sees it.
//
//   _holds   1 for the owner until it is disposed, 1 for each pin; who takes the last one frees the buffer
//
// Invariant: a pin taken before Dispose keeps the memory until it is released; after Dispose no new span or pin is handed out.

using System.Buffers;

namespace KAlloc;

internal sealed unsafe class KernelMemoryOwner(KernelMemoryPool pool, byte* memory, int bytes) : MemoryManager<byte>
{
    private int _holds = 1;
    private int _disposed;

    /// <summary>Bytes of the buffer.</summary>
    internal int Length => bytes;

    public override Span<byte> GetSpan()
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
        return new(memory, bytes);
    }

    public override MemoryHandle Pin(int elementIndex = 0)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)elementIndex, (uint)bytes, nameof(elementIndex));
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);

        // Taken only while somebody still holds the memory: a Dispose may run meanwhile.
        int holds;
        do
        {
            holds = Volatile.Read(ref _holds);
            ObjectDisposedException.ThrowIf(holds == 0, this);
        }
        while (Interlocked.CompareExchange(ref _holds, holds + 1, holds) != holds);
        return new(memory + elementIndex, default, this);
    }

    public override void Unpin() => Release();

    protected override void Dispose(bool disposing)
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0) Release();
    }

    private void Release()
    {
        int left = Interlocked.Decrement(ref _holds);
        if (left == 0) pool.Return(memory, bytes);
        else if (left < 0) Underflow();
    }

    /// <summary>An Unpin without its Pin. The memory is freed already and is not freed again.</summary>
    private void Underflow()
    {
        Interlocked.Increment(ref _holds);
        KernelReports.Bug($"BUG: a buffer at 0x{(nuint)memory:x} was unpinned more often than pinned", (nuint)memory);
    }
}
