// The file operations: what a program calls through /dev/daq. All of them run in process context and may sleep, as long as no spin lock is
// held. Pointers that come from the user are only touched by copy_from_user() and copy_to_user().

using KAlloc;
using static KAlloc.Linux;

namespace CharDriver;

internal static unsafe partial class Daq
{
    /// <summary>Hands the oldest record to the user; -EAGAIN if there is none.</summary>
    public static nint daq_read(daq_device* dev, byte* user, nuint count)
    {
        spin_lock_irqsave(ref dev->@lock, out nuint flags);
        if (list_empty(&dev->ready))
        {
            spin_unlock_irqrestore(ref dev->@lock, flags);
            return -EAGAIN;
        }

        daq_record* record = list_first_entry<daq_record>(&dev->ready, record_link);
        list_del(&record->link);
        dev->ready_count--;
        for (uint i = 0; i < record->length; i++) dev->histogram.count[record->data[i]]++;
        dev->histogram.total += record->length;
        spin_unlock_irqrestore(ref dev->@lock, flags);

        nuint bytes = Math.Min(count, record->length);
        nuint left = copy_to_user(user, record->data, bytes);
        kmem_cache_free(dev->records, record);
        return left == 0 ? (nint)bytes : -EFAULT;
    }

    /// <summary>Sends a command to the card.</summary>
    public static nint daq_write(daq_device* dev, byte* user, nuint count)
    {
        if (count == 0 || count > COMMAND_BYTES) return -EINVAL;

        byte* command = (byte*)kmalloc(count, GFP_KERNEL);
        if (command == null) return -ENOMEM;

        if (copy_from_user(command, user, count) != 0)
        {
            kfree(command);
            return -EFAULT;
        }

        spin_lock_irqsave(ref dev->@lock, out nuint flags);
        memcpy(dev->command, command, count);
        dev->commands++;
        spin_unlock_irqrestore(ref dev->@lock, flags);

        kfree(command);
        return (nint)count;
    }

    public static int daq_ioctl(daq_device* dev, uint command, void* user, nuint count)
    {
        mutex_lock(ref dev->config);
        int result = command switch
        {
            DAQ_SNAPSHOT => daq_snapshot(dev, (daq_summary*)user, count),
            DAQ_GROW_LOG => daq_grow_log(dev, count),
            DAQ_SELF_TEST => daq_self_test(dev),
            DAQ_RENAME => daq_rename(dev, user, count),
            DAQ_HISTOGRAM => daq_read_histogram(dev, user),
            DAQ_DUMP => daq_dump(dev, user, count),
            _ => -ENOTTY,
        };
        mutex_unlock(ref dev->config);
        return result;
    }
}
