// The descriptor of a cache: native, 256 bytes, in a table indexed by the cache's id, so that id and descriptor convert by arithmetic.
//
//   first line    what the fast path and the geometry need        second    slab lists under Lock        third    barn under BarnLock
//
// Invariant: FastId is the id where per-thread slots serve the cache (default system, id below 256, no checks asked for), else 0: slot 0 sends
// every call to the slow path. Kernel concept: struct kmem_cache.

using System.Runtime.InteropServices;

namespace KAlloc;

/// <summary>A cache of objects of one size (the kernel's <c>struct kmem_cache</c>). Used only through a pointer.</summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
public unsafe struct KmemCache
{
    internal const int Bytes = 256;
    internal const uint Alive = 0x4B4D4331;

    [FieldOffset(0)] internal uint Magic;
    [FieldOffset(4)] internal ushort Id;
    [FieldOffset(6)] internal ushort FastId;

    /// <summary>Distance of objects, free pointer and padding included.</summary>
    [FieldOffset(8)] internal uint Size;

    /// <summary>Size that the user asked for.</summary>
    [FieldOffset(12)] internal uint ObjectSize;
    [FieldOffset(16)] internal uint Align;

    /// <summary>Where in a free object the pointer to the next one is.</summary>
    [FieldOffset(20)] internal uint FreeOffset;
    [FieldOffset(24)] internal ushort ObjectsPerSlab;
    [FieldOffset(26)] internal byte Order;

    /// <summary>Order of the smallest slab that holds an object.</summary>
    [FieldOffset(27)] internal byte MinOrder;
    [FieldOffset(28)] internal SlabFlags Flags;
    [FieldOffset(32)] internal GfpFlags AllocFlags;

    /// <summary>Index of the system among those booted.</summary>
    [FieldOffset(36)] internal int System;

    /// <summary>Free pointers are stored XOR this and their own address: what a stray write leaves is seen.</summary>
    [FieldOffset(40)] internal nuint Random;
    [FieldOffset(48)] internal delegate*<void*, void> Constructor;

    /// <summary>Every call goes to the slab and is checked there.</summary>
    [FieldOffset(56)] internal bool Direct;

    /// <summary>Bytes of red zone before each object.</summary>
    [FieldOffset(60)] internal uint LeftPad;
    [FieldOffset(64)] internal SpinWord Lock;
    [FieldOffset(68)] internal SlabList Partial;
    [FieldOffset(76)] internal SlabList Full;
    [FieldOffset(84)] internal SlabList Empty;

    /// <summary>Slabs with free objects that are kept; an empty one beyond that goes back to the buddy.</summary>
    [FieldOffset(92)] internal int MinPartial;

    /// <summary>Where behind an object the records of its last allocation and free are, with <see cref="SlabFlags.StoreUser"/>.</summary>
    [FieldOffset(96)] internal uint TrackOffset;

    /// <summary>Slabs start their objects at 0..this times <see cref="ColourUnit"/>, so that those of different slabs fall on different cache lines.</summary>
    [FieldOffset(100)] internal uint Colours;
    [FieldOffset(128)] internal SpinWord BarnLock;
    [FieldOffset(132)] internal int FullSheaves;
    [FieldOffset(136)] internal int EmptySheaves;
    [FieldOffset(140)] internal int SheafLimit;
    [FieldOffset(144)] internal nint* FullSheaf;
    [FieldOffset(152)] internal nint* EmptySheaf;

    /// <summary>Objects that a thread takes from slabs at a time.</summary>
    [FieldOffset(160)] internal int FillLevel;

    /// <summary>Objects that a sheaf of this cache holds.</summary>
    [FieldOffset(164)] internal int SheafCapacity;

    /// <summary>Number of the <see cref="MemoryOwner"/> that the cache's slabs are charged to; 0: nobody.</summary>
    [FieldOffset(168)] internal ushort Owner;

    /// <summary>Names that the cache was created under and that are not destroyed yet: above 1 for a merged cache; 0 while it is being destroyed.</summary>
    [FieldOffset(172)] internal int References;

    /// <summary>Where behind a kmalloc object the size that was asked for is, with red zones and user tracking; else 0.</summary>
    [FieldOffset(176)] internal uint RequestOffset;

    /// <summary>Slabs that go back to the buddy when the grace period that runs is over, and those that came after it began, linked by <see cref="Page.Next"/>.</summary>
    [FieldOffset(180)] internal uint Waiting;
    [FieldOffset(184)] internal uint Deferred;

    /// <summary>Room for the link that a grace period's callback needs.</summary>
    [FieldOffset(192)] internal fixed ulong Grace[4];

    /// <summary>Address bits that are 0 for every object: slabs start on pages, objects at multiples of the size behind the colour.</summary>
    internal readonly nuint InteriorMask
    {
        get
        {
            uint steps = Size | LeftPad | (Colours != 0 ? ColourUnit : 0);
            return (steps & (0u - steps)) - 1 & ((uint)DefaultMap.PageSize - 1);
        }
    }

    /// <summary>Distance of colours: a cache line, or the alignment if that is more.</summary>
    internal readonly uint ColourUnit => Math.Max(64, Align);
}

/// <summary>A list of slabs: the frame number of the first and their number.</summary>
internal struct SlabList
{
    internal uint First;
    internal int Count;
}
