// The caches of one system: create, destroy, find.
//
//   Caches[id]     descriptors (native table)          _names[id]     their names (managed)
//   ids 1..        the kmalloc caches, in a fixed order, then the sheaves' own cache, then the users'
//
// The slabs are in SlabAllocator.Slabs.cs, the per-thread sheaves in SlabAllocator.Sheaves.cs, the checks in SlabAllocator.Checks.cs.
// Cost: creating a cache takes a lock and touches one descriptor. Not done: merging of caches.
// Kernel concept: mm/slab_common.c.

using System.Numerics;
using System.Runtime.InteropServices;

namespace KAlloc;

internal sealed unsafe partial class SlabAllocator : IDisposable
{
    /// <summary>Largest object: the largest block.</summary>
    internal const nuint MaxObjectSize = PhysicalMemory.MaxBlockBytes;
    private const int MaxCaches = 65000;
    private const int CacheLine = 64;
    private const nuint TableBytes = 65536 * KmemCache.Bytes;

    private static readonly Lock s_systemsLock = new();
    private static SlabAllocator?[] s_systems = new SlabAllocator?[4];

    private readonly Lock _lock = new();
    private readonly PhysicalMemory _memory;
    private readonly PageAllocator _pages;
    private readonly bool _direct;
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
    /// <param name="level">With <see cref="DebugLevel.Sanity"/> all caches are direct.</param>
    /// <param name="firstId">Ids below are for the layer above, which fills them with <see cref="CreateFixed"/>.</param>
    internal SlabAllocator(PageAllocator pages, DebugLevel level, int firstId)
    {
        _pages = pages;
        _memory = pages.Memory;
        _direct = !_memory.IsDefault || level >= DebugLevel.Sanity;
        Caches = (KmemCache*)AddressSpace.Reserve(TableBytes, _memory.IsDefault ? unchecked((nuint)DefaultMap.Caches) : 0);
        if (Caches == null) throw new InvalidOperationException("KAlloc cannot reserve its cache table: the address range is taken.");
        _system = Register(this);
        _sheafCache = Initialize(firstId, "kmem_sheaf", CacheSlot.SheafBytes, CacheSlot.SheafBytes, SlabFlags.ConsistencyChecks, null);
        if (level >= DebugLevel.Full) _addedFlags = ZoneFlags;
        pages.Reclaim = ShrinkAll;
        pages.DescribeObject = Describe;
    }

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
        string? problem = Problem(name, size, align);
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

    /// <summary>The kernel's kmem_cache_destroy. A cache with live objects is a BUG and stays.</summary>
    internal void Destroy(KmemCache* cache)
    {
        MightSleep.Check();
        CollectSheaves(cache);
        ReleaseEmptySlabs(cache, keep: 0);
        if (cache->Partial.Count + cache->Full.Count != 0)
        {
            ReportRemaining(cache);
            return;
        }

        lock (_lock)
        {
            ushort id = cache->Id;
            *cache = default;
            if (_names[id] is { } name) _taken.Remove(name);
            _names[id] = null;
            _freedIds.Push(id);
            if (_constructors.Remove(id, out GCHandle handle)) handle.Free();
        }
    }

    public void Dispose()
    {
        lock (s_systemsLock) s_systems[_system] = null;
        foreach (GCHandle handle in _constructors.Values) handle.Free();
        AddressSpace.Release((byte*)Caches, TableBytes);
    }

    private static void NoConstructor(void* unused)
    {
    }

    private string? Problem(string? name, nuint size, nuint align)
    {
        if (string.IsNullOrEmpty(name)) return "it has no name";
        if (size == 0 || size > MaxObjectSize) return $"the object size {size} is not in 1..{MaxObjectSize}";
        if (align != 0 && (!BitOperations.IsPow2(align) || align > MaxObjectSize)) return $"the alignment {align} is not a power of two up to {MaxObjectSize}";
        CpuBlock* block = ThisCpu.Block;
        return block != null && block->Execution.InInterrupt ? "caches cannot be created in an interrupt" : null;
    }

