using System.Buffers;

namespace KAlloc;

/// <summary>Grows a native buffer as it is written: what <c>ArrayBufferWriter</c> is on the managed heap. Not for several threads at once.</summary>
/// <param name="pool">Where its memory comes from.</param>
/// <param name="initialCapacity">Bytes to begin with.</param>
public sealed class KernelBufferWriter(KernelMemoryPool pool, int initialCapacity = 4096) : IBufferWriter<byte>, IDisposable
{
    private KernelMemoryOwner? _owner = pool.RentOwner(initialCapacity);
    private int _written;

    /// <summary>Bytes written.</summary>
    public int WrittenCount => _written;

    /// <summary>Bytes of the buffer.</summary>
    public int Capacity => Owner.Length;

    /// <summary>What was written. Valid until the writer grows, is cleared or disposed.</summary>
    public ReadOnlySpan<byte> WrittenSpan => Owner.GetSpan()[.._written];

    /// <summary>What was written. Use after the writer has grown or is disposed throws <see cref="ObjectDisposedException"/>.</summary>
    public ReadOnlyMemory<byte> WrittenMemory => Owner.Memory[.._written];

    private KernelMemoryOwner Owner => _owner ?? throw new ObjectDisposedException(nameof(KernelBufferWriter));

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">There is no room for so many.</exception>
    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        if (count > Owner.Length - _written) throw new InvalidOperationException($"Only {Owner.Length - _written} bytes may be advanced over, not {count}.");
        _written += count;
    }

    /// <inheritdoc/>
    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return Owner.Memory[_written..];
    }

    /// <inheritdoc/>
    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return Owner.GetSpan()[_written..];
    }

    /// <summary>Begins anew with the same memory, which is not overwritten.</summary>
    public void Clear() => _written = 0;

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        ((IDisposable?)_owner)?.Dispose();
        _owner = null;
    }

    private void Reserve(int sizeHint)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(sizeHint);
        KernelMemoryOwner old = Owner;
        int needed = Math.Max(sizeHint, 1);
        if (old.Length - _written >= needed) return;
        long wanted = Math.Max((long)_written + needed, Math.Min(2L * old.Length, int.MaxValue));
        if (wanted > int.MaxValue) throw new OutOfMemoryException($"A buffer cannot hold {wanted} bytes.");
        KernelMemoryOwner larger = pool.RentOwner((int)wanted);
        old.GetSpan()[.._written].CopyTo(larger.GetSpan());
        _owner = larger;
        ((IDisposable)old).Dispose();
    }
}
