// The .NET face of kvmalloc for code that works with Memory<byte>: pipelines, sockets, serializers.
//
//   Rent(n) ── kvmalloc(class that holds n) ── KernelMemoryOwner (a MemoryManager) ── Dispose ── kvfree
//
// Invariant: native memory is freed exactly once, when its owner is disposed and no pin is left. No finalizer frees it: an owner that is lost is a
// leak, which LeakReport shows, not something that happens to go well.
// Cost: a rent is one kmalloc hit and one managed object of 56 bytes; buffers are not zeroed. Pools share the system's caches, so that there is nothing
// to trim in a pool of its own: KernelMemory.Shrink gives back what is idle.

using System.Buffers;
using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Text;

namespace KAlloc;

/// <summary>A <see cref="MemoryPool{T}"/> of native memory. Made by <see cref="KernelMemory.CreateBufferPool"/>. All members may be used from any thread.</summary>
public sealed unsafe class KernelMemoryPool : MemoryPool<byte>
{
    private const int DefaultBytes = 4096;
    private readonly KmallocCaches _kmalloc;
    private readonly KvmallocSystem _kvmalloc;
    private readonly ConcurrentDictionary<nint, Rented>? _tracked;
    private long _rentedBuffers;
    private long _rentedBytes;
    private long _peakBytes;
    private bool _disposed;

    internal KernelMemoryPool(KmallocCaches kmalloc, KvmallocSystem kvmalloc, bool track)
    {
        _kmalloc = kmalloc;
        _kvmalloc = kvmalloc;
        if (track) _tracked = [];
    }

    /// <summary>Largest buffer: 2^31 - 1 bytes. Over 4 MiB a buffer is contiguous in virtual addresses only.</summary>
    public override int MaxBufferSize => int.MaxValue;

    /// <summary>Buffers rented and not yet given back.</summary>
    public long RentedBuffers => Volatile.Read(ref _rentedBuffers);

    /// <summary>Bytes of these buffers.</summary>
    public long RentedBytes => Volatile.Read(ref _rentedBytes);

    /// <summary>Whether the pool is disposed: nothing is rented any more.</summary>
    public bool IsDisposed => Volatile.Read(ref _disposed);

    /// <summary>Whether the system was disposed under its buffers: their addresses are nobody's.</summary>
    internal bool IsGone => _kmalloc.IsGone;

    /// <summary>The most bytes that were rented at one time since the last call. Beside <see cref="KernelMemory.GiveBack"/>: whether it is worth its price.</summary>
    /// <returns>Bytes.</returns>
    public long TakePeak() => Interlocked.Exchange(ref _peakBytes, RentedBytes);

    /// <summary>Rents a buffer; its content is arbitrary. May sleep.</summary>
    /// <param name="minBufferSize">Bytes that it must at least have; -1 or 0, which is how servers ask for any size: 4096.</param>
    /// <returns>The owner: dispose it once the buffer is not used any more, or it leaks.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The size is below -1.</exception>
    /// <exception cref="ObjectDisposedException">The pool is disposed.</exception>
    /// <exception cref="OutOfMemoryException">There is no memory.</exception>
    [MightSleep]
    [return: Allocates("KernelMemoryPool", FreedBy = nameof(IDisposable.Dispose), Size = nameof(minBufferSize))]
    public override IMemoryOwner<byte> Rent(int minBufferSize = -1) => RentOwner(minBufferSize);

    internal KernelMemoryOwner RentOwner(int minBufferSize)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) || IsGone, this);
        ArgumentOutOfRangeException.ThrowIfLessThan(minBufferSize, -1);
        KernelMemoryOwner? owner = TryRent(minBufferSize, GfpFlags.Kernel | GfpFlags.NoWarn);
        return owner ?? throw new OutOfMemoryException($"KAlloc has no {(minBufferSize <= 0 ? DefaultBytes : minBufferSize)} bytes.");
    }

    /// <summary>Null when there is no memory.</summary>
    internal KernelMemoryOwner? TryRent(int minBufferSize, GfpFlags flags)
    {
        int wanted = minBufferSize <= 0 ? DefaultBytes : minBufferSize;
        int bytes = (int)Math.Min(KmallocCaches.RoundUp((nuint)wanted, _kmalloc.PageShift), int.MaxValue);
        void* memory = bytes <= (int)KmallocSizes.MaxCacheSize ? Small(bytes, flags) : _kvmalloc.Allocate((nuint)bytes, flags);
        if (memory == null) return null;
        Interlocked.Increment(ref _rentedBuffers);
        NotePeak(Interlocked.Add(ref _rentedBytes, bytes));
        var owner = new KernelMemoryOwner(this, (byte*)memory, bytes);
        _tracked?.TryAdd((nint)memory, new(new WeakReference(owner), bytes, Environment.StackTrace));
        return owner;
    }

    /// <summary>
    /// The buffers that are not given back: those whose owner is gone first, which are lost for good. One line each, and where each was rented if the
    /// pool tracks.
    /// </summary>
    /// <returns>The text; empty if every buffer was given back.</returns>
    public string LeakReport()
    {
        var text = new StringBuilder();
        if (_tracked is null)
        {
            if (RentedBuffers != 0) text.Append($"{RentedBuffers} buffers of {RentedBytes} bytes are not given back; a pool that tracks says which\n");
            return text.ToString();
        }

        foreach ((nint address, Rented rented) in _tracked.OrderBy(entry => entry.Value.Owner.IsAlive).ThenBy(entry => entry.Key))
        {
            string state = rented.Owner.IsAlive ? "in use" : "leaked: its owner was collected without Dispose";
            text.Append($"0x{address:x} {rented.Bytes} bytes, {state}, rented\n{rented.Stack}\n");
        }

        return text.ToString();
    }

    internal void Return(byte* memory, int bytes)
    {
        _tracked?.TryRemove((nint)memory, out _);
        Interlocked.Decrement(ref _rentedBuffers);
        Interlocked.Add(ref _rentedBytes, -bytes);
        if (IsGone) return;
        if (bytes > (int)KmallocSizes.MaxCacheSize) _kvmalloc.Free(memory);
        else if (!_kmalloc.IsDefault || !KmallocFast.TryFree(memory)) _kmalloc.Free(memory);
    }

    /// <summary>Ends renting. Buffers that are out stay valid until their owners are disposed.</summary>
    /// <param name="disposing">True.</param>
    protected override void Dispose(bool disposing) => Volatile.Write(ref _disposed, true);

    private void NotePeak(long rented)
    {
        for (long peak = Volatile.Read(ref _peakBytes); rented > peak;)
        {
            long seen = Interlocked.CompareExchange(ref _peakBytes, rented, peak);
            if (seen == peak) return;
            peak = seen;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void* Small(int bytes, GfpFlags flags)
    {
        nint obj = _kmalloc.IsDefault ? KmallocFast.TryAllocate((nuint)bytes, GfpFlags.Kernel) : 0;
        return obj != 0 ? (void*)obj : _kmalloc.Allocate((nuint)bytes, flags);
    }

    private sealed record Rented(WeakReference Owner, int Bytes, string Stack);
}
