// A driver for a data-acquisition card, written as one writes them in C. The card samples a signal, puts each block of samples into the
// next slot of a DMA ring and raises its interrupt.
//
//      card ──DMA──> ring ──interrupt──> ready list ──read()──> user
//                                │
//                                └─tasklet──> log ──work item──> housekeeping
//
// THIS COPY IS WRONG ON PURPOSE. Each line that a rule reports ends in a comment that names the rule; ../Repaired is the same driver, put
// right. `dotnet run --project Tool -- check Samples/CharDriver/Faulty` shows what a reader would have to find by eye.

using KAlloc;
using static KAlloc.Linux;

namespace CharDriver;

/// <summary>One block of samples on its way from the card to a reader.</summary>
internal unsafe struct daq_record
{
    public list_head link;
    public uint sequence;
    public uint length;
    public fixed byte data[Daq.DATA_BYTES];
}

/// <summary>What a snapshot tells of a waiting record.</summary>
internal struct daq_summary
{
    public uint sequence;
    public uint length;
    public ulong sum;
}

/// <summary>How often each sample value was seen.</summary>
internal unsafe struct daq_histogram
{
    public fixed ulong count[256];
    public ulong total;
}

/// <summary>The card: one for each probe().</summary>
internal unsafe struct daq_device
{
    public spinlock_t @lock;                // ready list, log, counters: shared with the interrupt handler
    public mutex_t config;                  // one ioctl at a time
    public list_head ready;                 // records that nobody has read yet
    public uint ready_count;
    public kmem_cache* records;

    public byte* ring;                      // RING_SLOTS blocks, written by the card
    public void* command;                   // read by the card
    public nuint command_bus;               // its address on the bus
    public uint commands;

    public byte* log;
    public nuint log_bytes;
    public nuint log_used;
    public byte* name;                      // set by the user, may be null

    public tasklet_struct bottom_half;
    public work_struct housekeeping;
    public daq_histogram histogram;
    public int irq;
    public int drift;
    public uint interrupts;
    public uint dropped;
}

/// <summary>The card's sizes and the commands of its ioctl.</summary>
internal static unsafe partial class Daq
{
    public const int DATA_BYTES = 232;                  // with its header a record fills 256 bytes
    public const int SLOT_BYTES = 256;
    public const int RING_SLOTS = 64;
    public const int RING_ORDER = 2;                    // 64 slots of 256 bytes: four pages
    public const int COMMAND_BYTES = 512;
    public const int LOG_BYTES = 256 * 1024;
    public const int LOG_LIMIT = 4 * 1024 * 1024;
    public const int LOG_LINE = 80;
    public const int NAME_BYTES = 64;
    public const int REST_LEVEL = 0x80;                 // what the card reads when nothing is connected
    public const int MAX_DRIFT = 16;

    public const uint DAQ_SNAPSHOT = 1;
    public const uint DAQ_GROW_LOG = 2;
    public const uint DAQ_SELF_TEST = 3;
    public const uint DAQ_RENAME = 4;
    public const uint DAQ_HISTOGRAM = 5;
    public const uint DAQ_DUMP = 6;

    private static readonly nuint record_link = offset_of<daq_record>(nameof(daq_record.link));
}
