// The physical memory of one system: frames 0..n, and where they can be seen.
//
//   frames   |  low: direct map, at a fixed address for ever  |  high: no address until mapped  |
//
// A memfd arena can map any frame anywhere a second time (vmalloc, vmap and kmap are real mappings). The portable one cannot: there a frame has
// one address, and high frames keep theirs hidden until kmap asks.
// Memory appears on first touch. Kernel concept: RAM, the direct map, page tables.

namespace KAlloc;

/// <summary>Where the frames of a <see cref="KernelMemory"/> come from.</summary>
public enum BackingKind
{
    /// <summary>The memfd backing on Linux with 4 KiB pages, else the portable one.</summary>
    Automatic,

    /// <summary>One memfd: frames can be mapped many times. Linux only.</summary>
    Memfd,

    /// <summary>Anonymous memory: works everywhere; vmalloc takes contiguous frames, vmap fails.</summary>
    Portable,
}

internal abstract unsafe class Arena : IDisposable
{
    /// <summary>Address of frame 0.</summary>
    internal byte* DirectMap { get; private protected init; }

    /// <summary>Bytes of frames that have an address for ever.</summary>
    internal nuint DirectBytes { get; private protected init; }

    /// <summary>Bytes of all frames.</summary>
    internal nuint Bytes { get; private protected init; }

    /// <summary>Whether a frame can be mapped at a second address.</summary>
    internal abstract bool CanAlias { get; }

    /// <summary>Maps frames at an address inside a range that was reserved without access. Only if <see cref="CanAlias"/>.</summary>
    /// <param name="at">The address.</param>
    /// <param name="offset">Where the frames are in the arena, in bytes.</param>
    /// <param name="bytes">Their length.</param>
    /// <param name="populate">Enter the pages in the page tables at once, so that no first touch faults: 0.2 us a page against 0.5 us and more.</param>
    /// <returns>False if the system refused (too many mappings).</returns>
    internal abstract bool Map(byte* at, nuint offset, nuint bytes, bool populate);

    /// <summary>Takes mappings away again: the range faults afterwards. Only if <see cref="CanAlias"/>.</summary>
    /// <returns>False if the system refused; the mappings are still there.</returns>
    internal abstract bool Unmap(byte* at, nuint bytes);

    /// <summary>Enters all pages of a mapped range in the page tables. A hint.</summary>
    internal virtual void Populate(byte* at, nuint bytes)
    {
    }

    /// <summary>Puts a mapped range of whole, aligned 2 MiB blocks on huge pages where the system has them. A hint; takes milliseconds a block.</summary>
    internal virtual void MakeHuge(byte* at, nuint bytes)
    {
    }

    /// <summary>The one address of a high frame of an arena that cannot alias.</summary>
    internal abstract byte* HiddenAddress(nuint offset);

    /// <summary>Makes frames read as zero without mapping them.</summary>
    internal abstract void Zero(nuint offset, nuint bytes);

    /// <summary>Gives the memory of frames back to the system. They stay usable; what they read as is not known.</summary>
    /// <returns>False if the system cannot.</returns>
    internal abstract bool Discard(nuint offset, nuint bytes);

    /// <summary>Gets memory for free frames now, so that their first use is no page fault. What they held is lost.</summary>
    /// <returns>False if the system cannot.</returns>
    internal abstract bool Populate(nuint offset, nuint bytes);

    /// <summary>Gives everything back to the system.</summary>
    public abstract void Dispose();

    /// <summary>Makes an arena, or throws with the reason.</summary>
    /// <param name="kind">Which kind.</param>
    /// <param name="bytes">Its size, a multiple of <paramref name="alignment"/>.</param>
    /// <param name="directBytes">How much of it has an address for ever.</param>
    /// <param name="address">The address of frame 0, or 0 for any.</param>
    /// <param name="alignment">Alignment of frame 0.</param>
    internal static Arena Create(BackingKind kind, nuint bytes, nuint directBytes, nuint address, nuint alignment)
    {
        bool canMemfd = OperatingSystem.IsLinux() && Environment.SystemPageSize == 4096;
        if (kind == BackingKind.Memfd && !canMemfd)
            throw new PlatformNotSupportedException("The memfd backing needs Linux with 4 KiB pages.");
        return kind == BackingKind.Portable || !canMemfd
            ? new PortableArena(bytes, directBytes, address, alignment)
            : new MemfdArena(bytes, directBytes, address, alignment);
    }

    private protected static InvalidOperationException Taken(nuint address, nuint bytes) => new(
        address == 0
            ? $"KAlloc cannot reserve {bytes} bytes of address space."
            : $"KAlloc cannot reserve {bytes} bytes at 0x{address:x}: the range is taken, by another copy of KAlloc in this process or by a small address space.");
}
