// The card comes and goes: probe() takes everything that the driver needs, remove() gives it back.

using KAlloc;
using static KAlloc.Linux;

namespace CharDriver;

internal static unsafe partial class Daq
{
    public static int daq_probe(int irq, out daq_device* card)
    {
        int err = -ENOMEM;
        card = null;

        daq_device* dev = (daq_device*)kzalloc(sizeof(daq_device), GFP_KERNEL);
        if (dev == null) return err;

        kmem_cache* records = kmem_cache_create("daq_record", sizeof(daq_record), 0, SLAB_HWCACHE_ALIGN);
        if (records == null) goto free_device;

        byte* ring = (byte*)__get_free_pages(GFP_KERNEL | GFP_DMA, RING_ORDER);
        if (ring == null) goto destroy_cache;

        void* command = dma_alloc_coherent(null, COMMAND_BYTES, out nuint command_bus, GFP_KERNEL);
        if (command == null) goto free_ring;

        byte* log = (byte*)vzalloc(LOG_BYTES);
        if (log == null) goto free_command;

        spin_lock_init(ref dev->@lock);
        mutex_init(ref dev->config);
        INIT_LIST_HEAD(&dev->ready);
        tasklet_init(ref dev->bottom_half, daq_bottom_half, (nuint)dev);
        INIT_WORK(ref dev->housekeeping, daq_housekeeping);
        dev->housekeeping.data = dev;
        dev->records = records;
        dev->ring = ring;
        dev->command = command;
        dev->command_bus = command_bus;
        dev->log = log;
        dev->log_bytes = LOG_BYTES;
        dev->irq = irq;

        err = request_irq(irq, daq_interrupt, 0, "daq", dev);
        if (err != 0) goto free_log;

        card = dev;
        return 0;

    free_log:
        vfree(log);
    free_command:
        dma_free_coherent(null, COMMAND_BYTES, command, command_bus);
    free_ring:
        free_pages(ring, RING_ORDER);
    destroy_cache:
        kmem_cache_destroy(records);
    free_device:
        kfree(dev);
        return err;
    }

    public static void daq_remove(daq_device* dev)
    {
        free_irq(dev->irq, dev);
        tasklet_kill(ref dev->bottom_half);
        cancel_work_sync(ref dev->housekeeping);

        while (!list_empty(&dev->ready))
        {
            daq_record* record = list_first_entry<daq_record>(&dev->ready, record_link);
            list_del(&record->link);
            kmem_cache_free(dev->records, record);
        }

        kfree(dev->name);
        vfree(dev->log);
        dma_free_coherent(null, COMMAND_BYTES, dev->command, dev->command_bus);
        free_pages(dev->ring, RING_ORDER);
        kmem_cache_destroy(dev->records);
        kfree(dev);
    }
}
