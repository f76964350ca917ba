// The kernel face as programs see it when they run: the runtime's own calls with the shadow in front.

#pragma warning disable CS1591 // The real face has the documentation.

namespace KAlloc.Differential.Tests.Oracle;

public static unsafe class ShadowLinux
{
    public const gfp_t GFP_KERNEL = Linux.GFP_KERNEL;
    public const gfp_t GFP_ATOMIC = Linux.GFP_ATOMIC;
    public const gfp_t GFP_NOWAIT = Linux.GFP_NOWAIT;
    public const gfp_t GFP_NOIO = Linux.GFP_NOIO;
    public const gfp_t __GFP_ZERO = Linux.__GFP_ZERO;
    public const gfp_t __GFP_HIGH = Linux.__GFP_HIGH;
    public const int ENOMEM = Linux.ENOMEM;
    public const int EINVAL = Linux.EINVAL;
    public const int EBUSY = Linux.EBUSY;
    public const int EIO = Linux.EIO;
    public const irqreturn_t IRQ_HANDLED = Linux.IRQ_HANDLED;

    private const nuint PageBytes = 4096;

    private static readonly string[] s_kmalloc = ["kmalloc"], s_vmalloc = ["vmalloc"], s_kvmalloc = ["kvmalloc", "kmalloc", "vmalloc"],
        s_pages = ["pages"], s_addresses = ["get_free_pages"], s_cache = ["kmem_cache"];

    // kmalloc

    public static void* kmalloc(size_t size, gfp_t flags)
    {
        Shadow.MaySleep((flags & Linux.__GFP_DIRECT_RECLAIM) != 0);
        return (void*)Shadow.Allocate("kmalloc", size, () => (nuint)Linux.kmalloc(size, flags & ~Linux.__GFP_DIRECT_RECLAIM), p => Linux.kfree((void*)p));
    }

    public static void* kzalloc(size_t size, gfp_t flags)
    {
        void* memory = kmalloc(size, flags);
        if (memory != null) new Span<byte>(memory, (int)(nuint)size).Clear();
        return memory;
    }

    public static void* kcalloc(size_t n, size_t size, gfp_t flags) => kzalloc((nuint)n * (nuint)size, flags);

    public static T* kmalloc<T>(gfp_t flags) where T : unmanaged => (T*)kmalloc(sizeof(T), flags);

    public static T* kzalloc<T>(gfp_t flags) where T : unmanaged => (T*)kzalloc(sizeof(T), flags);

    public static void* krealloc(void* p, size_t size, gfp_t flags)
    {
        void* larger = kmalloc(size, flags);
        if (larger == null) return null;
        if (p != null) Buffer.MemoryCopy(Shadow.Use(p), larger, (nuint)size, Math.Min((nuint)size, Linux.ksize(p)));
        kfree(p);
        return larger;
    }

    public static void kfree(void* p) => Shadow.Free((nuint)p, s_kmalloc, () => Linux.kfree(p));

    public static void kfree_sensitive(void* p) => kfree(p);

    // vmalloc, kvmalloc

    public static void* vmalloc(size_t size)
    {
        Shadow.MaySleep();
        return (void*)Shadow.Allocate("vmalloc", size, () => (nuint)Linux.vmalloc(size), p => Linux.vfree((void*)p));
    }

    public static void* vzalloc(size_t size) => vmalloc(size);

    public static void vfree(void* p)
    {
        Shadow.MaySleep();
        Shadow.Free((nuint)p, s_vmalloc, () => Linux.vfree(p));
    }

    public static void* kvmalloc(size_t size, gfp_t flags)
    {
        Shadow.MaySleep((flags & Linux.__GFP_DIRECT_RECLAIM) != 0);
        return (void*)Shadow.Allocate("kvmalloc", size, () => (nuint)Linux.kvmalloc(size, flags), p => Linux.kvfree((void*)p));
    }

    public static void* kvzalloc(size_t size, gfp_t flags) => kvmalloc(size, flags | __GFP_ZERO);

    public static void kvfree(void* p)
    {
        Shadow.MaySleep();
        Shadow.Free((nuint)p, s_kvmalloc, () => Linux.kvfree(p));
    }

    // Pages

    public static page* alloc_pages(gfp_t flags, int order)
    {
        Shadow.MaySleep((flags & Linux.__GFP_DIRECT_RECLAIM) != 0);
        return (page*)Shadow.Allocate("pages", PageBytes << order, () => (nuint)Linux.alloc_pages(flags & ~Linux.__GFP_DIRECT_RECLAIM, order), p => Linux.__free_pages((page*)p, order), order,
            startOf: p => (nuint)Linux.page_address((page*)p));
    }

    public static page* alloc_page(gfp_t flags) => alloc_pages(flags, 0);

    public static void __free_pages(page* p, int order) => Shadow.Free((nuint)p, s_pages, () => Linux.__free_pages(p, order), order);

    public static void __free_page(page* p) => __free_pages(p, 0);

    public static void* page_address(page* p) => Shadow.IsFreed((nuint)p) ? Shadow.Scratch : Linux.page_address(p);

    public static nuint __get_free_pages(gfp_t flags, int order)
    {
        Shadow.MaySleep((flags & Linux.__GFP_DIRECT_RECLAIM) != 0);
        return Shadow.Allocate("get_free_pages", PageBytes << order, () => Linux.__get_free_pages(flags & ~Linux.__GFP_DIRECT_RECLAIM, order), p => Linux.free_pages(p, order), order);
    }

    public static nuint __get_free_page(gfp_t flags) => __get_free_pages(flags, 0);

    public static nuint get_zeroed_page(gfp_t flags) => __get_free_pages(flags | __GFP_ZERO, 0);

