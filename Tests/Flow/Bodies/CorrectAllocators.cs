// Allocators that people write on top of others: headers in front, blocks aligned by hand, free lists, arenas, slabs, counts of references, tagged pointers.

using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading;
using KAlloc;
using static KAlloc.Linux;

unsafe struct Header
{
    public nuint size;
    public int references;
    public Header* next;
}

unsafe struct Block
{
    public Block* next;
    public byte* end;
    public byte* at;
}

sealed unsafe class Arena : IDisposable
{
    private Block* _blocks;

    public void* Take(nuint size)
    {
        if (_blocks == null || (nuint)(_blocks->end - _blocks->at) < size) Grow(size);
        byte* taken = _blocks->at;
        _blocks->at += size;
        return taken;
    }

    private void Grow(nuint size)
    {
        nuint all = Math.Max(size + (nuint)sizeof(Block), 4096);
        Block* block = (Block*)NativeMemory.Alloc(all);
        block->next = _blocks;
        block->at = (byte*)(block + 1);
        block->end = (byte*)block + all;
        _blocks = block;
    }

    public void Reset()
    {
        while (_blocks != null && _blocks->next != null)
        {
            Block* first = _blocks;
            _blocks = first->next;
            NativeMemory.Free(first);
        }

        if (_blocks != null) _blocks->at = (byte*)(_blocks + 1);
    }

    public void Dispose()
    {
        for (Block* block = _blocks; block != null;)
        {
            Block* next = block->next;
            NativeMemory.Free(block);
            block = next;
        }

        _blocks = null;
    }
}

sealed unsafe class FreeList : IDisposable
{
    private readonly object _gate = new();
    private readonly nuint _size;
    private void* _first;
    private int _count;

    public FreeList(nuint size) => _size = Math.Max(size, (nuint)sizeof(void*));

    public void* Take()
    {
        lock (_gate)
        {
            if (_first != null)
            {
                void* taken = _first;
                _first = *(void**)taken;
                _count--;
                return taken;
            }
        }

        return NativeMemory.Alloc(_size);
    }

    public void Give(void* block)
    {
        lock (_gate)
        {
            if (_count < 64)
            {
                *(void**)block = _first;
                _first = block;
                _count++;
                return;
            }
        }

        NativeMemory.Free(block);
    }

    public void Dispose()
    {
        while (_first != null)
        {
            void* block = _first;
            _first = *(void**)block;
            NativeMemory.Free(block);
        }
    }
}

unsafe static class Bodies
{
    static Header* s_free;
    static long s_bytes;

    static void* WithHeader(nuint size)
    {
        Header* header = (Header*)NativeMemory.Alloc(size + (nuint)sizeof(Header));
        header->size = size;
        header->references = 1;
        Interlocked.Add(ref s_bytes, (long)size);
        return header + 1;
    }

    static void FreeWithHeader(void* p)
    {
        if (p == null) return;
        Header* header = (Header*)p - 1;
        Interlocked.Add(ref s_bytes, -(long)header->size);
        NativeMemory.Free(header);
    }

    static void HeaderIsFreed()
    {
        void* p = WithHeader(100);
        *(int*)p = 3;
        FreeWithHeader(p);
    }

    static void* ResizedWithHeader(void* p, nuint size)
    {
        Header* header = (Header*)p - 1;
        header = (Header*)NativeMemory.Realloc(header, size + (nuint)sizeof(Header));
        header->size = size;
        return header + 1;
    }

    static void ResizedIsFreed()
    {
        void* p = WithHeader(100);
        p = ResizedWithHeader(p, 200);
        FreeWithHeader(p);
    }

    static void* Aligned(nuint size, nuint alignment)
    {
        byte* raw = (byte*)NativeMemory.Alloc(size + alignment + (nuint)sizeof(void*));
        byte* aligned = (byte*)(((nuint)raw + (nuint)sizeof(void*) + alignment - 1) & ~(alignment - 1));
        ((void**)aligned)[-1] = raw;
        return aligned;
    }

    static void FreeAligned(void* p)
    {
        if (p != null) NativeMemory.Free(((void**)p)[-1]);
    }

    static void AlignedIsFreed()
    {
        void* p = Aligned(100, 64);
        FreeAligned(p);
    }

    static nint* AlignedNumbers(int count, out nint raw)
    {
        raw = Marshal.AllocHGlobal((count * sizeof(nint)) + 15);
        return (nint*)((raw + 15) & ~15);
    }

    static void AlignedNumbersAreFreed()
    {
        nint* numbers = AlignedNumbers(8, out nint raw);
        numbers[0] = 1;
        Marshal.FreeHGlobal(raw);
    }

    static void Retain(void* p) => Interlocked.Increment(ref ((Header*)p - 1)->references);

