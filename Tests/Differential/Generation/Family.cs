// The allocators as text: how a pointer of each is had, used, given back, and given back wrongly.

namespace KAlloc.Differential.Tests.Generation;

/// <summary>One allocator with its deallocators.</summary>
/// <param name="Name">For features.</param>
/// <param name="Type">The pointer's C# type.</param>
/// <param name="Field">The field of Box, Holder and Thing that holds such a pointer.</param>
/// <param name="Visitor">The delegate type that takes one.</param>
/// <param name="Allocate">Calls that allocate; {gfp} and {order} stand for arguments.</param>
/// <param name="Free">Calls that free {p}.</param>
/// <param name="FreeWrongly">Calls that look as if they freed {p}.</param>
internal sealed record Family(string Name, string Type, string Field, string Visitor, string[] Allocate, string[] Free, string[] FreeWrongly)
{
    /// <summary>The field of Thing that holds such a pointer.</summary>
    internal string NativeField => Field == "item" ? "next" : Field;

    /// <summary>The property of Holder that does.</summary>
    internal string Property => char.ToUpperInvariant(Field[0]) + Field[1..];

    internal bool HasOrder { get; init; }

    /// <summary>Allocating or freeing may sleep whatever the flags are.</summary>
    internal bool Sleeps { get; init; }

    /// <summary>Gives null when there is no memory. (The others throw.)</summary>
    internal bool MayFail { get; init; } = true;

    internal string Null => Type is "nuint" or "nint" ? "0" : "null";

    /// <summary>A statement that reads or writes the memory.</summary>
    internal string Use(string pointer, int form) => Type switch
    {
        "page*" => form % 2 == 0 ? $"*(byte*)page_address({pointer}) = 1;" : $"World.Count += *(byte*)page_address({pointer});",
        "nuint" => form % 2 == 0 ? $"*(byte*){pointer} = 1;" : $"World.Count += *(byte*){pointer};",
        "nint" => (form % 3) switch { 0 => $"*(byte*){pointer} = 1;", 1 => $"Marshal.WriteByte({pointer}, 1);", _ => $"World.Count += Marshal.ReadByte({pointer});" },
        _ => (form % 5) switch
        {
            0 => $"{pointer}->value = 1;",
            1 => $"World.Count += {pointer}->value;",
            2 => $"{pointer}->value++;",
            3 => $"*(int*){pointer} = 2;",
            _ => $"((int*){pointer})[0] = 3;",
        },
    };

    internal const int UseForms = 30;

    internal static readonly Family[] All =
    [
        new("kmalloc", "Thing*", "item", "ThingVisitor",
            ["(Thing*)kmalloc(sizeof(Thing), {gfp})", "kzalloc<Thing>({gfp})", "(Thing*)kcalloc(2, sizeof(Thing), {gfp})", "kmalloc<Thing>({gfp})"],
            ["kfree({p})", "kfree_sensitive({p})"],
            ["vfree({p})", "NativeMemory.Free({p})", "Marshal.FreeHGlobal((nint){p})"]),
        new("get_free_pages", "nuint", "address", "AddressVisitor",
            ["__get_free_pages({gfp}, {order})"], ["free_pages({p}, {order})"], ["kfree((void*){p})", "__free_pages((page*){p}, {order})"]) { HasOrder = true },
        new("pages", "page*", "page", "PageVisitor",
            ["alloc_pages({gfp}, {order})"], ["__free_pages({p}, {order})"], ["kfree({p})", "free_pages((nuint){p}, {order})"]) { HasOrder = true },
        new("vmalloc", "Thing*", "item", "ThingVisitor",
            ["(Thing*)vmalloc(4096)", "(Thing*)vzalloc(sizeof(Thing))"], ["vfree({p})"], ["kfree({p})", "NativeMemory.Free({p})"]) { Sleeps = true },
        new("kvmalloc", "Thing*", "item", "ThingVisitor",
            ["(Thing*)kvmalloc(256, {gfp})", "(Thing*)kvzalloc(sizeof(Thing), {gfp})"], ["kvfree({p})"], ["vfree({p})", "NativeMemory.Free({p})"]) { Sleeps = true },
        new("kmem_cache", "Thing*", "item", "ThingVisitor",
            ["(Thing*)kmem_cache_alloc(World.CacheA, {gfp})", "(Thing*)kmem_cache_zalloc(World.CacheA, {gfp})"],
            ["kmem_cache_free(World.CacheA, {p})"], ["kmem_cache_free(World.CacheB, {p})", "vfree({p})"]),
        new("NativeMemory", "Thing*", "item", "ThingVisitor",
            ["(Thing*)NativeMemory.Alloc((nuint)sizeof(Thing))", "(Thing*)NativeMemory.AllocZeroed(1, 64)"],
            ["NativeMemory.Free({p})"], ["kfree({p})", "NativeMemory.AlignedFree({p})", "Marshal.FreeHGlobal((nint){p})"]) { MayFail = false },
        new("AlignedAlloc", "Thing*", "item", "ThingVisitor",
            ["(Thing*)NativeMemory.AlignedAlloc(64, 32)"], ["NativeMemory.AlignedFree({p})"], ["NativeMemory.Free({p})", "kfree({p})"]) { MayFail = false },
        new("HGlobal", "nint", "handle", "HandleVisitor",
            ["Marshal.AllocHGlobal(64)"], ["Marshal.FreeHGlobal({p})"], ["Marshal.FreeCoTaskMem({p})", "NativeMemory.Free((void*){p})"]) { MayFail = false },
        new("CoTaskMem", "nint", "handle", "HandleVisitor",
            ["Marshal.AllocCoTaskMem(64)"], ["Marshal.FreeCoTaskMem({p})"], ["Marshal.FreeHGlobal({p})"]) { MayFail = false },
    ];
}
