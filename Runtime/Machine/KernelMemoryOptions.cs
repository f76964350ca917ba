namespace KAlloc;

/// <summary>How much an allocator checks. Fixed at boot.</summary>
/// <remarks>
/// What is caught where:
/// <list type="bullet">
/// <item>Always: every wrong call to the page allocator (double free, foreign pointer, wrong order, interior page); every wrong call to vmalloc;
/// for kmalloc and caches: foreign pointers, objects of another cache, interior pointers into objects whose size is a power of two, freeing twice
/// in a row, and double frees that still lie in the same sheaf or slab when the slow path looks.</item>
/// <item><see cref="Sanity"/>: also every other double free and interior pointer of kmalloc and caches, at the call that makes it. Caches
/// then keep no objects per thread: every call goes to the slab, at about 10 to 20 times the cost.</item>
/// </list>
/// </remarks>
public enum DebugLevel
{
    /// <summary>The fast checks only.</summary>
    None,

    /// <summary>Every object is looked up in its slab at every call.</summary>
    Sanity,
}

/// <summary>How a <see cref="KernelMemory"/> is booted.</summary>
public sealed class KernelMemoryOptions
{
    /// <summary>
    /// Size of physical memory in bytes, the limit that holds; rounded down to a multiple of 4 MiB. 0: half of what the container or machine
    /// offers. Memory is taken from the system when it is first used, so a large size costs nothing.
    /// </summary>
    public ulong MemorySize { get; set; }

    /// <summary>The zones.</summary>
    public MemoryLayout Layout { get; set; } = MemoryLayout.X86_64;

    /// <summary>Where frames come from.</summary>
    public BackingKind Backing { get; set; }

    /// <summary>How much is checked.</summary>
    public DebugLevel DebugLevel { get; set; }

    /// <summary>Size of the vmalloc range in bytes. 0: 128 MiB with a high-memory zone (the 32-bit kernel's), else 4 times the memory.</summary>
    public ulong VmallocSize { get; set; }

    /// <summary>The options of <see cref="KernelMemory.Default"/> from <c>runtimeconfig.json</c>: <c>KAlloc.MemorySize</c>,
    /// <c>KAlloc.Layout</c>, <c>KAlloc.Backing</c>, <c>KAlloc.DebugLevel</c>.</summary>
    /// <exception cref="FormatException">A value cannot be read.</exception>
    public static KernelMemoryOptions FromRuntimeConfig()
    {
        var options = new KernelMemoryOptions();
        if (AppContext.GetData("KAlloc.MemorySize") is { } size) options.MemorySize = ulong.Parse(size.ToString()!);
        if (AppContext.GetData("KAlloc.Backing") is string backing) options.Backing = Parse<BackingKind>(backing, "KAlloc.Backing");
        if (AppContext.GetData("KAlloc.DebugLevel") is string level) options.DebugLevel = Parse<DebugLevel>(level, "KAlloc.DebugLevel");
        if (AppContext.GetData("KAlloc.Layout") is string layout)
        {
            options.Layout = layout switch
            {
                "X86_32" => MemoryLayout.X86_32,
                "X86_64" => MemoryLayout.X86_64,
                "Flat" => MemoryLayout.Flat,
                _ => throw new FormatException($"KAlloc.Layout is '{layout}', not X86_32, X86_64 or Flat."),
            };
        }

        return options;
    }

    private static T Parse<T>(string text, string name) where T : struct, Enum =>
        Enum.TryParse(text, ignoreCase: true, out T value)
            ? value
            : throw new FormatException($"{name} is '{text}', not one of {string.Join(", ", Enum.GetNames<T>())}.");
}
