// The fast path: pop and push on the running thread's sheaf.
//
//   sheaf   [126-c] null   [127-c] object ... object   Home -> free words ... [126]   [127] link        c = the cache's capacity
//   slot    Newest: the object whose place is Home, or null
//
//   pop:   Newest is null -> slow (empty, or no sheaf: NullSheaf)       else it is the object; the word below Home comes after it
//   push:  Home is word 126 -> slow (full, or no sheaf)                 else Newest goes home, the object comes after it
//
// Cost: 6 instructions each and no atomic: only the owning thread touches its slots. Two more compares in push see a pointer into an object and
// an object freed twice in a row. Not done here: anything else; the slow path does it all. There a sheaf is known by its top, the word
// behind its last object: TopOf puts the newest object into its place, SetTop takes it out again.
// Kernel concept: struct array_cache (2.6), slab sheaves (6.18).

using System.Runtime.CompilerServices;

namespace KAlloc;

internal static unsafe class Sheaf
{
    /// <summary>Most objects that a sheaf can hold.</summary>
    internal const int MaxCapacity = CacheSlot.SheafLink - 1;

    /// <summary>Half a sheaf is filled at once, so that frees that follow find room.</summary>
    internal const int MaxFillLevel = MaxCapacity / 2;
    private const nuint Mask = CacheSlot.SheafBytes - 1;
    private const nuint FullEnd = CacheSlot.SheafLink * 8;
    private const nuint LastWord = FullEnd - 8;

    /// <summary>The top object of the slot's sheaf, or 0: take the slow path.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static nint TryPop(CacheSlot* slot)
    {
        nint obj = slot->Newest;
        if (obj != 0) DropNewest(slot);
        return obj;
    }

    /// <summary>Puts an object on the slot's sheaf; false: take the slow path.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool TryPush(CacheSlot* slot, nint obj)
    {
        if (!Takes(slot, obj)) return false;
        Push(slot, obj);
        return true;
    }

    /// <summary>Whether there is room, and the object is neither in the midst of another nor the one that was freed last.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool Takes(CacheSlot* slot, nint obj) => !IsLast(slot->Home) && ((nuint)obj & slot->InteriorMask) == 0 && slot->Newest != obj;

    /// <summary>Puts an object on a sheaf that has room.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Push(CacheSlot* slot, nint obj)
    {
        nint* home = slot->Home;
        *home = slot->Newest;
        slot->Home = home + 1;
        slot->Newest = obj;
    }

    /// <summary>Makes the next object the newest, once that is handed out.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void DropNewest(CacheSlot* slot)
    {
        nint* home = slot->Home - 1;
        slot->Newest = *home;
        slot->Home = home;
    }

    /// <summary>The top of the slot's sheaf, with all objects in their places.</summary>
    internal static nint* TopOf(CacheSlot* slot)
    {
        if (slot->Newest != 0) *slot->Home = slot->Newest;
        return slot->Home + 1;
    }

    /// <summary>Makes a sheaf the slot's.</summary>
    internal static void SetTop(CacheSlot* slot, nint* top)
    {
        slot->Home = top - 1;
        slot->Newest = top[-1];
    }

    /// <summary>Whether the slot has no sheaf.</summary>
    internal static bool IsNone(CacheSlot* slot) => slot->Home == CpuBlocks.NullTop - 1;

    /// <summary>Makes a piece of memory a sheaf without objects.</summary>
    internal static void Initialize(nint* sheaf, int capacity) => EmptyTop(sheaf, capacity)[-1] = 0;

    /// <summary>The top of an empty sheaf of some capacity: its first word.</summary>
    internal static nint* EmptyTop(nint* sheaf, int capacity) => sheaf + CacheSlot.SheafLink - capacity;

    /// <summary>The top of a full sheaf.</summary>
    internal static nint* FullTop(nint* sheaf) => sheaf + CacheSlot.SheafLink;

    /// <summary>Start of the sheaf that a top points into.</summary>
    internal static nint* Base(nint* top) => (nint*)((nuint)top & ~Mask);

    /// <summary>The objects below a top.</summary>
    internal static ReadOnlySpan<nint> Objects(nint* top, int capacity)
    {
        nint* first = EmptyTop(Base(top), capacity);
        return new(first, (int)(top - first));
    }

    /// <summary>Whether a newest object's home is the last that there is: no other can come.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool IsLast(nint* home) => ((nuint)home & Mask) == LastWord;

    internal static bool IsFull(nint* top) => ((nuint)top & Mask) == FullEnd;

    /// <summary>The next sheaf in a barn's list.</summary>
    internal static ref nint* Link(nint* sheaf) => ref *(nint**)(sheaf + CacheSlot.SheafLink);
}