    static void Release(void* p)
    {
        Header* header = (Header*)p - 1;
        if (Interlocked.Decrement(ref header->references) == 0) NativeMemory.Free(header);
    }

    static void RetainedAndReleased()
    {
        void* p = WithHeader(8);
        Retain(p);
        Release(p);
        *(int*)p = 4;
        Release(p);
    }

    static void Recycled()
    {
        Header* header = s_free;
        if (header != null) s_free = header->next;
        else header = (Header*)NativeMemory.Alloc((nuint)sizeof(Header));
        header->size = 4;
        header->next = s_free;
        s_free = header;
    }

    static void InArena()
    {
        using var arena = new Arena();
        int* a = (int*)arena.Take(4);
        *a = 3;
        arena.Reset();
        int* b = (int*)arena.Take(400000);
        *b = 4;
    }

    static void InFreeList(int n)
    {
        using var list = new FreeList(8);
        void* a = list.Take(), b = list.Take();
        list.Give(a);
        list.Give(b);
        for (int i = 0; i < n; i++)
        {
            void* p = list.Take();
            *(int*)p = i;
            list.Give(p);
        }
    }

    static nuint Tag(void* p, int tag) => (nuint)p | (nuint)tag;

    static void* Untag(nuint tagged) => (void*)(tagged & ~(nuint)7);

    static void TaggedIsFreed()
    {
        nuint tagged = Tag(NativeMemory.Alloc(8), 3);
        if ((tagged & 7) == 3) NativeMemory.Free(Untag(tagged));
    }

    static void InDictionary()
    {
        var sizes = new Dictionary<nint, int>();
        void* p = NativeMemory.Alloc(8);
        sizes[(nint)p] = 8;
        if (sizes.Remove((nint)p, out int size)) s_bytes -= size;
        NativeMemory.Free(p);
    }

    static void HalvesOfOne()
    {
        byte* both = (byte*)NativeMemory.Alloc(200);
        byte* first = both, second = both + 100;
        first[0] = second[0] = 1;
        NativeMemory.Free(first);
    }

    static void RowsOfMany(int rows, int columns)
    {
        byte** all = (byte**)NativeMemory.Alloc((nuint)rows, (nuint)sizeof(byte*));
        for (int i = 0; i < rows; i++) all[i] = (byte*)NativeMemory.Alloc((nuint)columns);
        for (int i = 0; i < rows; i++) NativeMemory.Free(all[i]);
        NativeMemory.Free(all);
    }

    static void WalkedToTheEnd()
    {
        byte* text = (byte*)NativeMemory.AllocZeroed(16);
        byte* at = text;
        while (*at != 0 && at - text < 15) at++;
        NativeMemory.Free(text);
    }

    static void WalkedBack()
    {
        byte* text = (byte*)NativeMemory.AllocZeroed(16);
        byte* at = text;
        for (int i = 0; i < 4; i++) *at++ = 1;
        at -= 4;
        NativeMemory.Free(at);
    }

    static void RoundTrip()
    {
        void* p = NativeMemory.Alloc(8);
        long number = (long)p;
        ulong other = unchecked((ulong)number);
        NativeMemory.Free((void*)other);
    }

    static void AsHandle()
    {
        nint p = Marshal.AllocHGlobal(8);
        var handle = new HandleRef(null, p);
        Marshal.FreeHGlobal(handle.Handle);
    }

    static void Split()
    {
        ulong p = (ulong)NativeMemory.Alloc(8);
        uint low = (uint)p, high = (uint)(p >> 32);
        NativeMemory.Free((void*)(((ulong)high << 32) | low));
    }

    static void Swapped(bool swaps)
    {
        void* front = NativeMemory.Alloc(8), back = NativeMemory.Alloc(8);
        for (int i = 0; i < 4; i++)
        {
            if (!swaps) continue;
            void* kept = front;
            front = back;
            back = kept;
        }

        NativeMemory.Free(front);
        NativeMemory.Free(back);
    }

    static void Scratch(int n)
    {
        byte* fast = stackalloc byte[64];
        byte* p = fast;
        if (n > 64) p = (byte*)NativeMemory.Alloc((nuint)n);
        p[0] = 1;
        if (p != fast) NativeMemory.Free(p);
    }

    static void GrownFromStack(int n)
    {
        byte* fast = stackalloc byte[64];
        byte* p = fast;
        nuint room = 64;
        for (int i = 0; i < n; i++)
        {
            if ((nuint)i < room) continue;
            byte* larger = (byte*)NativeMemory.Alloc(room * 2);
            Unsafe.CopyBlock(larger, p, (uint)room);
            if (p != fast) NativeMemory.Free(p);
            p = larger;
            room *= 2;
        }

        if (p != fast) NativeMemory.Free(p);
    }
}
