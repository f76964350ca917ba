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

    /// <summary>Also red zones, poison and user tracking in every cache (the kernel's <c>slab_debug=FZPU</c>). Memory may double, a call takes microseconds.</summary>
    Full,
}
