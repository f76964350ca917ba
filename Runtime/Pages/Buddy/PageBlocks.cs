// Two bytes for each page block of 2 MiB: what it holds and in which zone it lies. So a frame's zone and list are one load.
//
//   bits 3-5  migrate type     bits 8-10  index of the zone
//
// The bits lie where they are offsets into a thread's page sets: of 256 bytes for a zone, of 8 for the stack of a type.
// Invariant: the type changes under the zone's lock only; a reader without it may see the type of a moment ago, which costs grouping, not safety.
// Kernel concept: pageblock_flags, page_zonenum.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace KAlloc;

internal sealed unsafe class PageBlocks : IDisposable
{
    private const int TypeShift = 3;
    private const int ZoneShift = 8;

    private readonly ushort* _info;

    internal PageBlocks(uint frames) =>
        _info = (ushort*)NativeMemory.AllocZeroed((frames + Mobility.BlockFrames - 1) >> Mobility.BlockOrder, sizeof(ushort));

    internal ushort* Info => _info;

    internal static MigrateType TypeIn(ushort info) => (MigrateType)((info >> TypeShift) & 7);

    internal static int ZoneIn(ushort info) => info >> ZoneShift;

    /// <summary>Index of the frame's zone.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal int ZoneOf(uint frame) => ZoneIn(_info[frame >> Mobility.BlockOrder]);

    internal MigrateType TypeOf(uint frame) => TypeIn(Volatile.Read(ref _info[frame >> Mobility.BlockOrder]));

    internal void SetZone(uint start, uint end, int zone, MigrateType type) =>
        new Span<ushort>(_info + (start >> Mobility.BlockOrder), (int)((end - start) >> Mobility.BlockOrder)).Fill((ushort)((zone << ZoneShift) | ((int)type << TypeShift)));

    /// <summary>Gives the page block of a frame a type, and those after it if the block of that order is larger.</summary>
    internal void SetType(uint frame, int order, MigrateType type)
    {
        for (uint block = frame >> Mobility.BlockOrder, left = order > Mobility.BlockOrder ? 1u << (order - Mobility.BlockOrder) : 1; left > 0; block++, left--)
            Volatile.Write(ref _info[block], (ushort)((_info[block] & ~(7 << TypeShift)) | ((int)type << TypeShift)));
    }

    public void Dispose() => NativeMemory.Free(_info);
}
