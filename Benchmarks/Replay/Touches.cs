using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace KAlloc.Benchmarks.Replay;

/// <summary>What the program does with a block: a replay has none that would.</summary>
internal interface ITouch<THeap, TBlock> where THeap : struct, IHeap<TBlock>
{
    /// <summary>After the block was allocated or resized.</summary>
    static abstract void Given(ref byte start, in TraceEvent e);

    /// <summary>Before it is freed.</summary>
    static virtual void Taken(ref byte start, in TraceEvent e)
    {
    }
}

/// <summary>Writes the first byte, and one more every 4096: no memory is had that was never there, and little time goes by that is not the allocator's.</summary>
internal readonly struct Pages<THeap, TBlock> : ITouch<THeap, TBlock> where THeap : struct, IHeap<TBlock>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Given(ref byte start, in TraceEvent e)
    {
        for (uint at = 0; at < e.Size; at += 4096) Unsafe.Add(ref start, at) = 1;
    }
}

/// <summary>Writes every byte, as programs do: for peaks of resident memory.</summary>
internal readonly struct Fill<THeap, TBlock> : ITouch<THeap, TBlock> where THeap : struct, IHeap<TBlock>
{
    public static void Given(ref byte start, in TraceEvent e) => MemoryMarshal.CreateSpan(ref start, (int)e.Size).Fill(0x55);
}

/// <summary>Stamps every byte, and looks whether it is still there: a block shares memory with no other, and keeps its contents when resized.</summary>
internal readonly unsafe struct Stamps<THeap, TBlock> : ITouch<THeap, TBlock> where THeap : struct, IHeap<TBlock>
{
    public static void Given(ref byte start, in TraceEvent e)
    {
        Span<byte> bytes = MemoryMarshal.CreateSpan(ref start, (int)e.Size);
        if (e.Kind == TraceKind.Resize) Check(bytes[..(int)Math.Min(e.Size, e.OldSize)], e);
        if (e.Kind == TraceKind.AllocateCleared && bytes.ContainsAnyExcept((byte)0)) throw Wrong(e, "cleared memory is not zero");
        if (e.Kind == TraceKind.AllocateAligned && THeap.Aligns && ((nuint)Unsafe.AsPointer(ref start) & (((nuint)1 << e.AlignmentLog2) - 1)) != 0)
            throw Wrong(e, $"memory is not aligned to {1 << e.AlignmentLog2} bytes");
        byte stamp = Stamp(e);
        for (int i = 0; i < bytes.Length; i++) bytes[i] = stamp++;
    }

    public static void Taken(ref byte start, in TraceEvent e) => Check(MemoryMarshal.CreateSpan(ref start, (int)e.OldSize), e);

    private static void Check(ReadOnlySpan<byte> bytes, in TraceEvent e)
    {
        byte stamp = Stamp(e);
        for (int i = 0; i < bytes.Length; i++)
        {
            if (bytes[i] != stamp++) throw Wrong(e, $"byte {i} of {bytes.Length} was overwritten");
        }
    }

    private static byte Stamp(in TraceEvent e) => (byte)((uint)e.Slot * 0x9E3779B1 >> 24);

    private static InvalidOperationException Wrong(in TraceEvent e, string what) => new($"{typeof(THeap).Name}: block in slot {e.Slot}: {what}.");
}
