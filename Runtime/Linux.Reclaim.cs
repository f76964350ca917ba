// The kernel face: caches that shrink when memory runs low.

namespace KAlloc;

public static unsafe partial class Linux
{
    /// <summary>Registers a cache that gives memory back when it runs low (<c>register_shrinker</c>). May sleep.</summary>
    /// <param name="shrinker">The shrinker. Registering it twice is a BUG.</param>
    [MightSleep]
    public static void register_shrinker(Shrinker shrinker) => KernelMemory.Default.RegisterShrinker(shrinker);

    /// <summary>Takes a shrinker back (<c>unregister_shrinker</c>). Sleeps until no thread runs it any more.</summary>
    /// <param name="shrinker">The shrinker. One that is not registered is a BUG.</param>
    [MightSleep]
    public static void unregister_shrinker(Shrinker shrinker) => KernelMemory.Default.UnregisterShrinker(shrinker);
}
