// The world around the driver: boots the machine of the book, plugs the card in, plays the card and the user, and shows from which zone each piece
// of memory came. Ends with an error if anything is not as it should be, or not given back.

using System.Runtime.InteropServices;
using System.Text;
using KAlloc;
using static CharDriver.Daq;
using static KAlloc.Linux;

namespace CharDriver;

internal static unsafe class Program
{
    private const int Line = 5;
    private const int UserBytes = 4096;

    private static int Main()
    {
        KernelMemory memory = KernelMemory.BootDefault(new KernelMemoryOptions { Layout = MemoryLayout.X86_32, MemorySize = 1UL << 30 });
        Console.WriteLine($"Booted {memory.TotalBytes >> 20} MiB with the zones of {memory.Layout.Name}.\n");
        memory.Shrink();
        ulong free = memory.FreeBytes;

        if (daq_probe(Line, out daq_device* card) != 0)
        {
            Console.WriteLine("probe failed");
            return 1;
        }

        var user = (byte*)NativeMemory.AllocZeroed(UserBytes);
        try
        {
            MemoryTable.Print(card);
            Use(card, user);
        }
        finally
        {
            NativeMemory.Free(user);
            daq_remove(card);
        }

        memory.Shrink();
        Show("remove", $"{(long)(free - memory.FreeBytes)} bytes still in use, {memory.Validate().Count} faults in the allocator's lists");
        return memory.FreeBytes == free && memory.Validate().Count == 0 && s_wrong == 0 ? 0 : 1;
    }

    private static void Use(daq_device* card, byte* user)
    {
        Console.WriteLine();
        "rate 48000"u8.CopyTo(new Span<byte>(user, UserBytes));
        Expect("write", daq_write(card, user, 10), 10);
        Expect("write, bad address", daq_write(card, null, 10), -EFAULT);

        for (int i = 0; i < RING_SLOTS; i++) Sample(card, i);
        flush_work(ref card->housekeeping);
        Show("interrupt", $"{card->interrupts} served, {card->dropped} dropped, {card->ready_count} records wait");
        Show("tasklet", $"{card->log_used} bytes of log");
        Show("work item", $"drift {card->drift}");

        Expect("read", daq_read(card, user, UserBytes), DATA_BYTES);
        Expect("ioctl snapshot", daq_ioctl(card, DAQ_SNAPSHOT, user, 8), 8);
        Expect("ioctl grow log", daq_ioctl(card, DAQ_GROW_LOG, null, 2 * LOG_BYTES), 0);
        Expect("ioctl self-test", daq_ioctl(card, DAQ_SELF_TEST, null, 0), card->drift);
        "scope"u8.CopyTo(new Span<byte>(user, UserBytes));
        Expect("ioctl rename", daq_ioctl(card, DAQ_RENAME, user, 5), 0);
        Expect("ioctl histogram", daq_ioctl(card, DAQ_HISTOGRAM, user, 0), 0);
        Show("", $"{*(ulong*)(user + 256 * sizeof(ulong))} samples counted");
        Expect("ioctl unknown", daq_ioctl(card, 99, null, 0), -ENOTTY);

        int length = daq_ioctl(card, DAQ_DUMP, user, UserBytes);
        Show("ioctl dump", length < 0 ? $"error {length}" : Encoding.UTF8.GetString(user, length).TrimEnd());
    }

    /// <summary>What the card does: writes a block of samples by DMA, then raises its interrupt.</summary>
    private static void Sample(daq_device* card, int block)
    {
        byte* slot = card->ring + block % RING_SLOTS * SLOT_BYTES;
        for (int i = 0; i < SLOT_BYTES; i++) slot[i] = (byte)(0x80 + 60 * Math.Sin((block * SLOT_BYTES + i) * 0.1));
        raise_irq(Line);
    }

    private static int s_wrong;

    private static void Expect(string call, nint result, nint expected)
    {
        if (result != expected) s_wrong++;
        Show(call, result == expected ? $"{result}" : $"{result}, but {expected} was expected");
    }

    private static void Show(string what, string text) => Console.WriteLine($"  {what,-20} {text}");
}
