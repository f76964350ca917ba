// Owned pointers on their way out: returned, in tuples and structs, through out and ref, by delegates, wrapped in MemoryManager.

using System.Buffers;
using System.Runtime.InteropServices;

namespace Corpus.OwnedReturns;

public unsafe struct Block
{
    public void* Memory;
    public nuint Size;

    public static Block Allocate(nuint size) => new() { Memory = NativeMemory.Alloc(size), Size = size };

    public static bool TryAllocate(nuint size, out Block block)
    {
        block = default;
        if (size > 1 << 20) return false;
        block.Memory = NativeMemory.AllocZeroed(size);
        block.Size = size;
        return true;
    }

    public static void Release(ref Block block)
    {
        NativeMemory.Free(block.Memory);
        block = default;
    }
}

public static unsafe class Makers
{
    public static (nint Memory, int Length) Encode(string text)
    {
        nint memory = Marshal.StringToCoTaskMemUTF8(text);
        return (memory, System.Text.Encoding.UTF8.GetByteCount(text));
    }

    public static void Swap(ref void* slot, nuint size)
    {
        void* old = slot;
        slot = NativeMemory.Alloc(size);
        NativeMemory.Free(old);
    }

    public static nint Duplicate(nint source, int length)
    {
        nint copy = Marshal.AllocHGlobal(length);
        Buffer.MemoryCopy((void*)source, (void*)copy, length, length);
        return copy;
    }

    public static int UseLocally()
    {
        Block block = Block.Allocate(64);
        int value = *(byte*)block.Memory;
        Block.Release(ref block);
        if (!Block.TryAllocate(128, out Block second)) return value;
        value += *(byte*)second.Memory;
        NativeMemory.Free(second.Memory);
        return value;
    }

    public static Action Deferred(nuint size)
    {
        void* memory = NativeMemory.Alloc(size);
        nint captured = (nint)memory;
        return () => NativeMemory.Free((void*)captured);
    }

    public static IMemoryOwner<byte> AsOwner(int length) => new NativeOwner(NativeMemory.Alloc((nuint)length), length);

    private sealed class NativeOwner(void* memory, int length) : MemoryManager<byte>
    {
        private void* _memory = memory;

        public override Span<byte> GetSpan() => new(_memory, length);

        public override MemoryHandle Pin(int elementIndex = 0) => new((byte*)_memory + elementIndex);

        public override void Unpin()
        {
        }

        protected override void Dispose(bool disposing)
        {
            NativeMemory.Free(_memory);
            _memory = null;
        }
    }
}
