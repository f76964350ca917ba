// The commands of the card's ioctl. The caller holds dev->config.

using System.Text.Unicode;
using KAlloc;
using static KAlloc.Linux;

namespace CharDriver;

internal static unsafe partial class Daq
{
    /// <summary>Describes at most <paramref name="capacity"/> waiting records; returns how many.</summary>
    private static int daq_snapshot(daq_device* dev, daq_summary* user, nuint capacity)
    {
        if (capacity == 0 || capacity > RING_SLOTS) return -EINVAL;

        daq_summary* summaries = (daq_summary*)kcalloc(capacity, sizeof(daq_summary), GFP_KERNEL);
        if (summaries == null) return -ENOMEM;

        nuint n = 0;
        spin_lock_irqsave(ref dev->@lock, out nuint flags);
        foreach (daq_record* record in list_for_each_entry<daq_record>(&dev->ready, record_link))
        {
            if (n == capacity) break;
            summaries[n].sequence = record->sequence;
            summaries[n].length = record->length;
            for (uint i = 0; i < record->length; i++) summaries[n].sum += record->data[i];
            n++;
        }
        spin_unlock_irqrestore(ref dev->@lock, flags);

        nuint left = copy_to_user(user, summaries, n * (nuint)sizeof(daq_summary));
        kfree(summaries);
        return left == 0 ? (int)n : -EFAULT;
    }

    /// <summary>Gives the log more room.</summary>
    private static int daq_grow_log(daq_device* dev, nuint bytes)
    {
        if (bytes <= dev->log_bytes || bytes > LOG_LIMIT) return -EINVAL;

        byte* bigger = (byte*)vzalloc(bytes);
        if (bigger == null) return -ENOMEM;

        spin_lock_irq(ref dev->@lock);
        memcpy(bigger, dev->log, dev->log_used);
        byte* old = dev->log;
        dev->log = bigger;
        dev->log_bytes = bytes;
        spin_unlock_irq(ref dev->@lock);
        vfree(old);
        return 0;
    }

    /// <summary>Writes a pattern through memory that the card can reach, and reads it back.</summary>
    private static int daq_self_test(daq_device* dev)
    {
        page* pages = alloc_pages(GFP_KERNEL | GFP_DMA, RING_ORDER);
        if (pages == null) return -ENOMEM;

        byte* pattern = (byte*)page_address(pages);
        for (int i = 0; i < RING_SLOTS * SLOT_BYTES; i++) pattern[i] = (byte)(i * 7);

        int errors = 0;
        for (int i = 0; i < RING_SLOTS * SLOT_BYTES; i++)
            if (pattern[i] != (byte)(i * 7)) errors++;

        __free_pages(pages, RING_ORDER);
        return errors == 0 ? dev->drift : -EIO;
    }

    /// <summary>Names the card; the name appears in dumps.</summary>
    private static int daq_rename(daq_device* dev, void* user, nuint count)
    {
        if (count == 0 || count >= NAME_BYTES) return -EINVAL;

        byte* text = (byte*)get_zeroed_page(GFP_KERNEL);
        if (text == null) return -ENOMEM;

        int err = -EFAULT;
        if (copy_from_user(text, user, count) == 0)
        {
            byte* name = kstrdup(text, GFP_KERNEL);
            err = name == null ? -ENOMEM : 0;
            if (name != null)
            {
                kfree(dev->name);
                dev->name = name;
            }
        }

        free_page(text);
        return err;
    }

    /// <summary>Copies the histogram out; a private copy first, because the user's page may have to be read in.</summary>
    private static int daq_read_histogram(daq_device* dev, void* user)
    {
        daq_histogram* histogram = (daq_histogram*)kmalloc(sizeof(daq_histogram), GFP_KERNEL);
        if (histogram == null) return -ENOMEM;

        spin_lock_irq(ref dev->@lock);
        *histogram = dev->histogram;
        spin_unlock_irq(ref dev->@lock);

        nuint left = copy_to_user(user, histogram, sizeof(daq_histogram));
        kfree(histogram);
        return left == 0 ? 0 : -EFAULT;
    }

    /// <summary>The device's state as text, for people.</summary>
    private static int daq_dump(daq_device* dev, void* user, nuint count)
    {
        byte* text = (byte*)__get_free_page(GFP_KERNEL);
        if (text == null) return -ENOMEM;

        int length = 0;
        spin_lock_irq(ref dev->@lock);
        bool fits = Utf8.TryWrite(
            new Span<byte>(text, PAGE_SIZE),
            $"daq on irq {dev->irq}: {dev->interrupts} interrupts, {dev->commands} commands, {dev->ready_count} records ready, drift {dev->drift}\n",
            out length);
        spin_unlock_irq(ref dev->@lock);

        int result = -ENOSPC;
        if (fits && (nuint)length <= count) result = copy_to_user(user, text, length) == 0 ? length : -EFAULT;
        free_page(text);
        return result;
    }
}
