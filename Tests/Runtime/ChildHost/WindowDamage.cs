using System.Runtime.CompilerServices;
using static KAlloc.Linux;

namespace KAlloc.ChildHost;

/// <summary>A window is overflowed twice, for the report alone and with real damage, and the same code goes on after each: what does the thread see?</summary>
internal static unsafe class WindowDamage
{
    internal static int Run()
    {
        KernelMemory.BootDefault(new KernelMemoryOptions { MemorySize = 64 << 20 });
        KernelReports.Policy = BugPolicy.Log;
        KernelReports.SleepReport = SleepReportForm.Full;
        KernelReports.WriteToStandardError = false;
        var texts = new List<string>();
        KernelReports.Reported += report => texts.Add(report.Text);
        foreach (bool realDamage in (bool[])[false, true])
        {
            texts.Clear();
            KernelStackUse use = KernelStack.Run(() => OverflowAndGoOn(9000), realDamage: realDamage);
            int count = preempt_count();
            Console.WriteLine($"real damage {realDamage}: {use.Verdict}, {use.Overwritten}, preempt count 0x{count:x8}");
            foreach (string text in texts) Console.WriteLine(text);
        }

        return 0;
    }

    /// <summary>Its frame covers what lies below the window, so what is written there is known.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void OverflowAndGoOn(int bytes)
    {
        byte* frame = stackalloc byte[bytes];
        new Span<byte>(frame, bytes).Fill(1);
        KernelStack.Probe();
        might_sleep();
    }
}
