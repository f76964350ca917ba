namespace KAlloc;

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

    /// <summary>
    /// Whether a new cache that is like one there is, and wants nothing of its own, becomes another name of it (<c>slab_merge</c>). Off by default: an
    /// object freed into the wrong cache is not noticed where both are one. On, it saves the partial slabs of each.
    /// </summary>
    public bool MergeCaches { get; set; }

    /// <summary>The kernel's boot parameter <c>failslab</c>: <c>&lt;interval&gt;,&lt;probability&gt;,&lt;space&gt;,&lt;times&gt;</c>; null: no failures.
    /// See <see cref="KernelMemory.FailSlab"/>.</summary>
    public string? FailSlab { get; set; }

    /// <summary>The kernel's boot parameter <c>fail_page_alloc</c>, in the same form; null: no failures. See <see cref="KernelMemory.FailPageAlloc"/>.</summary>
    public string? FailPageAlloc { get; set; }

    /// <summary>Size of the vmalloc range in bytes. 0: 128 MiB with a high-memory zone (the 32-bit kernel's), else 4 times the memory.</summary>
    public ulong VmallocSize { get; set; }

    /// <summary>The reserve for requests that may not wait, in KiB (<c>min_free_kbytes</c>). 0: the kernel's formula, the square root of 16 times the
    /// memory in KiB: 4 MiB of 1 GiB, 16 MiB of 16 GiB.</summary>
    public long MinFreeKilobytes { get; set; }

    /// <summary>When that reserve gets memory behind its frames: by default on the background thread, 20 ms after boot. It then counts as resident,
    /// in whole blocks of 4 MiB; systems of less than 64 MiB have none.</summary>
    public ReservePopulation AtomicReserve { get; set; }

    /// <summary>Whether pages that move, that shrinkers free and that stay are kept apart, so that large blocks remain possible. On by default.</summary>
    public bool GroupByMobility { get; set; } = true;

    /// <summary>How long a page block of 2 MiB stays free before its memory goes back to the operating system: 1 second by default.
    /// <see cref="Timeout.InfiniteTimeSpan"/>: it never does.</summary>
    public TimeSpan GiveBackAfter { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>What a request does when there is no memory and reclaim found none.</summary>
    public OutOfMemoryPolicy OutOfMemory { get; set; }

    /// <summary>For <see cref="OutOfMemoryPolicy.Callback"/>: frees memory and says whether it did; the request then tries again.</summary>
    public Func<OutOfMemoryInfo, bool>? OutOfMemoryCallback { get; set; }

    /// <summary>Whether every request goes to the buddy lists: for tests that look at them.</summary>
    internal bool NoPageSets { get; set; }

    /// <summary>The options of <see cref="KernelMemory.Default"/> from <c>runtimeconfig.json</c>: <c>KAlloc.MemorySize</c>,
    /// <c>KAlloc.Layout</c>, <c>KAlloc.Backing</c>, <c>KAlloc.DebugLevel</c>, <c>KAlloc.GiveBackMilliseconds</c>, <c>KAlloc.AtomicReserve</c>,
    /// <c>KAlloc.MinFreeKilobytes</c>, <c>KAlloc.MergeCaches</c>, <c>KAlloc.FailSlab</c>, <c>KAlloc.FailPageAlloc</c>.</summary>
    /// <exception cref="FormatException">A value cannot be read.</exception>
    public static KernelMemoryOptions FromRuntimeConfig()
    {
        var options = new KernelMemoryOptions();
        if (AppContext.GetData("KAlloc.MemorySize") is { } size) options.MemorySize = ulong.Parse(size.ToString()!);
        if (AppContext.GetData("KAlloc.Backing") is string backing) options.Backing = Parse<BackingKind>(backing, "KAlloc.Backing");
        if (AppContext.GetData("KAlloc.DebugLevel") is string level) options.DebugLevel = Parse<DebugLevel>(level, "KAlloc.DebugLevel");
        if (AppContext.GetData("KAlloc.AtomicReserve") is string reserve) options.AtomicReserve = Parse<ReservePopulation>(reserve, "KAlloc.AtomicReserve");
        if (AppContext.GetData("KAlloc.MinFreeKilobytes") is { } least) options.MinFreeKilobytes = long.Parse(least.ToString()!);
        if (AppContext.GetData("KAlloc.GiveBackMilliseconds") is { } delay) options.GiveBackAfter = TimeSpan.FromMilliseconds(long.Parse(delay.ToString()!));
        if (AppContext.TryGetSwitch("KAlloc.MergeCaches", out bool merge)) options.MergeCaches = merge;
        if (AppContext.GetData("KAlloc.FailSlab") is string fail) options.FailSlab = fail;
        if (AppContext.GetData("KAlloc.FailPageAlloc") is string failPages) options.FailPageAlloc = failPages;
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
