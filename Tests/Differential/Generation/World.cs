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

/// <summary>An object that carries a pointer, in a field or behind a property.</summary>
public sealed unsafe class Holder
{
    public Thing* item;
    public page* page;
    public nuint address;
    public nint handle;

    public Thing* Item { get; set; }

    public page* Page { get; set; }

    public nuint Address { get; set; }

    public nint Handle { get; set; }
}

/// <summary>An object with a struct in it, and a link to the next one.</summary>
public sealed class Shelf
{
    public Box box;
    public Shelf next;
}

/// <summary>One place under several names.</summary>
[StructLayout(LayoutKind.Explicit)]
public unsafe struct Either
{
    [FieldOffset(0)] public nint raw;
    [FieldOffset(0)] public Thing* item;
    [FieldOffset(0)] public page* page;
    [FieldOffset(0)] public nuint address;
    [FieldOffset(0)] public nint handle;
}

public readonly struct Slot<T>(T value)
{
    public T Value { get; } = value;
}

public sealed record Entry(nint Raw, int Tag);

[System.Flags]
public enum Mode
{
    None = 0,
    Bit0 = 1,
    Bit1 = 2,
    Bit2 = 4,
    Bit3 = 8,
    Bit4 = 16,
    Bit5 = 32,
}

/// <summary>An object with a lock of its own.</summary>
public sealed class Gate
{
    public spinlock_t Lock;
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
