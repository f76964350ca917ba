// What every generated program finds around it: a few types to carry pointers in, locks, caches.

public unsafe struct Thing
{
    public int value;
    public Thing* next;
    public void* data;
    public page* page;
    public nuint address;
    public nint handle;
}

/// <summary>A struct that carries a pointer.</summary>
public unsafe struct Box
{
    public int tag;
    public Thing* item;
    public page* page;
    public nuint address;
    public nint handle;
}

/// <summary>An object that carries a pointer.</summary>
public sealed unsafe class Holder
{
    public Thing* item;
    public page* page;
    public nuint address;
    public nint handle;
}

public unsafe delegate void ThingVisitor(Thing* item);

public unsafe delegate void PageVisitor(page* item);

public delegate void AddressVisitor(nuint item);

public delegate void HandleVisitor(nint item);

public static unsafe class World
{
    public static kmem_cache* CacheA;
    public static kmem_cache* CacheB;
    public static spinlock_t LockA;
    public static spinlock_t LockB;
    public static rwlock_t ReadWrite;
    public static mutex_t Mutex;
    public static int Count;

    public static void Boot()
    {
        CacheA = kmem_cache_create("differential_a", 96, 0, 0, null);
        CacheB = kmem_cache_create("differential_b", 96, 0, 0, null);
    }

    public static void Halt()
    {
        kmem_cache_destroy(CacheA);
        kmem_cache_destroy(CacheB);
    }

    public static void Reset()
    {
        LockA = default;
        LockB = default;
        ReadWrite = default;
        Mutex = default;
        Count = 0;
    }
}
