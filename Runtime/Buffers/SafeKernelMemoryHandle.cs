using System.Runtime.InteropServices;

namespace KAlloc;

/// <summary>
/// Native memory that is freed by <see cref="SafeHandle.Dispose()"/>, or by the finalizer if that is forgotten, and never while a P/Invoke uses it. Made by
/// <see cref="KernelMemory.AllocateHandle"/>.
/// </summary>
public sealed unsafe class SafeKernelMemoryHandle : SafeHandle
{
    private readonly KmallocCaches? _kmalloc;

    /// <summary>A handle without memory: for the marshaller.</summary>
    public SafeKernelMemoryHandle()
        : base(0, ownsHandle: true)
    {
    }

    internal SafeKernelMemoryHandle(KmallocCaches kmalloc, void* memory, nuint bytes)
        : base(0, ownsHandle: true)
    {
        _kmalloc = kmalloc;
        ByteLength = bytes;
        SetHandle((nint)memory);
    }

    /// <summary>Bytes of the memory.</summary>
    public nuint ByteLength { get; }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>The memory. Keep the handle alive and undisposed while the span is used.</summary>
    /// <returns>All of it.</returns>
    /// <exception cref="ObjectDisposedException">It was freed.</exception>
    public Span<byte> AsSpan()
    {
        ObjectDisposedException.ThrowIf(IsClosed || IsInvalid, this);
        return new((void*)handle, (int)ByteLength);
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        _kmalloc?.Free((void*)handle);
        return true;
    }
}
