// A ring on aligned memory with a sentinel page, shared by a producer and a consumer; views of it never own it.

using System.Runtime.InteropServices;

namespace Corpus.RingBuffer;

public sealed unsafe class Ring : IDisposable
{
    private readonly byte* _memory;
    private readonly byte* _data;
    private readonly int _size;
    private long _head;
    private long _tail;
    private bool _disposed;

    public Ring(int size)
    {
        if (size <= 0 || (size & (size - 1)) != 0) throw new ArgumentException("A power of two is needed.", nameof(size));
        _size = size;
        _memory = (byte*)NativeMemory.AlignedAlloc((nuint)size + 128, 64);
        _data = _memory + 64;
        NativeMemory.Clear(_memory, (nuint)size + 128);
    }

    public bool TryWrite(ReadOnlySpan<byte> bytes)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_size - (int)(_head - Volatile.Read(ref _tail)) < bytes.Length) return false;
        for (int i = 0; i < bytes.Length; i++) _data[(_head + i) & (_size - 1)] = bytes[i];
        Volatile.Write(ref _head, _head + bytes.Length);
        return true;
    }

    public ReadOnlySpan<byte> Peek()
    {
        int start = (int)(_tail & (_size - 1));
        int available = (int)(Volatile.Read(ref _head) - _tail);
        return new ReadOnlySpan<byte>(_data + start, Math.Min(available, _size - start));
    }

    public void Advance(int count) => Volatile.Write(ref _tail, _tail + count);

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        NativeMemory.AlignedFree(_memory);
    }
}