    public static void free_pages(nuint address, int order) => Shadow.Free(address, s_addresses, () => Linux.free_pages(address, order), order);

    public static void free_page(nuint address) => free_pages(address, 0);

    // Caches

    public static kmem_cache* kmem_cache_create(string name, size_t size, size_t align, slab_flags_t flags, delegate*<void*, void> ctor) =>
        Linux.kmem_cache_create(name, size, align, flags, ctor);

    public static void kmem_cache_destroy(kmem_cache* cache) => Linux.kmem_cache_destroy(cache);

    public static void* kmem_cache_alloc(kmem_cache* cache, gfp_t flags)
    {
        Shadow.MaySleep((flags & Linux.__GFP_DIRECT_RECLAIM) != 0);
        return (void*)Shadow.Allocate("kmem_cache", Linux.kmem_cache_size(cache), () => (nuint)Linux.kmem_cache_alloc(cache, flags & ~Linux.__GFP_DIRECT_RECLAIM), p => Linux.kmem_cache_free(cache, (void*)p), cache: cache);
    }

    public static void* kmem_cache_zalloc(kmem_cache* cache, gfp_t flags)
    {
        void* memory = kmem_cache_alloc(cache, flags);
        if (memory != null) new Span<byte>(memory, (int)Linux.kmem_cache_size(cache)).Clear();
        return memory;
    }

    public static void kmem_cache_free(kmem_cache* cache, void* p) => Shadow.Free((nuint)p, s_cache, () => Linux.kmem_cache_free(cache, p), cache: cache);

    // Memory

    public static void* memset(void* p, int value, size_t n)
    {
        new Span<byte>(Shadow.Use(p), (int)(nuint)n).Fill((byte)value);
        return p;
    }

    public static void* memcpy(void* to, void* from, size_t n)
    {
        Buffer.MemoryCopy(Shadow.Use(from), Shadow.Use(to), (nuint)n, (nuint)n);
        return to;
    }

    public static void* ERR_PTR(nint error) => Linux.ERR_PTR(error);

    public static bool IS_ERR(void* p) => Linux.IS_ERR(p);

    // Contexts

    public static void spin_lock(ref spinlock_t l) => Linux.spin_lock(ref l);

    public static void spin_unlock(ref spinlock_t l) => Linux.spin_unlock(ref l);

    public static bool spin_trylock(ref spinlock_t l) => Linux.spin_trylock(ref l);

    public static void spin_lock_irq(ref spinlock_t l) => Linux.spin_lock_irq(ref l);

    public static void spin_unlock_irq(ref spinlock_t l) => Linux.spin_unlock_irq(ref l);

    public static void spin_lock_bh(ref spinlock_t l) => Linux.spin_lock_bh(ref l);

    public static void spin_unlock_bh(ref spinlock_t l) => Linux.spin_unlock_bh(ref l);

    public static void spin_lock_irqsave(ref spinlock_t l, out nuint flags) => Linux.spin_lock_irqsave(ref l, out flags);

    public static void spin_unlock_irqrestore(ref spinlock_t l, nuint flags) => Linux.spin_unlock_irqrestore(ref l, flags);

    public static void read_lock(ref rwlock_t l) => Linux.read_lock(ref l);

    public static void read_unlock(ref rwlock_t l) => Linux.read_unlock(ref l);

    public static void read_lock_irqsave(ref rwlock_t l, out nuint flags) => Linux.read_lock_irqsave(ref l, out flags);

    public static void read_unlock_irqrestore(ref rwlock_t l, nuint flags) => Linux.read_unlock_irqrestore(ref l, flags);

    public static void write_lock(ref rwlock_t l) => Linux.write_lock(ref l);

    public static void write_unlock(ref rwlock_t l) => Linux.write_unlock(ref l);

    public static void write_lock_irqsave(ref rwlock_t l, out nuint flags) => Linux.write_lock_irqsave(ref l, out flags);

    public static void write_unlock_irqrestore(ref rwlock_t l, nuint flags) => Linux.write_unlock_irqrestore(ref l, flags);

    public static void preempt_disable() => Linux.preempt_disable();

    public static void preempt_enable() => Linux.preempt_enable();

    public static void local_irq_disable() => Linux.local_irq_disable();

    public static void local_irq_enable() => Linux.local_irq_enable();

    public static void local_irq_save(out nuint flags) => Linux.local_irq_save(out flags);

    public static void local_irq_restore(nuint flags) => Linux.local_irq_restore(flags);

    public static void local_bh_disable() => Linux.local_bh_disable();

    public static void local_bh_enable() => Linux.local_bh_enable();

    public static void rcu_read_lock() => Linux.rcu_read_lock();

    public static void rcu_read_unlock() => Linux.rcu_read_unlock();

    public static void mutex_lock(ref mutex_t l)
    {
        Shadow.MaySleep();
        Linux.mutex_trylock(ref l);
    }

    public static bool mutex_trylock(ref mutex_t l) => Linux.mutex_trylock(ref l);

    public static void mutex_unlock(ref mutex_t l) => Linux.mutex_unlock(ref l);

    public static void msleep(uint milliseconds) => Shadow.MaySleep();

    public static void might_sleep() => Shadow.MaySleep();

    public static int cond_resched()
    {
        Shadow.MaySleep();
        return 0;
    }

    public static int request_irq(int irq, delegate*<int, void*, irqreturn_t> handler, nuint flags, string name, void* dev) => Linux.request_irq(irq, handler, flags, name, dev);

    public static void free_irq(int irq, void* dev) => Linux.free_irq(irq, dev);

    public static void raise_irq(int irq) => Linux.raise_irq(irq);
}
