// All frames in one memfd: frame n is the file's bytes n*4096.., so any frame can be mapped at any address as often as wanted.
//
//   memfd:   | frame 0 | frame 1 | ... low ... | ... high ... |
//   direct map at a constant address: the low part, MAP_SHARED      vmalloc, kmap: MAP_FIXED | MAP_SHARED over reserved ranges
//
// Invariant: writes through one address are seen at once through all others. Cost: a mapping is one system call of some 2.5 us whatever its length; 1 us of
// it is the way into the system and back, where the processor's page tables are isolated from the system's. Frames are kept out of forked children
// (MADV_DONTFORK): a shared arena in two processes would be two allocators on one memory. Frames go back to the system by punching holes in the file.
// Kernel concept: the direct map and the page tables over it.

using System.Runtime.InteropServices;

namespace KAlloc;

internal sealed unsafe class MemfdArena : Arena
{
    private const int SharedFixed = PosixNative.MapShared | PosixNative.MapFixed;
    private readonly int _fd;
    private readonly byte* _reserved;
    private readonly nuint _reservedBytes;

    internal MemfdArena(nuint bytes, nuint directBytes, nuint address, nuint alignment)
    {
        Bytes = bytes;
        DirectBytes = directBytes;
        fixed (byte* name = "kalloc-arena\0"u8) _fd = PosixNative.MemfdCreate(name, PosixNative.MfdCloexec);
        if (_fd < 0) throw new InvalidOperationException($"memfd_create failed with error {Marshal.GetLastPInvokeError()}.");
        if (PosixNative.Ftruncate(_fd, (long)bytes) != 0)
        {
            int error = Marshal.GetLastPInvokeError();
            PosixNative.Close(_fd);
            throw new InvalidOperationException($"A memfd of {bytes} bytes cannot be made: error {error}.");
        }

        // Reserve first, so that MAP_FIXED replaces only what is ours. Any address: reserve more and align within it.
        _reservedBytes = address != 0 ? directBytes : directBytes + alignment;
        _reserved = AddressSpace.ReserveInaccessible(_reservedBytes, address);
        if (_reserved == null)
        {
            PosixNative.Close(_fd);
            throw Taken(address, _reservedBytes);
        }

        DirectMap = (byte*)(((nuint)_reserved + alignment - 1) & ~(alignment - 1));
        if (PosixNative.Mmap(DirectMap, directBytes, PosixNative.ProtReadWrite, SharedFixed | PosixNative.MapNoReserve, _fd, 0) != DirectMap)
        {
            int error = Marshal.GetLastPInvokeError();
            Dispose();
            throw new InvalidOperationException($"The direct map of {directBytes} bytes cannot be mapped: error {error}.");
        }

        PosixNative.Madvise(DirectMap, directBytes, PosixNative.MadvDontFork);
    }

    internal override bool CanAlias => true;

    internal override bool Map(byte* at, nuint offset, nuint bytes, bool populate) =>
        PosixNative.MapOver(at, bytes, PosixNative.ProtReadWrite, SharedFixed | (populate ? PosixNative.MapPopulate : PosixNative.MapNoReserve), _fd, (long)offset) == at;

    internal override bool Unmap(byte* at, nuint bytes) =>
        PosixNative.MapOver(at, bytes, PosixNative.ProtNone,
            PosixNative.MapPrivate | PosixNative.MapAnonymous | PosixNative.MapNoReserve | PosixNative.MapFixed, -1, 0) == at;

    /// <summary>
    /// By reading: the system then enters a page's neighbours along with it, and since the file is in memory, where nobody asks what was written, the entries
    /// can be written through at once. By writing each page is a fault of its own.
    /// </summary>
    internal override void Populate(byte* at, nuint bytes) => PosixNative.Madvise(at, bytes, PosixNative.MadvPopulateRead);

    internal override void MakeHuge(byte* at, nuint bytes)
    {
        const nuint Block = 2 << 20;
        for (nuint done = 0; done < bytes; done += Block)
        {
            // The system only collapses a block that has a page.
            Volatile.Read(ref at[done]);
            PosixNative.Madvise(at + done, Block, PosixNative.MadvCollapse);
        }
    }

    internal override byte* HiddenAddress(nuint offset) => null;

    internal override void Zero(nuint offset, nuint bytes) =>
        PosixNative.Fallocate(_fd, PosixNative.FallocPunchHole | PosixNative.FallocKeepSize, (long)offset, (long)bytes);

    internal override bool Discard(nuint offset, nuint bytes) =>
        PosixNative.Fallocate(_fd, PosixNative.FallocPunchHole | PosixNative.FallocKeepSize, (long)offset, (long)bytes) == 0;

    internal override bool Populate(nuint offset, nuint bytes) =>
        offset + bytes <= DirectBytes && PosixNative.Madvise(DirectMap + offset, bytes, PosixNative.MadvPopulateWrite) == 0;

    public override void Dispose()
    {
        AddressSpace.Release(_reserved, _reservedBytes);
        PosixNative.Close(_fd);
    }
}
