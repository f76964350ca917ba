// Ranges of the process's address space: reserve, protect, release. The one place that knows which system this is.
//
// Reserved memory reads as zero and gets pages on first touch, so reserving much costs microseconds and no memory. (Windows charges it against
// the commit limit of the machine, though it uses no memory either.)
// A wanted address is taken only if it is free: an existing mapping is never replaced.
// Kernel concept: the firmware's memory map; everything above works on what this hands out.

namespace KAlloc;

internal static unsafe class AddressSpace
{
    /// <summary>Readable and writable memory, zero until written.</summary>
    /// <param name="bytes">Length, a multiple of the page size.</param>
    /// <param name="address">The address it must have, or 0 for any.</param>
    /// <returns>The start, or null if the address is taken or there is no room.</returns>
    internal static byte* Reserve(nuint bytes, nuint address = 0) => Map(bytes, address, accessible: true);

    /// <summary>A range without memory behind it: every access faults until something is mapped over it.</summary>
    /// <param name="bytes">Length, a multiple of the page size.</param>
    /// <param name="address">The address it must have, or 0 for any.</param>
    /// <param name="alignment">Alignment of the start: a power of two, at most 64 KiB.</param>
    /// <returns>The start, or null if the address is taken or there is no room.</returns>
    internal static byte* ReserveInaccessible(nuint bytes, nuint address = 0, nuint alignment = 0)
    {
        byte* start = Map(bytes, address, accessible: false);
        if (start == null || alignment == 0 || ((nuint)start & (alignment - 1)) == 0) return start;

        // Not on Windows, which reserves by 64 KiB. Once more with room to align in, and without what is over.
        PosixNative.Munmap(start, bytes);
        start = Map(bytes + alignment, 0, accessible: false);
        if (start == null) return null;
        nuint before = (alignment - ((nuint)start & (alignment - 1))) & (alignment - 1);
        if (before != 0) PosixNative.Munmap(start, before);
        PosixNative.Munmap(start + before + bytes, alignment - before);
        return start + before;
    }

    /// <summary>Gives a whole range back that <see cref="Reserve"/> or <see cref="ReserveInaccessible"/> handed out.</summary>
    internal static void Release(byte* start, nuint bytes)
    {
        if (start == null) return;
        if (OperatingSystem.IsWindows()) WindowsNative.VirtualFree(start, 0, WindowsNative.MemRelease);
        else PosixNative.Munmap(start, bytes);
    }

    /// <summary>Makes pages of a reserved range inaccessible, or accessible again. Their content stays.</summary>
    /// <returns>False if the system refused (too many mappings).</returns>
    internal static bool Protect(byte* start, nuint bytes, bool accessible)
    {
        if (OperatingSystem.IsWindows())
        {
            uint old;
            return WindowsNative.VirtualProtect(start, bytes, accessible ? WindowsNative.PageReadWrite : WindowsNative.PageNoAccess, &old) != 0;
        }

        return PosixNative.Mprotect(start, bytes, accessible ? PosixNative.ProtReadWrite : PosixNative.ProtNone) == 0;
    }

    /// <summary>Asks the system not to use huge pages for a range that is touched here and there. A hint.</summary>
    internal static void KeepSmallPages(byte* start, nuint bytes)
    {
        if (OperatingSystem.IsLinux()) PosixNative.Madvise(start, bytes, PosixNative.MadvNoHugePage);
    }

    private static byte* Map(nuint bytes, nuint address, bool accessible)
    {
        if (OperatingSystem.IsWindows())
        {
            return WindowsNative.VirtualAlloc((byte*)address, bytes,
                accessible ? WindowsNative.MemReserve | WindowsNative.MemCommit : WindowsNative.MemReserve,
                accessible ? WindowsNative.PageReadWrite : WindowsNative.PageNoAccess);
        }

        int flags = PosixNative.MapPrivate | PosixNative.MapAnonymous | PosixNative.MapNoReserve;
        if (address != 0 && OperatingSystem.IsLinux()) flags |= PosixNative.MapFixedNoReplace;
        byte* start = PosixNative.Mmap((byte*)address, bytes, accessible ? PosixNative.ProtReadWrite : PosixNative.ProtNone, flags, -1, 0);
        if (start == PosixNative.MapFailed) return null;
        if (address == 0 || start == (byte*)address) return start;

        // Taken as a hint and not honoured.
        PosixNative.Munmap(start, bytes);
        return null;
    }
}
