// Who owns native memory, said once, read by three: the reader, the analyzers (by full name, from any assembly) and the runtime's checks.
//
// A *family* is the name of an allocator: memory of a family is freed by the functions that name it. Families are plain strings, so that a
// library can add its own. An argument of a contract names a parameter of the method, or spells a number ("0", "4096") or "sizeof(T)".

namespace KAlloc;

/// <summary>
/// The call hands out memory that the caller now owns. On the return value, on an <c>out</c>, <c>ref</c> or <c>T**</c> parameter that
/// receives it, or on a constructor whose object owns it. An object or struct that <see cref="FreedBy"/> says is freed by <c>Dispose</c> owns its memory:
/// every <c>Dispose</c> of it frees, the one of a <c>using</c> too, and a second one does nothing.
/// </summary>
/// <param name="family">The allocator's name, for example <c>"kmalloc"</c>. Memory of a family is freed by the methods whose
/// <see cref="FreesAttribute"/> names it.</param>
[AttributeUsage(AttributeTargets.ReturnValue | AttributeTargets.Parameter | AttributeTargets.Constructor, AllowMultiple = false)]
public sealed class AllocatesAttribute(string family) : Attribute
{
    /// <summary>The family that the memory belongs to.</summary>
    public string Family { get; } = family;

    /// <summary>The method, of the same type unless qualified, that frees this memory: what a quick fix writes.</summary>
    public string? FreedBy { get; set; }

    /// <summary>Size in bytes: a parameter's name, a number, or <c>sizeof(T)</c>.</summary>
    public string? Size { get; set; }

    /// <summary>Number of elements of <see cref="Size"/> bytes: a parameter's name or a number.</summary>
    public string? Count { get; set; }

    /// <summary>Order of a page block, the base-2 logarithm of its pages: a parameter's name or a number.</summary>
    public string? Order { get; set; }

    /// <summary>The parameter that holds the gfp flags.</summary>
    public string? Flags { get; set; }

    /// <summary>The parameter that holds the cache or pool that the object comes from and must go back to; <c>this</c> for the object itself.</summary>
    public string? Cache { get; set; }

    /// <summary>The alignment in bytes: a parameter's name or a number.</summary>
    public string? Alignment { get; set; }

    /// <summary>The call returns null when it has no memory.</summary>
    public bool MayReturnNull { get; set; }

    /// <summary>Gfp bits with which the call never returns null, although <see cref="MayReturnNull"/> is set.</summary>
    public uint NeverNullIf { get; set; }

    /// <summary>The memory reads as zero.</summary>
    public bool Zeroed { get; set; }

    /// <summary>The memory is managed by the garbage collector if it is never given back: not returning it wastes a pool, but leaks nothing.</summary>
    public bool Collected { get; set; }

    /// <summary>On which result of the call the memory was handed out.</summary>
    public Returned When { get; set; }
}

/// <summary>The call frees the memory that the parameter points to; null is ignored. On a method of a struct: what the struct owns.</summary>
/// <param name="families">The families that the method can free. The first one is its own.</param>
[AttributeUsage(AttributeTargets.Parameter | AttributeTargets.Method, AllowMultiple = false)]
public sealed class FreesAttribute(params string[] families) : Attribute
{
    /// <summary>The families that the method can free.</summary>
    public string[] Families { get; } = families;

    /// <summary>Order of the page block: a parameter's name or a number. It must equal the order at allocation.</summary>
    public string? Order { get; set; }

    /// <summary>Size of the block in bytes, for deallocators that must be told: a parameter's name.</summary>
    public string? Size { get; set; }

    /// <summary>The parameter that holds the cache or pool that the object goes back to; <c>this</c> for the object itself.</summary>
    public string? Cache { get; set; }

    /// <summary>On which result of the call the memory was freed.</summary>
    public Returned When { get; set; }
}

/// <summary>
/// The call resizes memory: on success the old block is gone and the result owns its content; on failure (null) the old block lives on.
/// On the return value.
/// </summary>
/// <param name="family">The family of both the old block and the new one.</param>
[AttributeUsage(AttributeTargets.ReturnValue | AttributeTargets.Parameter, AllowMultiple = false)]
public sealed class ReallocatesAttribute(string family) : Attribute
{
    /// <summary>The family of both blocks.</summary>
    public string Family { get; } = family;

    /// <summary>The parameter that holds the old block. Null is allowed there: the call then allocates.</summary>
    public string? Pointer { get; set; }

    /// <summary>The method that frees the new block: what a quick fix writes.</summary>
    public string? FreedBy { get; set; }

    /// <summary>New size in bytes: a parameter's name or a number.</summary>
    public string? Size { get; set; }

    /// <summary>Number of elements of <see cref="Size"/> bytes: a parameter's name or a number.</summary>
    public string? Count { get; set; }

    /// <summary>The parameter that holds the gfp flags.</summary>
    public string? Flags { get; set; }

    /// <summary>The alignment in bytes: a parameter's name or a number.</summary>
    public string? Alignment { get; set; }

    /// <summary>The call returns null when it has no memory.</summary>
    public bool MayReturnNull { get; set; }

    /// <summary>Gfp bits with which the call never returns null, although <see cref="MayReturnNull"/> is set.</summary>
    public uint NeverNullIf { get; set; }
}

/// <summary>
/// The result is another view of the memory that the named parameter owns (<c>page_address(page)</c>): no new ownership, and freeing
/// through the view frees the memory.
/// </summary>
/// <param name="parameter">The parameter that owns the memory; <c>this</c> for the object itself.</param>
[AttributeUsage(AttributeTargets.ReturnValue, AllowMultiple = false)]
public sealed class ViewOfAttribute(string parameter) : Attribute
{
    /// <summary>The parameter that owns the memory.</summary>
    public string Parameter { get; } = parameter;

    /// <summary>The family whose deallocators take this view, for example <c>"get_free_pages"</c>; null: the view cannot be freed.</summary>
    public string? Family { get; set; }
}

/// <summary>
/// The method takes over the memory that the parameter points to: the caller no longer owns it. On a method of a struct: the struct no longer owns what
/// it did.
/// </summary>
[AttributeUsage(AttributeTargets.Parameter | AttributeTargets.Method)]
public sealed class ConsumesAttribute : Attribute
{
    /// <summary>On which result of the call the memory was taken over.</summary>
    public Returned When { get; set; }
}

/// <summary>
/// The method uses what the parameter points to only during the call: it neither keeps nor frees it. On a method, or a property's getter: the object itself.
/// </summary>
[AttributeUsage(AttributeTargets.Parameter | AttributeTargets.Method)]
public sealed class BorrowsAttribute : Attribute;

/// <summary>The caller owns what the method returns, and frees it with the method that <see cref="FreedBy"/> names.</summary>
[AttributeUsage(AttributeTargets.ReturnValue | AttributeTargets.Parameter)]
public sealed class OwnedAttribute : Attribute
{
    /// <summary>The family of the memory, if the method's body does not tell.</summary>
    public string? Family { get; set; }

    /// <summary>The method that frees it.</summary>
    public string? FreedBy { get; set; }
}
