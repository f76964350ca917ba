// struct page: what the allocator knows of a frame. 32 bytes (the book's has 40, today's 64), an array of them is the memory map.
//
//        0          4          8              12     13       14          16     20     24
//        | Flags    | RefCount | MapCount     | Order| Mt     | Owner     | Next | Prev | Private          |  a block's head page
//        |          |          | Inuse,Touched|      | Colour | SlabCache | list links  | Freelist         |  a slab's head page
//        |          |          |              |      |        |           | pkmap slot  |                  |  a high page in use
//        | Tail     | 0        |              |      |        |           | head's pfn  |                  |  a tail of a compound block
//
// Links are frame numbers, not pointers: 4 bytes reach 16 TiB. A page of zeros is a frame never used.
// Invariant: RefCount is 0 exactly for free frames and for frames that are not the first of their block. A free block's head has Buddy set if
// it lies in the buddy lists, PageSet if it lies in a thread's page set. The first eight bytes are written as one word (State), so that a
// block changes from one user to the page set in one atomic step: two threads that free the same block cannot both succeed.
// The book says the raw count of a free page is -1; the source of that era, and this, has 0.
// Kernel concept: struct page, page-flags.h.

using System.Runtime.InteropServices;

namespace KAlloc;

/// <summary>State bits of a frame (<c>PG_locked</c> …), in the kernel's order; the allocator's own come last.</summary>
[Flags]
public enum PageFlags : uint
{
    /// <summary>No flag.</summary>
    None = 0,

    /// <summary>Somebody holds the page lock.</summary>
    Locked = 1 << 0,

    /// <summary>Under writeback.</summary>
    Writeback = 1 << 1,

    /// <summary>Used recently.</summary>
    Referenced = 1 << 2,

    /// <summary>The content is valid.</summary>
    Uptodate = 1 << 3,

    /// <summary>Changed since it was last written.</summary>
    Dirty = 1 << 4,

    /// <summary>On a reclaim list.</summary>
    Lru = 1 << 5,

    /// <summary>Head of a compound block.</summary>
    Head = 1 << 6,

    /// <summary>Somebody waits for the lock.</summary>
    Waiters = 1 << 7,

    /// <summary>In active use.</summary>
    Active = 1 << 8,

    /// <summary>Belongs to the working set.</summary>
    Workingset = 1 << 9,

    /// <summary>For the owner.</summary>
    OwnerPriv1 = 1 << 10,

    /// <summary>For the owner.</summary>
    Owner2 = 1 << 11,

    /// <summary>For the architecture.</summary>
    Arch1 = 1 << 12,

    /// <summary>Not managed by the allocator.</summary>
    Reserved = 1 << 13,

    /// <summary>The private field is in use.</summary>
    Private = 1 << 14,

    /// <summary>For file systems.</summary>
    Private2 = 1 << 15,

    /// <summary>To be reclaimed soon.</summary>
    Reclaim = 1 << 16,

    /// <summary>Backed by swap.</summary>
    Swapbacked = 1 << 17,

    /// <summary>Must stay in memory.</summary>
    Unevictable = 1 << 18,

    /// <summary>Locked in memory.</summary>
    Mlocked = 1 << 20,

    /// <summary>Head of a slab.</summary>
    Slab = 1 << 24,

    /// <summary>Head of a free block in the buddy lists.</summary>
    Buddy = 1 << 25,

    /// <summary>Not the first page of a compound block.</summary>
    Tail = 1 << 26,

    /// <summary>Head of a kmalloc allocation too large for a slab.</summary>
    LargeKmalloc = 1 << 27,

    /// <summary>Mapped by vmalloc.</summary>
    Vmalloc = 1 << 28,

    /// <summary>Head of a free block in a thread's page set.</summary>
    PageSet = 1 << 29,

    /// <summary>Flags that a page must not have when it is freed (the kernel's <c>PAGE_FLAGS_CHECK_AT_FREE</c>).</summary>
    CheckAtFree = Lru | Locked | Private | Private2 | Writeback | Reserved | Active | Unevictable | Mlocked,

    /// <summary>Flags that make a frame somebody's other than a page user's.</summary>
    Owned = Slab | LargeKmalloc | Vmalloc,
}

/// <summary>
/// A frame of physical memory (the kernel's <c>struct page</c>), 32 bytes. Used only through a pointer into the memory map.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
public unsafe struct Page
{
    internal const int Bytes = 32;
    internal const uint Nil = uint.MaxValue;

    /// <summary><see cref="State"/> of a block with one user and no flag.</summary>
    internal const ulong OneUser = 1UL << 32;

    /// <summary>Where in <see cref="Shape"/> the migrate type is.</summary>
    internal const int TypeShift = 40;

    /// <summary><see cref="Shape"/> of a block of an order that is mapped nowhere and charged to nobody; the migrate type does not count.</summary>
    internal static ulong PlainShape(int order) => (ulong)(uint)order << 32;

    /// <summary>What of <see cref="Shape"/> a plain block must equal <see cref="PlainShape"/> in.</summary>
    internal const ulong ShapeMask = ~(0xFFUL << TypeShift);

    [FieldOffset(0)] internal PageFlags Flags;
    [FieldOffset(4)] internal int RefCount;
    [FieldOffset(8)] internal int MapCount;
    [FieldOffset(12)] internal byte Order;
    [FieldOffset(13)] internal byte MigrateType;
    [FieldOffset(14)] internal ushort SlabCache;

    /// <summary>The <c>MemoryOwner</c> that the block is charged to; 0: nobody.</summary>
    [FieldOffset(14)] internal ushort Owner;
    [FieldOffset(16)] internal uint Next;
    [FieldOffset(20)] internal uint Prev;
    [FieldOffset(24)] internal nuint Private;

    /// <summary>Flags and reference count in one word.</summary>
    [FieldOffset(0)] internal ulong State;

    /// <summary>Map count, order, migrate type and owner in one word.</summary>
    [FieldOffset(8)] internal ulong Shape;

    /// <summary>Both links in one word.</summary>
    [FieldOffset(16)] internal ulong Links;

    /// <summary>Objects of the slab that are handed out, to users or to sheaves.</summary>
    [FieldOffset(8)] internal ushort Inuse;

    /// <summary>Objects of the slab that were ever handed out: those above were never touched and are on no list.</summary>
    [FieldOffset(10)] internal ushort Touched;

    /// <summary>First free object of the slab.</summary>
    [FieldOffset(24)] internal nuint Freelist;

    /// <summary>Shift of the first object, in units of the cache's alignment.</summary>
    [FieldOffset(13)] internal byte Colour;

    /// <summary>Slot of a high page in the kmap window, plus 1; 0 if it is not mapped.</summary>
    [FieldOffset(16)] internal uint KmapSlot;

    /// <summary>Frame number of the head, in a tail page.</summary>
    [FieldOffset(16)] internal uint HeadFrame;
}
