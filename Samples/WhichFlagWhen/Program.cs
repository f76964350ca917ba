// The book's table "which flag to use when", run: each situation in its real context, with the flags that the table gives and with wrong ones.
// What is wrong is reported by the runtime in the kernel's words; memory that a device cannot reach is seen by its zone.
// Ends with an error if a right flag is reported, a wrong one is not, or memory is not given back.

using KAlloc;
using static KAlloc.Linux;

namespace WhichFlagWhen;

internal static unsafe class Program
{
    private const int Bytes = 512;

    private sealed record Situation(string Name, Action<Attempt, gfp_t> Enter, gfp_t Right, gfp_t Wrong, bool NeedsDma = false)
    {
        /// <summary>The wrong flags cost something, but are not a mistake that anybody could report.</summary>
        public string? WrongIsOnlyWasteful { get; init; }
    }

    private static readonly Situation[] s_table =
    [
        new("Process context, can sleep", Contexts.Process, GFP_KERNEL, GFP_ATOMIC)
        {
            WrongIsOnlyWasteful = "works, but does not wait: it lives on the reserves that interrupt handlers need",
        },
        new("Process context, cannot sleep (spin lock held)", Contexts.SpinLockHeld, GFP_ATOMIC, GFP_KERNEL),
        new("Process context, cannot sleep: allocate earlier", Contexts.EarlierThanTheLock, GFP_KERNEL, GFP_ATOMIC)
        {
            WrongIsOnlyWasteful = "works, but gives the advantage of being early away",
        },
        new("Process context, cannot sleep: allocate later", Contexts.LaterThanTheLock, GFP_KERNEL, GFP_ATOMIC)
        {
            WrongIsOnlyWasteful = "works, but gives the advantage of being late away",
        },
        new("Interrupt handler", Contexts.InterruptHandler, GFP_ATOMIC, GFP_KERNEL),
        new("Softirq", Contexts.SoftIrq, GFP_ATOMIC, GFP_KERNEL),
        new("Tasklet", Contexts.Tasklet, GFP_ATOMIC, GFP_KERNEL),
        new("Need DMA-able memory, can sleep", Contexts.Process, GFP_DMA | GFP_KERNEL, GFP_KERNEL, NeedsDma: true),
        new("Need DMA-able memory, cannot sleep (interrupt handler)", Contexts.InterruptHandler, GFP_DMA | GFP_ATOMIC, GFP_DMA | GFP_KERNEL, NeedsDma: true),
        new("Need DMA-able memory, cannot sleep: allocate earlier", Contexts.EarlierThanTheInterrupt, GFP_DMA | GFP_KERNEL, GFP_KERNEL, NeedsDma: true),
    ];

    private static readonly List<string> s_reports = [];
    private static int s_surprises;

    private static int Main()
    {
        // The zones of the book's machine: a device reaches only the first 16 MiB.
        KernelMemory memory = KernelMemory.BootDefault(new KernelMemoryOptions { Layout = MemoryLayout.X86_32, MemorySize = 1UL << 30 });

        // A real kernel reports a mistake and goes on. The form is that of the book's kernel: two lines.
        KernelReports.Policy = BugPolicy.Log;
        KernelReports.SleepReport = SleepReportForm.Short;
        KernelReports.WriteToStandardError = false;
        KernelReports.Reported += report => s_reports.Add(report.Text);

        memory.Shrink();
        ulong free = memory.FreeBytes;
        Console.WriteLine("""
            Which flag to use when: each situation entered for real, and kmalloc(512) called in it, with the flags of the book's table and with others.
            The machine has the book's zones: DMA up to 16 MiB, Normal up to 896 MiB, HighMem above. What is indented below a line was reported.

            """);
        foreach (Situation situation in s_table)
        {
            Console.WriteLine(situation.Name);
            Try(situation, situation.Right, right: true);
            Try(situation, situation.Wrong, right: false);
            Console.WriteLine();
        }

        memory.Shrink();
        Console.WriteLine($"{s_surprises} surprises, {(long)(free - memory.FreeBytes)} bytes still in use.");
        return s_surprises == 0 && memory.FreeBytes == free ? 0 : 1;
    }

    private static void Try(Situation situation, gfp_t flags, bool right)
    {
        // A place is reported once a second, so that a mistake in a loop does not drown the log: here each one is to be seen.
        if (!right) Thread.Sleep(1100);
        string outcome = "";
        bool reachable = true;
        s_reports.Clear();
        situation.Enter(asked =>
        {
            void* memory = kmalloc(Bytes, asked);
            if (memory == null)
            {
                outcome = "failed";
                return;
            }

            ZoneType zone = page_zonenum(virt_to_page(memory));
            reachable = !situation.NeedsDma || zone == ZoneType.Dma;
            outcome = $"memory from zone {zone}{(reachable ? "" : ", where the device cannot reach it")}";
            kfree(memory);
        }, flags);

        Console.WriteLine($"  {(right ? "right" : "wrong")}  {flags.Format()}: {outcome}");
        foreach (string line in s_reports.SelectMany(report => report.Split('\n'))) Console.WriteLine($"         {line}");
        if (!right && situation.WrongIsOnlyWasteful is { } why) Console.WriteLine($"         {why}");

        bool complained = s_reports.Count != 0 || !reachable || outcome == "failed";
        bool expected = !right && situation.WrongIsOnlyWasteful is null;
        if (complained != expected) s_surprises++;
    }
}
