// Kernel stacks, step by step: what lies in the two pages, what an entry into the kernel saves, where an interrupt goes, what an overflow destroys;
// then CLR code on the same budget. Ends with an error if a step is not as the book has it.

using KAlloc;

namespace KernelStacks;

internal static class Program
{
    internal static int Wrong { get; private set; }

    private static int Main()
    {
        KernelReports.WriteToStandardError = false;
        KernelMemory memory = KernelMemory.BootDefault(new KernelMemoryOptions { MemorySize = 64UL << 20 });
        Layout.Show(memory);
        Entries.Show(memory);
        Overflow.Show(memory);
        Windows.Show();
        Console.WriteLine(Wrong == 0 ? "All as the book has it." : $"{Wrong} steps went wrong.");
        return Wrong == 0 ? 0 : 1;
    }

    /// <summary>Prints a step, and remembers if it was not as it should be.</summary>
    internal static void Step(string text, bool holds)
    {
        Console.WriteLine($"  {text}{(holds ? "" : "   <-- WRONG")}");
        if (!holds) Wrong++;
    }
}
