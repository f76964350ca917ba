// The page sets of all threads of one system: an array of zones for each CPU number, made when a thread first needs it.
//
//   table[cpu] -> PageSet[zones]       reserved for 65,536 threads, touched as far as threads exist; later threads use the buddy
//
// The limits of a set follow the number of CPUs, which here are threads: they are computed anew when that number doubles, so that all sets
// together stay within the low mark as in the kernel. A set is emptied when its thread ends.
// Kernel concept: zone->per_cpu_pageset, drain_all_pages, page_alloc_cpu_dead.

using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace KAlloc;

internal sealed unsafe class PageSets : IDisposable
{
    private const int MaxCpus = 1 << 16;

    private readonly Zone[] _zones;
    private readonly PageSet** _table;
    private readonly PhysicalMemory _memory;
    private readonly ushort* _blockInfo;
    private readonly int _normal;
    private readonly bool _stacks;
    private readonly Lock _drainLock = new();
    private SpinWord _makeLock;
    private readonly Action<nint> _onParking;
    private int _cpus;
    private int _made;
    private bool _disposed;

    /// <summary>No sets yet.</summary>
    /// <param name="zones">The zones.</param>
    /// <param name="memory">Their memory.</param>
    /// <param name="blocks">Their page blocks.</param>
    /// <param name="normal">Index of the zone that GFP_KERNEL prefers; -1: there is none.</param>
    /// <param name="stacks">Whether single pages are kept on stacks, where the hit paths find them.</param>
    internal PageSets(Zone[] zones, PhysicalMemory memory, PageBlocks blocks, int normal, bool stacks)
    {
        _zones = zones;
        _memory = memory;
        _blockInfo = blocks.Info;
        _normal = normal;
        _stacks = stacks;
        _table = (PageSet**)AddressSpace.Reserve(MaxCpus * (nuint)sizeof(nint));
        if (_table == null) throw new InvalidOperationException("KAlloc cannot reserve its table of page sets.");
        _onParking = block => Drain(((CpuBlock*)block)->Execution.Cpu);
        CpuBlocks.Parking += _onParking;
    }

    /// <summary>Bytes of all sets.</summary>
    internal long Bytes => (long)Volatile.Read(ref _made) * ((_zones.Length * PageSet.Bytes) + StackBytes);

    /// <summary>The sets of a CPU, one for each zone; null if it has none yet.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal PageSet* OfAny(int cpu) => (uint)cpu < MaxCpus ? _table[cpu] : null;

    /// <summary>Frames that lie in sets of a zone.</summary>
    internal long FramesOf(Zone zone)
    {
        long sum = 0;
        for (int cpu = 0; cpu < Limit; cpu++)
        {
            PageSet* sets = OfAny(cpu);
            if (sets != null) sum += sets[zone.Index].Count;
        }

        return sum;
    }

    /// <summary>One past the highest CPU number that may have a set.</summary>
    internal static int Limit => Math.Min(CpuBlocks.Count, MaxCpus);

    /// <summary>Makes the sets of a CPU if it has none; null if there are too many CPUs. Never sleeps.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal PageSet* Make(int cpu)
    {
        if ((uint)cpu >= MaxCpus || _table[cpu] != null) return OfAny(cpu);
        int headers = ((_zones.Length * PageSet.Bytes) + HotPages.StackBytes - 1) & ~(HotPages.StackBytes - 1);
        var sets = (PageSet*)NativeMemory.AlignedAlloc((nuint)(headers + StackBytes), HotPages.StackBytes);
        NativeMemory.Clear(sets, (nuint)(headers + StackBytes));
        for (int i = 0; i < _zones.Length; i++)
        {
            // Half of the least limit at most, so that a full stack leaves room in the lists.
            int capacity = _stacks ? Math.Min(2 * ZoneFormulas.Batch(_zones[i].Managed, _memory.PageShift), HotPages.MaxCapacity) : 0;
            int reserve = (int)Math.Clamp(_zones[i].Marks.Min / 16, 0, capacity / 2);
            sets[i].Clear((byte*)sets + headers + (i * Mobility.Types * HotPages.StackBytes), capacity, reserve);
            SetAtomicStack(sets, i);
            sets[i].MapBytes = (nuint)_memory.LowFrames * Page.Bytes;
            sets[i].BlockInfo = _blockInfo;
        }

        _makeLock.Enter();
        _made++;
        int cpus = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(Environment.ProcessorCount, _made));
        if (cpus != _cpus)
        {
            _cpus = cpus;
            for (int other = 0; other < Limit; other++) SetLimits(_table[other]);
        }

