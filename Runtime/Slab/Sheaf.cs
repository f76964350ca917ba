// The fast path: pop and push on the running thread's sheaf.
//
//   sheaf   [126-c] null   [127-c] object ... object | Top -> free words ... [126]   [127] link        c = the cache's capacity
//
//   pop:   top[-1] is null -> slow (empty, or no sheaf: NullSheaf)         else it is the object
//   push:  top is word 127 -> slow (full, or no sheaf)                     else store and step
//
// Cost: 4 instructions each and no atomic: only the owning thread touches its slots. Two more compares in push see a pointer into an object and
// an object freed twice in a row. Not done here: anything else; the slow path does it all.
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

    /// <summary>The top object of the slot's sheaf, or 0: take the slow path.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static nint TryPop(CacheSlot* slot)
    {
        nint* top = slot->Top - 1;
        nint obj = *top;
        if (obj != 0) slot->Top = top;
        return obj;
    }

    /// <summary>Puts an object on the slot's sheaf; false: take the slow path.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool TryPush(CacheSlot* slot, nint obj)
    {
        nint* top = slot->Top;
        if (((nuint)top & Mask) == FullEnd || ((nuint)obj & slot->InteriorMask) != 0 || top[-1] == obj) return false;
        *top = obj;
        slot->Top = top + 1;
        return true;
    }

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

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool IsFull(nint* top) => ((nuint)top & Mask) == FullEnd;

    /// <summary>The next sheaf in a barn's list.</summary>
    internal static ref nint* Link(nint* sheaf) => ref *(nint**)(sheaf + CacheSlot.SheafLink);
}
