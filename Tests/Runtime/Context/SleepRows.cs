// The calls that may sleep. Each is used as a driver would, so that the same code shows both: reported in atomic context, silent in process context.

using System.Runtime.InteropServices;
using static KAlloc.Linux;

namespace KAlloc.Runtime.Tests;

internal static unsafe class SleepRows
{
    private const string Always = "always";
    private const string ByFlags = "flags with direct reclaim";

    public static readonly SleepRow[] All =
    [
        Flags("kmalloc", flags => kfree(kmalloc(100, flags))),
        Flags("kzalloc", flags => kfree(kzalloc(100, flags))),
        Flags("kcalloc", flags => kfree(kcalloc(4, 25, flags))),
        Flags("kmalloc_array", flags => kfree(kmalloc_array(4, 25, flags))),
        Flags("kmalloc_node", flags => kfree(kmalloc_node(100, flags, 0))),
        Flags("krealloc", flags => kfree(krealloc(null, 100, flags))),
        Flags("krealloc_array", flags => kfree(krealloc_array(null, 4, 25, flags))),
        Flags("kmemdup_nul", flags => kfree(kmemdup_nul(Word, 4, flags))),
        Flags("kstrdup", flags => kfree(kstrdup(Word, flags))),
        Flags("kstrndup", flags => kfree(kstrndup(Word, 2, flags))),
        Flags("kasprintf", flags => kfree(kasprintf(flags, "word"))),
        Flags("kmemdup", flags => kfree(kmemdup(&flags, sizeof(gfp_t), flags))),
        new("kmem_cache_alloc", ByFlags, () =>
        {
            kmem_cache* cache = Cache();
            return () =>
            {
                kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL));
                kmem_cache_destroy(cache);
            };
        }),
        new("kmem_cache_zalloc", ByFlags, () =>
        {
            kmem_cache* cache = Cache();
            return () =>
            {
                kmem_cache_free(cache, kmem_cache_zalloc(cache, GFP_KERNEL));
                kmem_cache_destroy(cache);
            };
        }),
        new("kmem_cache_alloc_bulk", ByFlags, () =>
        {
            kmem_cache* cache = Cache();
            return () =>
            {
                void** objects = stackalloc void*[4];
                Assert.Equal(4, kmem_cache_alloc_bulk(cache, GFP_KERNEL, 4, objects));
                kmem_cache_free_bulk(cache, 4, objects);
                kmem_cache_destroy(cache);
            };
        }),
        Flags("alloc_pages", flags => __free_pages(alloc_pages(flags, 1), 1)),
        Flags("alloc_page", flags => __free_page(alloc_page(flags))),
        Flags("alloc_pages_node", flags => __free_page(alloc_pages_node(0, flags, 0))),
        Flags("alloc_pages_bulk", flags =>
        {
            page* page = null;
            Assert.Equal((nuint)1, alloc_pages_bulk(flags, 1, &page));
            __free_page(page);
        }),
        Flags("__get_free_pages", flags => free_pages(__get_free_pages(flags, 1), 1)),
        Flags("__get_free_page", flags => free_page(__get_free_page(flags))),
        Flags("get_zeroed_page", flags => free_page(get_zeroed_page(flags))),
        Flags("__get_dma_pages", flags => free_page(__get_dma_pages(flags, 0))),
        Flags("alloc_pages_exact", flags => free_pages_exact(alloc_pages_exact(10_000, flags), 10_000)),
        new("mempool_alloc", ByFlags, () =>
        {
            mempool_t* pool = mempool_create_kmalloc_pool(2, 64);
            return () =>
            {
                mempool_free(mempool_alloc(pool, GFP_KERNEL), pool);
                mempool_destroy(pool);
            };
        }),
        new("mempool_resize", Always, () =>
        {
            mempool_t* pool = mempool_create_kmalloc_pool(2, 64);
            return () =>
            {
                Assert.Equal(0, mempool_resize(pool, 4));
                mempool_destroy(pool);
            };
        }),
        new("dma_pool_alloc", ByFlags),
        new("vmap", Always, () =>
        {
            page* page = alloc_page(GFP_KERNEL);
            return () =>
            {
                vunmap(MapOne(page));
                __free_page(page);
            };
        }),
        new("vunmap", Always, () =>
        {
            page* page = alloc_page(GFP_KERNEL);
            void* range = MapOne(page);
            return () =>
            {
                vunmap(range);
                __free_page(page);
            };
        }),
        new("vfree", "in process context", () =>
        {
            void* memory = vmalloc(100);
            return () => vfree(memory);
        }) { DeferredInInterrupt = true, Harmless = () => vfree(null) },
        Simple("vmalloc", () => vfree(vmalloc(100))),
        Simple("vzalloc", () => vfree(vzalloc(100))),
        Simple("__vmalloc", () => vfree(__vmalloc(100, GFP_KERNEL))),
        Simple("vmalloc_user", () => vfree(vmalloc_user(100))),
        Simple("vmalloc_32", () => vfree(vmalloc_32(100))),
        Simple("vcalloc", () => vfree(vcalloc(4, 25))),
        Simple("vmalloc_huge", () => vfree(vmalloc_huge(100, GFP_KERNEL))),
        new("vm_map_ram", Always, () =>
        {
            page* page = alloc_page(GFP_KERNEL);
            return () =>
            {
                vm_unmap_ram(MapOneAsRam(page), 1);
                __free_page(page);
            };
        }),
        new("vm_unmap_ram", Always, () =>
        {
            page* page = alloc_page(GFP_KERNEL);
            void* range = MapOneAsRam(page);
            return () =>
            {
                vm_unmap_ram(range, 1);
                __free_page(page);
            };
        }),
        new("remove_vm_area", Always),
        new("iounmap", Always),
        new("ioremap", Always),
        new("kmap", Always, () =>
        {
            page* page = alloc_page(GFP_KERNEL);
            return () =>
            {
                Assert.True(kmap(page) != null);
                kunmap(page);
                __free_page(page);
            };
        }),
        new("kunmap", Always, () =>
        {
            page* page = alloc_page(GFP_KERNEL);
            kmap(page);
            return () =>
            {
                kunmap(page);
                __free_page(page);
            };
        }),
        Native<mutex_t>("mutex_lock", m => { mutex_lock(ref *(mutex_t*)m); mutex_unlock(ref *(mutex_t*)m); }),
        Native<mutex_t>("mutex_lock_interruptible", m => { Assert.Equal(0, mutex_lock_interruptible(ref *(mutex_t*)m)); mutex_unlock(ref *(mutex_t*)m); }),
        new("mutex_lock_killable", Always),
        new("mutex_lock_io", Always),
        new("mutex_lock_nested", Always),
        new("ww_mutex_lock", Always),
        new("ww_mutex_lock_interruptible", Always),
        new("rt_mutex_lock", Always),
        Native<semaphore>("down", s => { up(ref *(semaphore*)s); down(ref *(semaphore*)s); }),
        Native<semaphore>("down_interruptible", s => { up(ref *(semaphore*)s); Assert.Equal(0, down_interruptible(ref *(semaphore*)s)); }),
        new("down_killable", Always),
        new("down_timeout", Always),
        Native<rw_semaphore>("down_read", s => { down_read(ref *(rw_semaphore*)s); up_read(ref *(rw_semaphore*)s); }),
        new("down_read_interruptible", Always),
        new("down_read_killable", Always),
        new("down_read_nested", Always),
        Native<rw_semaphore>("down_write", s => { down_write(ref *(rw_semaphore*)s); up_write(ref *(rw_semaphore*)s); }),
        new("down_write_killable", Always),
        new("down_write_nested", Always),
        new("percpu_down_write", Always),
        Native<completion>("wait_for_completion", c => { complete(ref *(completion*)c); wait_for_completion(ref *(completion*)c); }),
        Native<completion>("wait_for_completion_timeout", c => { complete(ref *(completion*)c); wait_for_completion_timeout(ref *(completion*)c, 100); }),
        Native<wait_queue_head_t>("wait_event", q => wait_event(ref *(wait_queue_head_t*)q, () => true)),
        Native<wait_queue_head_t>("wait_event_interruptible", q => wait_event_interruptible(ref *(wait_queue_head_t*)q, () => true)),
        Native<wait_queue_head_t>("wait_event_timeout", q => wait_event_timeout(ref *(wait_queue_head_t*)q, () => true, 1)),
        new("wait_on_bit", Always),
        new("wait_var_event", Always),
        Native<work_struct>("flush_work", w =>
        {
            INIT_WORK(ref *(work_struct*)w, _ => { });
            flush_work(ref *(work_struct*)w);
            cancel_work(ref *(work_struct*)w);
        }),
        Native<work_struct>("cancel_work_sync", w => cancel_work_sync(ref *(work_struct*)w)),
        new("disable_irq", Always, () =>
        {
            int line = Cpu.NewLine();
            return () =>
            {
                disable_irq(line);
                enable_irq(line);
            };
        }),
        Native<tasklet_struct>("tasklet_kill", t =>
        {
            tasklet_init(ref *(tasklet_struct*)t, _ => { }, 0);
            tasklet_kill(ref *(tasklet_struct*)t);
        }),
        new("irq_set_affinity_notifier", Always),
        new("handle_nested_irq", Always),
        Simple("synchronize_rcu", synchronize_rcu),
        new("synchronize_srcu", Always),
        Simple("kfree_rcu_mightsleep", () => kfree_rcu_mightsleep(kmalloc(64, GFP_KERNEL))),
        Simple("kvfree_rcu_mightsleep", () => kvfree_rcu_mightsleep(kmalloc(64, GFP_KERNEL))),
        Native<long>("copy_to_user", user => { int value = 1; Assert.Equal((nuint)0, copy_to_user((void*)user, &value, 4)); }),
        Native<long>("copy_from_user", user => { int value; Assert.Equal((nuint)0, copy_from_user(&value, (void*)user, 4)); }),
        new("lock_page", Always, () =>
        {
            page* page = alloc_page(GFP_KERNEL);
            return () =>
            {
                lock_page(page);
                unlock_page(page);
                __free_page(page);
            };
        }),
        new("folio_lock", Always),
        new("folio_lock_killable", Always),
        new("lock_buffer", Always),
        new("wait_on_buffer", Always),
        new("bdev_getblk", Always),
        new("mmput", Always),
        new("anon_vma_prepare", Always),
        new("skb_unshare", ByFlags),
        new("skb_share_check", ByFlags),
        new("gpiod_put", Always),
        new("kthread_freezable_should_stop", Always),
        Simple("schedule", schedule),
        new("schedule_timeout", Always),
        Simple("cond_resched", () => cond_resched()),
        Simple("msleep", () => msleep(1)),
        new("msleep_interruptible", Always),
        Simple("ssleep", () => ssleep(0)),
        Simple("usleep_range", () => usleep_range(1, 2)),
        Simple("rcu_barrier", rcu_barrier),
        new("flush_workqueue", Always),
        Native<delayed_work>("cancel_delayed_work_sync", w =>
        {
            INIT_DELAYED_WORK(ref *(delayed_work*)w, _ => { });
            cancel_delayed_work_sync(ref *(delayed_work*)w);
        }),
        Simple("synchronize_irq", () => synchronize_irq(250)),
        Line("free_irq", line =>
        {
            if (request_irq(line, (_, _) => IRQ_NONE, 0, "row", null) == 0) free_irq(line, null);
        }),
        Line("request_irq", line =>
        {
            if (request_irq(line, (_, _) => IRQ_NONE, 0, "row", null) == 0) free_irq(line, null);
        }),
        Line("request_threaded_irq", line =>
        {
            if (request_threaded_irq(line, null, (_, _) => IRQ_NONE, IRQF_ONESHOT, "row", null) == 0) free_irq(line, null);
        }),
        Simple("alloc_percpu", () => free_percpu(alloc_percpu<long>())),
        Simple("__alloc_percpu", () => free_percpu(__alloc_percpu(8, 8))),
        Simple("kmem_cache_create", () => kmem_cache_destroy(Cache())),
        Simple("kmem_cache_create_delegate", () => kmem_cache_destroy(kmem_cache_create_delegate($"row-{Guid.NewGuid():N}", 64, 0, 0, _ => { }))),
        Simple("kmem_cache_create_usercopy", () => kmem_cache_destroy(kmem_cache_create_usercopy($"row-{Guid.NewGuid():N}", 64, 0, 0, 0, 64))),
        new("kmem_cache_destroy", Always, () =>
        {
            kmem_cache* cache = Cache();
            return () => kmem_cache_destroy(cache);
        }),
        new("kmem_cache_shrink", Always, () =>
        {
            kmem_cache* cache = Cache();
            return () =>
            {
                kmem_cache_shrink(cache);
                kmem_cache_destroy(cache);
            };
        }),
        Simple("mempool_create", () => mempool_destroy(mempool_create(2, &AllocateElement, &FreeElement, null))),
        Simple("mempool_create_kmalloc_pool", () => mempool_destroy(mempool_create_kmalloc_pool(2, 64))),
        new("mempool_create_slab_pool", Always, () =>
        {
            kmem_cache* cache = Cache();
            return () =>
            {
                mempool_destroy(mempool_create_slab_pool(2, cache));
                kmem_cache_destroy(cache);
            };
        }),
        new("mempool_destroy", Always, () =>
        {
            mempool_t* pool = mempool_create_kmalloc_pool(2, 64);
            return () => mempool_destroy(pool);
        }),
        Flags("kvzalloc", flags => kvfree(kvzalloc(100, flags))),
        Flags("kvcalloc", flags => kvfree(kvcalloc(4, 25, flags))),
        Flags("kvmalloc_array", flags => kvfree(kvmalloc_array(4, 25, flags))),
        Flags("kvrealloc", flags => kvfree(kvrealloc(null, 100, flags))),
        Flags("kvmalloc", flags => kvfree(kvmalloc(100, flags))),
        new("kvfree", "memory of vmalloc, in process context", () =>
        {
            void* memory = vmalloc(100);
            return () => kvfree(memory);
        }) { DeferredInInterrupt = true, Harmless = () => kvfree(kmalloc(100, GFP_ATOMIC)) },
        new("kvfree_sensitive", "memory of vmalloc, in process context", () =>
        {
            void* memory = vmalloc(100);
            return () => kvfree_sensitive(memory, 100);
        }) { DeferredInInterrupt = true, Harmless = () => kvfree_sensitive(kmalloc(100, GFP_ATOMIC), 100) },
        Flags("dma_alloc_coherent", flags =>
        {
            void* memory = dma_alloc_coherent(null, 4096, out nuint handle, flags);
            dma_free_coherent(null, 4096, memory, handle);
        }),
        Native<long>("get_user", user => get_user(out int _, (int*)user)),
        Native<long>("put_user", user => put_user(1, (int*)user)),
        new("clear_user", Always),
        new("kthread_create", Always),
        Simple("kthread_run", () => kthread_run(_ => 0, null, "row")),
        new("kthread_stop", Always, () =>
        {
            task_struct* task = kthread_run(_ =>
            {
                while (!kthread_should_stop()) Thread.Sleep(1);
                return 0;
            }, null, "row");
            return () => kthread_stop(task);
        }),
        new("alloc_thread_stack_node", Always, () => () => ContextRows.WithNative<task_struct>(t =>
        {
            Assert.True(alloc_thread_stack_node((task_struct*)t, 0) != null);
            free_thread_stack((task_struct*)t);
        })),
        Simple("register_shrinker", () =>
        {
            Shrinker shrinker = Idle();
            register_shrinker(shrinker);
            unregister_shrinker(shrinker);
        }),
        new("unregister_shrinker", Always, () =>
        {
            Shrinker shrinker = Idle();
            register_shrinker(shrinker);
            return () => unregister_shrinker(shrinker);
        }),
        Simple("might_sleep", () => might_sleep()),
        Flags("might_alloc", flags => might_alloc(flags)),
        new("request_module", Always),
        new("call_usermodehelper", Always),
        new("filp_open", Always),
        new("kernel_read", Always),
        new("kernel_write", Always),
        new("sb_bread", Always),
    ];

    private static byte* Word => (byte*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref MemoryMarshal.GetReference("word\0"u8));

    private static Shrinker Idle() => new(static (Shrinker _, ref ShrinkControl _) => 0, static (Shrinker _, ref ShrinkControl _) => Shrinker.Stop, "row");

    private static SleepRow Simple(string function, Action call) => new(function, Always, () => call);

    private static SleepRow Flags(string function, Action<gfp_t> call) => new(function, ByFlags, () => () => call(GFP_KERNEL)) { Harmless = () => call(GFP_ATOMIC) };

    private static SleepRow Native<T>(string function, Action<nint> call) where T : unmanaged => new(function, Always, () => () => ContextRows.WithNative<T>(call));

    private static SleepRow Line(string function, Action<int> call) => new(function, Always, () =>
    {
        int line = Cpu.NewLine();
        return () => call(line);
    });

    private static void* AllocateElement(gfp_t flags, void* data) => kmalloc(64, flags);

    private static void FreeElement(void* element, void* data) => kfree(element);

    private static void* MapOne(page* page) => vmap(&page, 1, 0, 0);

    private static void* MapOneAsRam(page* page) => vm_map_ram(&page, 1, 0);

    private static kmem_cache* Cache() => kmem_cache_create($"row-{Guid.NewGuid():N}", 64, 0, 0);
}