        SetLimits(sets);
        Volatile.Write(ref *(nint*)&_table[cpu], (nint)sets);
        _makeLock.Leave();
        if (_stacks && _normal >= 0 && _memory.IsDefault)
        {
            CpuBlock* block = CpuBlocks.Get(cpu);
            block->OwnPageSets = sets;
            block->OwnNormalPageSet = sets + _normal;
            CpuBlock.ShowPageSets(block);
        }

        return sets;
    }

    /// <summary>The zones got populated blocks: requests that may not wait look there first.</summary>
    internal void UseReserve()
    {
        _makeLock.Enter();
        for (int cpu = 0; cpu < Limit; cpu++)
        {
            for (int i = 0; _table[cpu] != null && i < _zones.Length; i++) SetAtomicStack(_table[cpu], i);
        }

        _makeLock.Leave();
    }

    private void SetAtomicStack(PageSet* sets, int zone) => Volatile.Write(
        ref sets[zone].AtomicStack,
        (int)(sets[zone].ReserveCapacity > 0 && _zones[zone].ReserveFrames > 0 ? MigrateType.Reserve : MigrateType.Unmovable));

    private int StackBytes => _stacks ? _zones.Length * Mobility.Types * HotPages.StackBytes : 0;

    private void SetLimits(PageSet* sets)
    {
        for (int i = 0; sets != null && i < _zones.Length; i++)
        {
            int batch = ZoneFormulas.Batch(_zones[i].Managed, _memory.PageShift);
            sets[i].Batch = batch;
            sets[i].HighMin = ZoneFormulas.HighMin(_zones[i].Marks.Low, _cpus, batch);
            sets[i].HighMax = ZoneFormulas.HighMax(_zones[i].Managed, _cpus, batch);
            sets[i].High = sets[i].HighMin;
        }
    }

    /// <summary>Empties the sets of one CPU.</summary>
    private void Drain(int cpu)
    {
        lock (_drainLock)
        {
            PageSet* sets = _disposed ? null : OfAny(cpu);
            if (sets == null) return;
            bool any = false;
            for (int i = 0; i < _zones.Length; i++) any |= sets[i].Count != 0;
            if (any) Empty(cpu, cpu + 1);
        }
    }

    /// <summary>Empties all sets, those of running threads included. May wait for them to finish what they are doing; never for long.</summary>
    internal void DrainAll()
    {
        lock (_drainLock) Empty(0, Limit);
    }

    /// <summary>Empties the sets that did nothing since the last call: a thread that is quiet keeps no memory from merging.</summary>
    /// <returns>Whether there are sets with pages that were not quiet.</returns>
    internal bool DrainQuiet()
    {
        lock (_drainLock)
        {
            bool any = false, busy = false;
            for (int cpu = 0; cpu < Limit; cpu++)
            {
                for (int i = 0; _table[cpu] != null && i < _zones.Length; i++)
                {
                    PageSet* set = _table[cpu] + i;
                    set->Decay();
                    bool quiet = set->IsQuiet();
                    busy |= !quiet && set->Count != 0;
                    if (!quiet) continue;
                    set->Claim();
                    any = true;
                }
            }

            if (any) EmptyClaimed(0, Limit);
            return busy;
        }
    }

    private void Empty(int from, int to)
    {
        for (int cpu = from; cpu < to; cpu++)
        {
            for (int i = 0; _table[cpu] != null && i < _zones.Length; i++) _table[cpu][i].Claim();
        }

        EmptyClaimed(from, to);
    }

    private void EmptyClaimed(int from, int to)
    {
        Interlocked.MemoryBarrierProcessWide();
        for (int cpu = from; cpu < to; cpu++)
        {
            for (int i = 0; _table[cpu] != null && i < _zones.Length; i++)
            {
                // A set that was made a moment ago is not claimed, and empty or nearly so.
                PageSet* set = _table[cpu] + i;
                if (!set->IsClaimed) continue;
                set->WaitForOwner();
                if (set->Count != 0) _zones[i].Empty(set, int.MaxValue);
                set->EndClaim();
            }
        }
    }

    public void Dispose()
    {
        CpuBlocks.Parking -= _onParking;
        lock (_drainLock)
        {
            // A thread that ends just now may have been told before.
            _disposed = true;
            for (int cpu = 0; cpu < Limit; cpu++) NativeMemory.AlignedFree(_table[cpu]);
            AddressSpace.Release((byte*)_table, MaxCpus * (nuint)sizeof(nint));
        }
    }
}
