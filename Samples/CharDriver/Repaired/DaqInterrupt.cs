// What happens when the card calls: the interrupt handler takes the block out of the ring, the tasklet writes the log, the work item does
// what may take long. The first two must not sleep.

using System.Text.Unicode;
using KAlloc;
using static KAlloc.Linux;

namespace CharDriver;

internal static unsafe partial class Daq
{
    [InterruptHandler]
    private static irqreturn_t daq_interrupt(int irq, void* data)
    {
        daq_device* dev = (daq_device*)data;

        daq_record* record = (daq_record*)kmem_cache_alloc(dev->records, GFP_ATOMIC);
        if (record == null)
        {
            dev->dropped++;
            return IRQ_HANDLED;
        }

        spin_lock(ref dev->@lock);
        byte* slot = dev->ring + dev->interrupts % RING_SLOTS * SLOT_BYTES;
        record->sequence = dev->interrupts++;
        record->length = DATA_BYTES;
        memcpy(record->data, slot, DATA_BYTES);
        list_add_tail(&record->link, &dev->ready);
        dev->ready_count++;
        spin_unlock(ref dev->@lock);

        tasklet_schedule(ref dev->bottom_half);
        return IRQ_HANDLED;
    }

    // Registered by tasklet_init() in probe(): that alone makes it atomic.
    private static void daq_bottom_half(nuint data)
    {
        daq_device* dev = (daq_device*)data;

        spin_lock_irqsave(ref dev->@lock, out nuint flags);
        Span<byte> line = new(dev->log + dev->log_used, (int)Math.Min(dev->log_bytes - dev->log_used, LOG_LINE));
        if (Utf8.TryWrite(line, $"irq {dev->interrupts}: {dev->ready_count} waiting, {dev->dropped} dropped\n", out int written))
            dev->log_used += (nuint)written;
        bool full = dev->log_bytes - dev->log_used < LOG_LINE;
        spin_unlock_irqrestore(ref dev->@lock, flags);

        if (full || dev->interrupts % RING_SLOTS == 0) schedule_work(ref dev->housekeeping);
    }

    // Process context: a kworker thread runs it, it may sleep.
    private static void daq_housekeeping(work_struct* work)
    {
        daq_device* dev = (daq_device*)work->data;
        daq_rotate_log(dev);

        // A copy to measure on: the card goes on writing.
        byte* sweep = (byte*)__get_free_pages(GFP_KERNEL, RING_ORDER);
        if (sweep == null) return;

        memcpy(sweep, dev->ring, RING_SLOTS * SLOT_BYTES);
        int sum = 0;
        for (int i = 0; i < RING_SLOTS * SLOT_BYTES; i++) sum += sweep[i] - REST_LEVEL;

        int drift = Math.Abs(sum / (RING_SLOTS * SLOT_BYTES));
        if (drift > MAX_DRIFT)
        {
            pr_warn("daq: the card drifts, calibration given up");
            free_pages(sweep, RING_ORDER);
            return;
        }

        spin_lock_irq(ref dev->@lock);
        dev->drift = drift;
        spin_unlock_irq(ref dev->@lock);

        free_pages(sweep, RING_ORDER);
    }

    /// <summary>Starts a fresh log when the old one is full. Only here, where it may sleep for the memory.</summary>
    private static void daq_rotate_log(daq_device* dev)
    {
        nuint bytes = dev->log_bytes;
        if (bytes - dev->log_used >= LOG_LINE) return;

        byte* fresh = (byte*)vzalloc(bytes);
        if (fresh == null) return;

        spin_lock_irq(ref dev->@lock);
        byte* full = dev->log;
        dev->log = fresh;
        dev->log_bytes = bytes;
        dev->log_used = 0;
        spin_unlock_irq(ref dev->@lock);
        vfree(full);
    }
}
