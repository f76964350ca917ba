// Work items, timers and tasklets are linked by address. Each remembers where it was initialised: one that was never initialised, that the garbage
// collector moved, or that was copied has another address in it and is refused before it is linked.
// Cost: one compare. Not done: finding out that managed memory is unpinned before it has moved; the runtime has no call for that.

using System.Runtime.CompilerServices;

namespace KAlloc;

/// <summary>The check on structs that are linked by address.</summary>
internal static unsafe class PinnedPlace
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool Check(void* place, void* self, string type, string init) => place == self || Report(place, self, type, init);

    internal static void ReportHandlerGone(void* place, string type, string release) =>
        KernelReports.Bug($"BUG: {type} at 0x{(nuint)place:x} is used again after {release}, and its handler was a closure that is gone by now: initialise it again", (nuint)place);

    /// <summary>The kernel's ODEBUG report: an item that is linked is about to be written over by its initialisation.</summary>
    internal static void ReportActive(void* place, string type, string init, string release) =>
        KernelReports.Bug($"BUG: ODEBUG: init active {type} at 0x{(nuint)place:x}: {init} of one that is queued; {release} first", (nuint)place);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool Report(void* place, void* self, string type, string init)
    {
        KernelReports.Bug(
            self == null
                ? $"BUG: {type} at 0x{(nuint)place:x} was never initialised: call {init} first"
                : $"BUG: {type} at 0x{(nuint)place:x} was initialised at 0x{(nuint)self:x}: it was moved or copied, but must stay in native or pinned memory",
            (nuint)place);
        return false;
    }
}
