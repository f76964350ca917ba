// The caches of one system: create, destroy, find.
//
//   Caches[id]     descriptors (native table)          _names[id]     their names (managed)
//   ids 1..        the kmalloc caches, in a fixed order, then the sheaves' own cache, then the users'
//
// Parts: Layout (what a cache looks like), Slabs, Sheaves (what threads keep), Objects and Bulk (the calls), Shrink, Deferred (RCU), Checks, Zones.
// Cost: creating a cache takes a lock and touches one descriptor; with merging it looks at all of them.
// Kernel concept: mm/slab_common.c.

using System.Numerics;
using System.Runtime.InteropServices;

namespace KAlloc;

internal sealed unsafe partial class SlabAllocator : IDisposable
{
    /// <summary>Largest object: the largest block.</summary>
    internal const nuint MaxObjectSize = DefaultMap.MaxBlockBytes;
    private const int MaxCaches = 65000;
    private const int CacheLine = 64;
    private const nuint TableBytes = 65536 * KmemCache.Bytes;

    /// <summary>Flags that caches may differ in and still be one: none of these, which mean something else in each.</summary>
    private const SlabFlags NeverMerged = ZoneFlags | SlabFlags.Trace | SlabFlags.TypesafeByRcu | SlabFlags.FailSlab | SlabFlags.NoMerge;
    private const SlabFlags MergedIfSame = SlabFlags.ReclaimAccount | SlabFlags.CacheDma | SlabFlags.CacheDma32 | SlabFlags.Account;
    private const SlabFlags Known = NeverMerged | MergedIfSame | SlabFlags.ConsistencyChecks | SlabFlags.HwCacheAlign | SlabFlags.Panic;

    private static readonly Lock s_systemsLock = new();
    private static SlabAllocator?[] s_systems = new SlabAllocator?[4];

    private readonly Lock _lock = new();
    private readonly PhysicalMemory _memory;
    private readonly PageAllocator _pages;
    private readonly IGracePeriods _grace;
    private readonly bool _direct;
    private readonly bool _merge;
    private readonly int _firstId;
    private readonly SlabFlags _addedFlags;
    private readonly int _system;
    private readonly KmemCache* _sheafCache;
    private readonly Dictionary<ushort, GCHandle> _constructors = [];
    private readonly Stack<int> _freedIds = [];
    private readonly HashSet<string> _taken = [];
    private string?[] _names = new string?[256];
    private int _nextId = 1;

    /// <summary>Caches of a system.</summary>
    /// <param name="pages">Where slabs come from.</param>
    /// <param name="grace">How to wait for readers.</param>
    /// <param name="level">With <see cref="DebugLevel.Sanity"/> all caches are direct.</param>
    /// <param name="merge">Whether caches that are alike become one.</param>
    /// <param name="firstId">Ids below are for the layer above, which fills them with <see cref="CreateFixed"/>.</param>
    internal SlabAllocator(PageAllocator pages, IGracePeriods grace, DebugLevel level, bool merge, int firstId)
    {
        _pages = pages;
        _grace = grace;
        _merge = merge;
        _firstId = firstId;
        _memory = pages.Memory;
        _direct = !_memory.IsDefault || level >= DebugLevel.Sanity;
        Caches = (KmemCache*)AddressSpace.Reserve(TableBytes, _memory.IsDefault ? unchecked((nuint)DefaultMap.Caches) : 0);
        if (Caches == null) throw new InvalidOperationException("KAlloc cannot reserve its cache table: the address range is taken.");
        _system = Register(this);
        _sheafCache = Initialize(firstId, "kmem_sheaf", CacheSlot.SheafBytes, CacheSlot.SheafBytes, SlabFlags.ConsistencyChecks | SlabFlags.NoMerge, null);
        if (level >= DebugLevel.Full) _addedFlags = ZoneFlags;
        pages.Reclaim = ShrinkAll;
        pages.DescribeObject = Describe;
    }

    /// <summary>Makes allocations fail.</summary>
    internal FaultInjection FailSlab { get; } = new("failslab");

    private bool MustFail(KmemCache* cache, GfpFlags flags) =>
        FailSlab.IsOn && (!FailSlab.CacheFilter || (cache->Flags & SlabFlags.FailSlab) != 0) && FailSlab.ShouldFail(cache->ObjectSize, flags);

