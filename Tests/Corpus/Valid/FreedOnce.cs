// Memory that is freed in many places and yet once, and pointers that outlive their memory without reaching into it.

using System.Runtime.InteropServices;

namespace Corpus;

public unsafe struct Chunk
{
    public Chunk* Next;
    public byte* Data;
    public int Length;
}

public sealed unsafe class ChunkList : IDisposable
{
    private readonly Dictionary<nint, int> _sizes = [];
    private Chunk* _head;
    private Chunk* _spare;

    public void Add(int length)
    {
        Chunk* chunk = _spare;
        if (chunk != null) _spare = null;
        else chunk = (Chunk*)NativeMemory.Alloc((nuint)sizeof(Chunk));
        chunk->Data = (byte*)NativeMemory.Alloc((nuint)length);
        chunk->Length = length;
        chunk->Next = _head;
        _head = chunk;
        _sizes[(nint)chunk->Data] = length;
    }

    public bool Remove(byte* data)
    {
        for (Chunk** at = &((Chunk*)Unsafe(ref _head))->Next; *at != null; at = &(*at)->Next)
        {
            Chunk* chunk = *at;
            if (chunk->Data != data) continue;
            *at = chunk->Next;
            NativeMemory.Free(chunk->Data);
            chunk->Data = null;
            _sizes.Remove((nint)data);
            Retire(chunk);
            return true;
        }

        return false;
    }

    private static void* Unsafe(ref Chunk* head)
    {
        fixed (Chunk** place = &head) return place;
    }

    // Keeps one chunk for the next Add; a second one is freed.
    private void Retire(Chunk* chunk)
    {
        if (_spare == null) _spare = chunk;
        else NativeMemory.Free(chunk);
    }

    public int Compact(int limit)
    {
        int kept = 0;
        Chunk* before = null;
        Chunk* chunk = _head;
        while (chunk != null)
        {
            Chunk* next = chunk->Next;
            if (chunk->Length < limit)
            {
                if (before != null) before->Next = next;
                else _head = next;
                NativeMemory.Free(chunk->Data);
                NativeMemory.Free(chunk);
            }
            else
            {
                before = chunk;
                kept++;
            }

            chunk = next;
        }

        return kept;
    }

    public byte[] Join(ReadOnlySpan<int> lengths, bool clear)
    {
        byte* scratch = null;
        bool owned = false;
        try
        {
            int total = 0;
            foreach (int length in lengths) total += length;
            scratch = total <= 256 ? (byte*)_head->Data : (byte*)NativeMemory.Alloc((nuint)total);
            owned = total > 256;
            var all = new Span<byte>(scratch, total);
            if (clear) all.Clear();
            byte[] result = all.ToArray();
            if (owned)
            {
                NativeMemory.Free(scratch);
                owned = false;
            }

            return result;
        }
        finally
        {
            if (owned) NativeMemory.Free(scratch);
        }
    }

    public static void Drain(Queue<nint> queue, Action<nint> freed)
    {
        while (queue.TryDequeue(out nint memory))
        {
            Marshal.FreeHGlobal(memory);
            freed(memory);
        }
    }

    public static void FreeAll(void** table, int count)
    {
        for (int i = 0; i < count; i++) NativeMemory.Free(table[i]);
        NativeMemory.Free(table);
    }

    public void Dispose()
    {
        Chunk* chunk = _head;
        _head = null;
        for (Chunk* next; chunk != null; chunk = next)
        {
            next = chunk->Next;
            NativeMemory.Free(chunk->Data);
            NativeMemory.Free(chunk);
        }

        if (_spare != null) NativeMemory.Free(_spare);
        _spare = null;
    }
}
