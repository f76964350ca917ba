// Memory totals in pages. Kernel concept: struct sysinfo, si_meminfo.

#pragma warning disable IDE1006 // the fields keep the kernel's names

namespace KAlloc;

/// <summary>Memory totals (the kernel's <c>struct sysinfo</c>), in units of <see cref="mem_unit"/>.</summary>
public struct SysInfo
{
    /// <summary>All frames.</summary>
    public nuint totalram;

    /// <summary>Frames in the buddy lists.</summary>
    public nuint freeram;

    /// <summary>Frames without a permanent address.</summary>
    public nuint totalhigh;

    /// <summary>Free ones of those.</summary>
    public nuint freehigh;

    /// <summary>Bytes of a unit: the page size.</summary>
    public uint mem_unit;
}

internal sealed unsafe partial class PageAllocator
{
    internal void Fill(out SysInfo info)
    {
        info = default;
        foreach (Zone zone in _zones)
        {
            info.totalram += zone.End - zone.Start;
            info.freeram += (nuint)zone.FreeFrames;
            if (zone.Start < _memory.LowFrames) continue;
            info.totalhigh += zone.End - zone.Start;
            info.freehigh += (nuint)zone.FreeFrames;
        }

        info.mem_unit = (uint)_memory.PageSize;
    }
}