    /// <summary>The descriptors; index 0 is no cache.</summary>
    internal KmemCache* Caches { get; }

    /// <summary>Ids in use are below this.</summary>
    internal int IdLimit => Volatile.Read(ref _nextId);

    internal string NameOf(uint id) => _names[id] ?? "?";

    /// <summary>The system of a cache, or null with a report if the pointer is no living cache.</summary>
    internal static SlabAllocator? Of(KmemCache* cache, string caller)
    {
        foreach (SlabAllocator? system in Volatile.Read(ref s_systems))
        {
            if (system is null) continue;
            nuint offset = (nuint)cache - (nuint)system.Caches;
            if (offset >= TableBytes) continue;
            if (offset % KmemCache.Bytes == 0 && cache->Magic == KmemCache.Alive) return system;
            KernelReports.Bug($"BUG: {caller}(0x{(nuint)cache:x}): the cache was destroyed or never created", (nuint)cache);
            return null;
        }

        KernelReports.Bug($"BUG: {caller}(0x{(nuint)cache:x}): not a kmem_cache", (nuint)cache);
        return null;
    }

    /// <summary>The kernel's kmem_cache_create; null with a report if the arguments make no cache.</summary>
    internal KmemCache* Create(string? name, nuint size, nuint align, SlabFlags flags, delegate*<void*, void> constructor = null)
    {
        MightSleep.Check();
        string? problem = Problem(name, size, align, flags);
        if (problem is not null)
        {
            string text = $"kmem_cache_create({name}) integrity check failed: {problem}";
            if ((flags & SlabFlags.Panic) != 0) KernelReports.Bug($"BUG: kmem_cache_create: failed to create slab '{name}': {problem}");
            else KernelReports.Warn(text);
            return null;
        }

        if (name!.Contains(' ')) KernelReports.Warn($"WARNING: kmem_cache_create: the name '{name}' has blanks, which readers of slabinfo cannot parse");
        lock (_lock)
        {
            if (_merge && constructor == null && FindMergeable((uint)size, (uint)align, flags) is var twin && twin != null)
            {
                if (_taken.Contains(name)) KernelReports.Warn($"WARNING: kmem_cache of name '{name}' already exists");
                twin->References++;
                twin->ObjectSize = Math.Max(twin->ObjectSize, (uint)size);
                return twin;
            }

            int id = FreeId();
            if (id < 0)
            {
                KernelReports.Warn($"WARNING: kmem_cache_create({name}): there are {MaxCaches} caches already");
                return null;
            }

            if (!_taken.Add(name)) KernelReports.Warn($"WARNING: kmem_cache of name '{name}' already exists");
            return Initialize(id, name, size, align, flags, constructor);
        }
    }

    /// <summary>A cache with a managed constructor, which stays alive as long as the cache.</summary>
    internal KmemCache* CreateManaged(string? name, nuint size, nuint align, SlabFlags flags, CacheConstructor constructor)
    {
        KmemCache* cache = Create(name, size, align, flags, &NoConstructor);
        if (cache == null) return null;
        lock (_lock) _constructors[cache->Id] = GCHandle.Alloc(constructor);
        return cache;
    }

    /// <summary>A cache with an id below the first free one; at boot only.</summary>
    internal KmemCache* CreateFixed(int id, string name, uint size, SlabFlags flags) =>

        // kmalloc aligns to the largest power of two that divides the size, at least 8.
        Initialize(id, name, size, size & (0u - size), flags, null);

    /// <summary>
    /// The kernel's kmem_cache_destroy. A cache with live objects is a BUG and stays: false. One that has other names loses one of them only.
    /// </summary>
    internal bool Destroy(KmemCache* cache)
    {
        MightSleep.Check();
        lock (_lock)
        {
            if (--cache->References > 0) return true;
        }

        CollectSheaves(cache);
        ReleaseEmptySlabs(cache, keep: 0);
        WaitForDeferred(cache);
        if (cache->Partial.Count + cache->Full.Count != 0)
        {
            cache->References = 1;
            ReportRemaining(cache);
            return false;
        }

        lock (_lock)
        {
            ushort id = cache->Id;
            MemoryOwner.ReleaseForCache(cache->Owner);
            *cache = default;
            if (_names[id] is { } name) _taken.Remove(name);
            _names[id] = null;
            _freedIds.Push(id);
            if (_constructors.Remove(id, out GCHandle handle)) handle.Free();
        }

        return true;
    }

