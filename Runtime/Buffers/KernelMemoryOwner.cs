// Owner of one native buffer, as Memory<byte> sees it.
//
//   _holds   bit 0        1 until the owner is disposed
//            from bit 1   pins
//            0            nobody holds the buffer: whoever made it so has freed it
//
// Invariant: a pin taken before Dispose keeps the memory until it is released; after Dispose no new span or pin is handed out. A pin that is released
// twice (a copy of its MemoryHandle) takes nobody else's hold, the owner's least of all.

using System.Buffers;

namespace KAlloc;

internal sealed unsafe class KernelMemoryOwner(KernelMemoryPool pool, byte* memory, int bytes) : MemoryManager<byte>
{
    private const int Owned = 1;
    private const int OnePin = 2;
    private int _holds = Owned;

    /// <summary>Bytes of the buffer.</summary>
    internal int Length => bytes;

    public override Span<byte> GetSpan()
    {
        ObjectDisposedException.ThrowIf((Volatile.Read(ref _holds) & Owned) == 0 || pool.IsGone, this);
        return new(memory, bytes);
    }

    public override MemoryHandle Pin(int elementIndex = 0)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)elementIndex, (uint)bytes, nameof(elementIndex));
        int holds;
        do
        {
            holds = Volatile.Read(ref _holds);
            ObjectDisposedException.ThrowIf((holds & Owned) == 0 || pool.IsGone, this);
            if (holds > int.MaxValue - OnePin) throw new InvalidOperationException("A buffer cannot be pinned more often.");
        }
        while (Interlocked.CompareExchange(ref _holds, holds + OnePin, holds) != holds);
        return new(memory + elementIndex, default, this);
    }

    public override void Unpin()
    {
        int holds;
        do
        {
            holds = Volatile.Read(ref _holds);
            if (holds >= OnePin) continue;
            KernelReports.Bug($"BUG: a buffer at 0x{(nuint)memory:x} was unpinned more often than pinned", (nuint)memory);
            return;
        }
        while (Interlocked.CompareExchange(ref _holds, holds - OnePin, holds) != holds);
        if (holds == OnePin) pool.Return(memory, bytes);
    }

    protected override void Dispose(bool disposing)
    {
        if (Interlocked.And(ref _holds, ~Owned) == Owned) pool.Return(memory, bytes);
    }
}
