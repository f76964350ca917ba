// Per-CPU memory: one allocation, as many copies as there are CPUs, at the same place of each CPU's unit.
//
//   handles | . . [p) . . |   unit of CPU 0 | . . [copy) . . |   unit of CPU 1 | . . [copy) . . |  ...
//           ^ base            ^ base + 64 MiB                    ^ base + 128 MiB
//
// What alloc_percpu returns is a handle: its own unit is inaccessible, so using it as a pointer faults, as in the kernel, where sparse complains.
// per_cpu_ptr is p + (cpu + 1) * 64 MiB. A KAlloc CPU is a thread, and CPUs appear while the program runs: the whole range is reserved once, a unit gets
// pages on first touch, and a CPU that comes later finds its copies zeroed because nobody has ever touched them.
// Invariant: every copy of an allocation is zero when it is handed out. Cost: an addition to find a copy; two tree operations and the zeroing to allocate.
// The memory lies outside of the arena and its limit, like the thread blocks. Kernel concept: mm/percpu.c, pcpu_alloc, __percpu.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace KAlloc;

internal sealed unsafe class PerCpuSpace : IDisposable
{
    /// <summary>Bytes of a CPU's unit: address space only.</summary>
    internal const nuint UnitBytes = 64 << 20;

    /// <summary>Largest allocation: the kernel's PCPU_MIN_UNIT_SIZE.</summary>
    internal const nuint MaxSize = 32 * 1024;

    /// <summary>Smallest piece and alignment, in bytes.</summary>
    private const int Granule = 8;
    private const int MaxCpus = 4096;

    private readonly Lock _lock = new();
    private readonly RangeTree _free = new();
    private readonly RangeTree _live = new();
    private readonly PageAllocator _pages;
    private byte* _base;
    private int _cpus;
    private nuint _touched;
    private long _bytes;

    internal PerCpuSpace(PageAllocator pages) => _pages = pages;

    /// <summary>Bytes allocated, one copy counted.</summary>
    internal long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Bytes that were ever allocated in the copies of all CPUs there are.</summary>
    internal long TouchedBytes => (long)_touched * Math.Min(CpuBlocks.Count, _cpus);

    /// <summary>The kernel's __alloc_percpu: zeroed, or null.</summary>
    internal void* Allocate(nuint size, nuint alignment)
    {
        MightSleep.Check();
        alignment = Math.Max(alignment, Granule);
        if (size == 0 || size > MaxSize || alignment > DefaultMap.PageSize || (alignment & (alignment - 1)) != 0)
        {
            KernelReports.Warn($"WARNING: illegal size ({size}) or align ({alignment}) for percpu allocation");
            return null;
        }

        ulong length = (size + Granule - 1) / Granule;
        lock (_lock)
        {
            if (_base == null && !Reserve()) return null;
            ulong start = _free.Take(length, alignment / Granule);
            if (start == ulong.MaxValue)
            {
                KernelReports.Warn($"percpu: allocation failed, size={size} align={alignment}: the unit of {UnitBytes} bytes is full");
                return null;
            }

            _live.Add(new AddressRange(start, length));
            _bytes += (long)length * Granule;
            nuint offset = (nuint)start * Granule, bytes = (nuint)length * Granule;

            // Above the highest byte ever handed out no unit was touched.
            nuint dirty = offset < _touched ? Math.Min(bytes, _touched - offset) : 0;
            int cpus = dirty == 0 ? 0 : Math.Min(CpuBlocks.Count, _cpus);
            for (int cpu = 0; cpu < cpus; cpu++) NativeMemory.Clear(Copy(_base + offset, cpu), dirty);
            _touched = Math.Max(_touched, offset + bytes);
            return _base + offset;
        }
    }

    /// <summary>The kernel's free_percpu. Any context.</summary>
    internal void Free(void* handle)
    {
        if (handle == null) return;
        nuint offset = (nuint)handle - (nuint)_base;
        lock (_lock)
        {
            if (_base != null && offset < UnitBytes && offset % Granule == 0 && _live.Remove(offset / Granule) is { } range)
            {
                _bytes -= (long)range.Length * Granule;
                _free.Give(range.Start, range.Length);
                return;
            }
        }

        KernelReports.Bug($"BUG: free_percpu(0x{(nuint)handle:x}): {Describe((nuint)handle)}", (nuint)handle);
    }

    /// <summary>A CPU's copy (the kernel's per_cpu_ptr).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void* PointerOf(void* handle, int cpu)
    {
        if ((uint)cpu >= (uint)_cpus || (uint)cpu >= (uint)CpuBlocks.Count) return NoSuchCpu(cpu);
        return Copy((byte*)handle, cpu);
    }

    public void Dispose() => AddressSpace.Release(_base, RangeBytes(_cpus));

    /// <summary>Adds what is wrong to the list: allocations and free ranges must fill a unit.</summary>
    internal void Validate(List<string> errors)
    {
        lock (_lock)
        {
            if (_base == null) return;
            ulong sum = 0;
            foreach (AddressRange range in _free.ToList<AddressRange>()) sum += range.Length;
            foreach (AddressRange range in _live.ToList<AddressRange>()) sum += range.Length;
            if (sum * Granule != UnitBytes) errors.Add($"percpu: allocations and free ranges have {sum * Granule} bytes, a unit has {UnitBytes}");
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void* Copy(byte* handle, int cpu) => handle + (((nuint)(uint)cpu + 1) * UnitBytes);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void* NoSuchCpu(int cpu)
    {
        KernelReports.Bug($"BUG: per_cpu_ptr for CPU#{cpu}: there are {CpuBlocks.Count} CPUs, and per-CPU memory has room for {_cpus}");
        return null;
    }

    private static nuint RangeBytes(int cpus) => ((nuint)(uint)cpus + 1) * UnitBytes;

    private bool Reserve()
    {
        // A system that limits address space gives less: then there is room for fewer threads.
        for (_cpus = MaxCpus; _cpus >= 64; _cpus /= 2)
        {
            _base = AddressSpace.Reserve(RangeBytes(_cpus));
            if (_base == null) continue;
            AddressSpace.Protect(_base, UnitBytes, accessible: false);
            AddressSpace.KeepSmallPages(_base, RangeBytes(_cpus));
            _free.Add(new AddressRange(0, UnitBytes / Granule));
            return true;
        }

        _cpus = 0;
        KernelReports.Warn("percpu: allocation failed: no address space for the units");
        return false;
    }

    private string Describe(nuint address)
    {
        nuint offset = address - (nuint)_base;
        if (_base == null || offset >= RangeBytes(_cpus)) return _pages.Describe(address);
        nuint unit = offset / UnitBytes;
        if (unit > 0) return $"it is CPU#{unit - 1}'s copy, not what alloc_percpu returned";
        lock (_lock)
        {
            return _live.Find(offset / Granule) is { } range
                ? $"it is {offset - ((nuint)range.Start * Granule)} bytes inside an allocation"
                : "nothing is allocated there: freed already?";
        }
    }
}