    public void Dispose()
    {
        for (int id = 1; id < IdLimit; id++)
        {
            WaitForDeferred(Caches + id);
            LetOwnerGo(Caches + id);
        }

        lock (s_systemsLock) s_systems[_system] = null;
        foreach (GCHandle handle in _constructors.Values) handle.Free();
        AddressSpace.Release((byte*)Caches, TableBytes);
    }

    /// <summary>The slabs of a cache that goes with its system go with it: nobody pays for them any more.</summary>
    private void LetOwnerGo(KmemCache* cache)
    {
        if (cache->Owner == 0) return;
        long frames = 0;
        SlabList full = cache->Full, partial = cache->Partial, empty = cache->Empty;
        foreach (SlabList list in (ReadOnlySpan<SlabList>)[full, partial, empty])
        {
            for (uint frame = list.First; frame != Page.Nil; frame = _memory.PageOf(frame)->Next) frames += 1L << _memory.PageOf(frame)->Order;
        }

        MemoryOwner.ByNumber(cache->Owner)!.Uncharge(frames << _memory.PageShift);
        MemoryOwner.ReleaseForCache(cache->Owner);
    }

    private static void NoConstructor(void* unused)
    {
    }

    private static string? Problem(string? name, nuint size, nuint align, SlabFlags flags)
    {
        if (string.IsNullOrEmpty(name)) return "it has no name";
        if (size == 0 || size > MaxObjectSize) return $"the object size {size} is not in 1..{MaxObjectSize}";
        if (align != 0 && (!BitOperations.IsPow2(align) || align > MaxObjectSize)) return $"the alignment {align} is not a power of two up to {MaxObjectSize}";
        if ((flags & ~Known) != 0) return $"0x{(uint)(flags & ~Known):x} are no flags of a cache";
        CpuBlock* block = ThisCpu.Block;
        return block != null && block->Execution.InInterrupt ? "caches cannot be created in an interrupt" : null;
    }

    /// <summary>The newest cache that would serve as well as a new one, by the kernel's rule; null: there is none.</summary>
    private KmemCache* FindMergeable(uint size, uint align, SlabFlags flags)
    {
        flags |= _addedFlags;
        if ((flags & NeverMerged) != 0) return null;
        align = Alignment(size, align, flags);
        size = (size + align - 1) & ~(align - 1);
        ushort owner = (flags & SlabFlags.Account) != 0 && ThisCpu.Block != null ? ThisCpu.Block->ActiveOwner : (ushort)0;
        for (int id = _nextId - 1; id > 0; id--)
        {
            KmemCache* cache = Caches + id;
            if (cache->References <= 0 || cache->Constructor != null || (cache->Flags & NeverMerged) != 0) continue;
            if (((flags ^ cache->Flags) & MergedIfSame) != 0 || cache->Owner != owner) continue;

            // Objects begin at multiples of the size behind the colour: both must be aligned.
            if (size > cache->Size || cache->Size - size >= 8 || cache->Size % align != 0) continue;
            if (cache->Colours == 0 || align <= cache->ColourUnit) return cache;
        }

        return null;
    }

    /// <summary>An id of a destroyed cache first: ids below 256 have the fast path.</summary>
    private int FreeId() => _freedIds.Count > 0 ? _freedIds.Pop() : _nextId < MaxCaches ? _nextId : -1;

    private static int Register(SlabAllocator system)
    {
        lock (s_systemsLock)
        {
            int index = Array.IndexOf(s_systems, null);
            if (index < 0)
            {
                index = s_systems.Length;
                SlabAllocator?[] larger = new SlabAllocator?[index * 2];
                s_systems.CopyTo(larger, 0);
                Volatile.Write(ref s_systems, larger);
            }

            s_systems[index] = system;
            return index;
        }
    }
}

/// <summary>Brings a new object into its initial state. Called once for each object when its slab is made; must not allocate from the cache.</summary>
/// <param name="obj">The object.</param>
public unsafe delegate void CacheConstructor(void* obj);
