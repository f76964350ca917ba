// The fast path: pop and push on the running thread's sheaf.
//
//   sheaf   [0] null   [1] object ... [k] object | Top -> free slots ... [62]   [63] link
//
//   pop:   top[-1] is null -> slow (empty, or no sheaf: NullSheaf)         else it is the object
//   push:  top ends in 504 -> slow (full, or no sheaf)                     else store and step
//
// Cost: 4 instructions each and no atomic: only the owning thread touches its slots. Two more compares in push see a pointer into an object and
// an object freed twice in a row. Not done here: anything else; the slow path does it all.
// Kernel concept: struct array_cache (2.6), slab sheaves (6.18).

using System.Runtime.CompilerServices;

namespace KAlloc;

internal static unsafe class Sheaf
{
    internal const nuint Mask = 511;
    internal const nuint FullEnd = 504;

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

    /// <summary>First slot of an empty sheaf.</summary>
    internal static nint* EmptyTop(nint* sheaf) => sheaf + 1;

    /// <summary>Start of the sheaf that a top points into.</summary>
    internal static nint* Base(nint* top) => (nint*)((nuint)top & ~Mask);

    /// <summary>Objects below a top.</summary>
    internal static int Count(nint* top) => (int)(((nuint)top & Mask) / 8) - 1;

    internal static bool IsFull(nint* top) => ((nuint)top & Mask) == FullEnd;

    /// <summary>The next sheaf in a barn's list.</summary>
    internal static ref nint* Link(nint* sheaf) => ref *(nint**)(sheaf + 63);
}
