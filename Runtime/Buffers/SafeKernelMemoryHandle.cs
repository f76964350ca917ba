using System.Runtime.InteropServices;

namespace KAlloc;

/// <summary>
/// Native memory that is freed by <see cref="SafeHandle.Dispose()"/>, or by the finalizer if that is forgotten, and never while a P/Invoke uses it. Made by
/// <see cref="KernelMemory.AllocateHandle"/>.
/// </summary>
public sealed unsafe class SafeKernelMemoryHandle : SafeHandle
{
    private readonly KmallocCaches _kmalloc;

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
    [return: ViewOf("this")]
    public Span<byte> AsSpan()
    {
        ObjectDisposedException.ThrowIf(IsClosed || IsInvalid || _kmalloc.IsGone, this);
        return new((void*)handle, (int)ByteLength);
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        // The finalizer comes when it likes, also while or after the system is disposed: then the memory went with it.
        lock (_kmalloc.Ending)
        {
            if (!_kmalloc.IsGone) _kmalloc.Free((void*)handle);
        }

        return true;
    }
}
