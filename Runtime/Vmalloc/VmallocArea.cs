namespace KAlloc;

internal enum AreaKind
{
    /// <summary>The area owns its frames.</summary>
    Vmalloc,

    /// <summary>The area shows frames of somebody else, made by vmap.</summary>
    Vmap,

    /// <summary>The same, made by vm_map_ram.</summary>
    Ram,
}

/// <summary>One mapped range and the guard page behind it; a node of the tree of areas. Kernel concept: struct vm_struct, vmap_area.</summary>
internal sealed class VmallocArea(ulong start, uint pageCount, AreaKind kind, int pageShift) : AddressRange(start, pageCount + 1UL)
{
    internal uint PageCount => pageCount;

    internal AreaKind Kind => kind;

    internal nuint Address => (nuint)Start << pageShift;

    /// <summary>Bytes without the guard page.</summary>
    internal nuint Bytes => (nuint)pageCount << pageShift;

    /// <summary>Made by vmalloc_user.</summary>
    internal bool User { get; set; }

    /// <summary>Mappings taken from the <see cref="MappingBudget"/>.</summary>
    internal uint Mappings { get; set; }

    /// <summary>The next area of the list it waits in: freed ones of a size, or those that an interrupt freed.</summary>
    internal VmallocArea? Next { get; set; }

    internal string Name => kind switch { AreaKind.Vmap => "vmap range", AreaKind.Ram => "vm_map_ram range", _ => "vmalloc area" };

    internal string FreedBy => kind switch { AreaKind.Vmap => "vunmap", AreaKind.Ram => "vm_unmap_ram", _ => "vfree" };
}
