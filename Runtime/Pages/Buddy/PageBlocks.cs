// One byte for each page block of 2 MiB: what it holds and in which zone it lies. So a frame's zone and list are one load.
//
//   bits 0-2  migrate type     bits 4-6  index of the zone
//
// Invariant: the type changes under the zone's lock only; a reader without it may see the type of a moment ago, which costs grouping, not safety.
// Kernel concept: pageblock_flags, page_zonenum.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace KAlloc;

internal sealed unsafe class PageBlocks : IDisposable
{
    private readonly byte* _info;

    internal PageBlocks(uint frames) =>
        _info = (byte*)NativeMemory.AllocZeroed((frames + Mobility.BlockFrames - 1) >> Mobility.BlockOrder);

    internal byte* Info => _info;

    internal static MigrateType TypeIn(byte info) => (MigrateType)(info & 7);

    internal static int ZoneIn(byte info) => info >> 4;

    /// <summary>Index of the frame's zone.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal int ZoneOf(uint frame) => ZoneIn(_info[frame >> Mobility.BlockOrder]);

    internal MigrateType TypeOf(uint frame) => TypeIn(Volatile.Read(ref _info[frame >> Mobility.BlockOrder]));

    internal void SetZone(uint start, uint end, int zone, MigrateType type) =>
        new Span<byte>(_info + (start >> Mobility.BlockOrder), (int)((end - start) >> Mobility.BlockOrder)).Fill((byte)((zone << 4) | (int)type));

    /// <summary>Gives the page block of a frame a type, and those after it if the block of that order is larger.</summary>
    internal void SetType(uint frame, int order, MigrateType type)
    {
        for (uint block = frame >> Mobility.BlockOrder, left = order > Mobility.BlockOrder ? 1u << (order - Mobility.BlockOrder) : 1; left > 0; block++, left--)
            Volatile.Write(ref _info[block], (byte)((_info[block] & ~7) | (int)type));
    }

    public void Dispose() => NativeMemory.Free(_info);
}
