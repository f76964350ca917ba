// All frames in anonymous memory, each at one address only. Works on every system .NET runs on, and on Linux for comparison.
//
//   | low: the direct map |   and, somewhere else,   | high: reachable through kmap only |
//
// Not done: aliases. vmalloc therefore takes contiguous frames, and vmap fails.

using System.Runtime.InteropServices;

namespace KAlloc;

internal sealed unsafe class PortableArena : Arena
{
    private readonly byte* _reserved;
    private readonly nuint _reservedBytes;
    private readonly byte* _high;

    internal PortableArena(nuint bytes, nuint directBytes, nuint address, nuint alignment)
    {
        Bytes = bytes;
        DirectBytes = directBytes;
        _reservedBytes = address != 0 ? directBytes : directBytes + alignment;
        _reserved = AddressSpace.Reserve(_reservedBytes, address);
        if (_reserved == null) throw Taken(address, _reservedBytes);
        DirectMap = (byte*)(((nuint)_reserved + alignment - 1) & ~(alignment - 1));
        if (bytes == directBytes) return;
        _high = AddressSpace.Reserve(bytes - directBytes);
        if (_high != null) return;
        Dispose();
        throw Taken(0, bytes - directBytes);
    }

    internal override bool CanAlias => false;

    internal override bool Map(byte* at, nuint offset, nuint bytes, bool populate) => false;

    internal override bool Unmap(byte* at, nuint bytes) => false;

    internal override byte* HiddenAddress(nuint offset) => _high + (offset - DirectBytes);

    internal override void Zero(nuint offset, nuint bytes) =>
        NativeMemory.Clear(At(offset), bytes);

    private byte* At(nuint offset) => offset < DirectBytes ? DirectMap + offset : HiddenAddress(offset);

    internal override bool Discard(nuint offset, nuint bytes)
    {
        byte* start = At(offset);
        if (OperatingSystem.IsWindows()) return WindowsNative.DiscardVirtualMemory(start, bytes) == 0;
        return OperatingSystem.IsLinux() && PosixNative.Madvise(start, bytes, PosixNative.MadvDontNeed) == 0;
    }

    internal override bool Populate(nuint offset, nuint bytes)
    {
        for (nuint at = 0; at < bytes; at += (nuint)Environment.SystemPageSize) Volatile.Write(ref At(offset)[at], 0);
        return true;
    }

    public override void Dispose()
    {
        AddressSpace.Release(_reserved, _reservedBytes);
        AddressSpace.Release(_high, Bytes - DirectBytes);
    }
}