    private KmemCache* Initialize(int id, string name, nuint size, nuint align, SlabFlags flags, delegate*<void*, void> constructor)
    {
        if (id >= _names.Length) Array.Resize(ref _names, Math.Min(_names.Length * 2, 65536));
        _names[id] = name;
        _taken.Add(name);
        KmemCache* cache = Caches + id;
        *cache = default;
        cache->Id = (ushort)id;
        cache->System = _system;
        cache->Flags = flags |= _addedFlags;
        cache->ObjectSize = (uint)size;
        cache->Align = Alignment((uint)size, (uint)align, flags);
        cache->Constructor = constructor;

        LayOut(cache, (uint)size);
        if (cache->Size > MaxObjectSize)
        {
            // No block holds the object together with what watches it.
            cache->Flags = flags &= ~ZoneFlags;
            LayOut(cache, (uint)size);
        }

        ChooseOrder(cache);
        cache->Random = (nuint)global::System.Random.Shared.NextInt64();
        cache->MinPartial = Math.Clamp(BitOperations.Log2(cache->Size) / 2, 5, 10);
        if ((flags & SlabFlags.CacheDma) != 0) cache->AllocFlags |= GfpFlags.Dma;
        if ((flags & SlabFlags.CacheDma32) != 0) cache->AllocFlags |= GfpFlags.Dma32;
        if ((flags & SlabFlags.ReclaimAccount) != 0) cache->AllocFlags |= GfpFlags.Reclaimable;
        if ((flags & SlabFlags.Account) != 0) cache->AllocFlags |= GfpFlags.Account;
        cache->Partial.First = cache->Full.First = cache->Empty.First = Page.Nil;
        cache->Direct = _direct || (flags & (SlabFlags.ConsistencyChecks | ZoneFlags)) != 0;
        cache->FastId = cache->Direct || id >= CpuBlock.SlotCount ? (ushort)0 : (ushort)id;
        cache->SheafCapacity = CapacityFor(cache->Size);
        cache->FillLevel = Math.Max(1, cache->SheafCapacity / 2);

        // Fewer than 4 sheaves, and threads that only free starve threads that only allocate.
        cache->SheafLimit = (int)Math.Clamp((1u << 20) / (cache->Size * (uint)cache->SheafCapacity), 4, 32);
        Volatile.Write(ref cache->Magic, KmemCache.Alive);
        if (id >= _nextId) Volatile.Write(ref _nextId, id + 1);
        return cache;
    }

    /// <summary>
    ///   red zone | object | red zone to the word | free pointer | allocated by, freed by | to the alignment        what flags ask for
    /// </summary>
    private static void LayOut(KmemCache* cache, uint size)
    {
        bool redZone = (cache->Flags & SlabFlags.RedZone) != 0;
        uint inner = (size + 7) & ~7u;
        if (redZone && inner == size) inner += 8;

        // The free pointer lies in the middle of a free object, away from overflows of its neighbours; behind it where the content must survive.
        bool outside = cache->Constructor != null || (cache->Flags & (SlabFlags.TypesafeByRcu | ZoneFlags)) != 0;
        cache->FreeOffset = outside ? inner : (inner / 2) & ~7u;
        if (outside) inner += 8;
        if ((cache->Flags & SlabFlags.StoreUser) != 0)
        {
            cache->TrackOffset = inner;
            inner += 2 * (uint)sizeof(Track);
        }

        cache->LeftPad = redZone ? cache->Align : 0;
        cache->Size = (inner + cache->LeftPad + cache->Align - 1) & ~(cache->Align - 1);
    }

    /// <summary>The kernel's limits of a CPU's array: what a thread keeps is memory that nobody else can have.</summary>
    private static int CapacityFor(uint size) => size > PhysicalMemory.PageSize ? 8 : size > 1024 ? 24 : size > 256 ? 54 : Sheaf.MaxCapacity;

    private static uint Alignment(uint size, uint align, SlabFlags flags)
    {
        uint result = Math.Max(align, 8);
        if ((flags & SlabFlags.HwCacheAlign) == 0) return result;
        uint line = CacheLine;
        while (size <= line / 2) line /= 2;
        return Math.Max(result, line);
    }

    /// <summary>
    /// The kernel's rule: from the order that holds a fair number of objects up to 3, the first that wastes at most 1/16, else 1/8, 1/4, 1/2.
    /// </summary>
    private static void ChooseOrder(KmemCache* cache)
    {
        cache->MinOrder = (byte)PageAllocator.OrderOf(cache->Size);
        cache->Order = cache->MinOrder;
        uint wanted = 4 * ((uint)BitOperations.Log2((uint)Environment.ProcessorCount) + 2);
        int first = Math.Clamp(PageAllocator.OrderOf((nuint)cache->Size * wanted), cache->MinOrder, Math.Max((int)cache->MinOrder, 3));
        for (uint fraction = 16; fraction >= 2; fraction /= 2)
        {
            for (int order = first; order <= 3; order++)
            {
                uint bytes = (uint)PhysicalMemory.PageSize << order;
                if (bytes % cache->Size > bytes / fraction) continue;
                cache->Order = (byte)order;
                fraction = 0;
                break;
            }
        }

        uint slabBytes = (uint)PhysicalMemory.PageSize << cache->Order;
        cache->ObjectsPerSlab = (ushort)(slabBytes / cache->Size);
        cache->Colours = slabBytes % cache->Size / cache->ColourUnit;
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
