using System.Buffers;

namespace KAlloc;

/// <summary>Grows a native buffer as it is written: what <c>ArrayBufferWriter</c> is on the managed heap. Not for several threads at once.</summary>
public sealed class KernelBufferWriter : IBufferWriter<byte>, IDisposable
{
    private readonly KernelMemoryPool _pool;
    private KernelMemoryOwner? _owner;
    private int _written;

    /// <summary>An empty writer. May sleep.</summary>
    /// <param name="pool">Where its memory comes from.</param>
    /// <param name="initialCapacity">Bytes to begin with, at least; 0: 4096.</param>
    /// <exception cref="ArgumentOutOfRangeException">The capacity is negative.</exception>
    /// <exception cref="ObjectDisposedException">The pool is disposed.</exception>
    /// <exception cref="OutOfMemoryException">There is no memory.</exception>
    [MightSleep]
    [Allocates("KernelMemoryPool", FreedBy = nameof(Dispose), Size = nameof(initialCapacity))]
    public KernelBufferWriter(KernelMemoryPool pool, int initialCapacity = 4096)
    {
        ArgumentNullException.ThrowIfNull(pool);
        ArgumentOutOfRangeException.ThrowIfNegative(initialCapacity);
        _pool = pool;
        _owner = pool.RentOwner(initialCapacity);
    }

    /// <summary>Bytes written.</summary>
    public int WrittenCount => _written;

    /// <summary>Bytes of the buffer.</summary>
    public int Capacity
    {
        [Borrows]
        get => Owner.Length;
    }

    /// <summary>What was written. Valid until the writer grows, is cleared or disposed.</summary>
    public ReadOnlySpan<byte> WrittenSpan
    {
        [return: ViewOf("this")]
        get => Owner.GetSpan()[.._written];
    }

    /// <summary>What was written. Use after the writer has grown or is disposed throws <see cref="ObjectDisposedException"/>.</summary>
    public ReadOnlyMemory<byte> WrittenMemory
    {
        [return: ViewOf("this")]
        get => Owner.Memory[.._written];
    }

    private KernelMemoryOwner Owner => _owner ?? throw new ObjectDisposedException(nameof(KernelBufferWriter));

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">There is no room for so many.</exception>
    [Borrows]
    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        if (count > Owner.Length - _written) throw new InvalidOperationException($"Only {Owner.Length - _written} bytes may be advanced over, not {count}.");
        _written += count;
    }

    /// <inheritdoc/>
    [return: ViewOf("this")]
    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return Owner.Memory[_written..];
    }

    /// <inheritdoc/>
    [return: ViewOf("this")]
    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return Owner.GetSpan()[_written..];
    }

    /// <summary>Begins anew with the same memory, which is not overwritten.</summary>
    [Borrows]
    public void Clear() => _written = 0;

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        ((IDisposable?)_owner)?.Dispose();
        _owner = null;
        _written = 0;
    }

    private void Reserve(int sizeHint)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(sizeHint);
        if (Owner.Length - _written < Math.Max(sizeHint, 1)) Grow(Math.Max(sizeHint, 1));
    }

    /// <summary>To the double, so that many small writes cost one copy of each byte in the mean; to what is needed where there is no memory for that.</summary>
    private void Grow(int room)
    {
        KernelMemoryOwner old = Owner;
        long needed = (long)_written + room;
        if (needed > int.MaxValue) throw new OutOfMemoryException($"A buffer cannot hold {needed} bytes.");
        int wished = (int)Math.Max(needed, Math.Min(2L * old.Length, int.MaxValue));
        KernelMemoryOwner larger = _pool.TryRent(wished, GfpFlags.Kernel | GfpFlags.NoWarn | GfpFlags.NoRetry) ?? _pool.RentOwner((int)needed);
        old.GetSpan()[.._written].CopyTo(larger.GetSpan());
        _owner = larger;
        ((IDisposable)old).Dispose();
    }
}
