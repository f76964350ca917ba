// The system that programs run on: booted once, with every check on.

using System.Runtime.CompilerServices;

namespace KAlloc.Differential.Tests.Oracle;

internal static class Machine
{
    /// <summary>What the runtime says is in use.</summary>
    /// <param name="FreeBytes">Bytes in the buddy lists.</param>
    /// <param name="Objects">Objects out of all caches.</param>
    /// <param name="Areas">Lines of vmallocinfo.</param>
    internal sealed record Accounts(ulong FreeBytes, long Objects, int Areas);

    [ModuleInitializer]
    internal static void Boot()
    {
        KernelReports.WriteToStandardError = false;
        KernelReports.Policy = BugPolicy.Log;
        KernelMemory.BootDefault(new KernelMemoryOptions { MemorySize = 256 << 20, DebugLevel = DebugLevel.Sanity });
    }

    /// <summary>Takes stock, and fails if anything is damaged.</summary>
    internal static Accounts Audit()
    {
        KernelMemory memory = KernelMemory.Default;
        memory.Shrink();
        IReadOnlyList<string> damage = memory.Validate();
        if (damage.Count > 0) throw new InvalidOperationException("The runtime is damaged: " + string.Join("; ", damage));
        long objects = memory.Proc.SlabInfo().Split('\n').Skip(2).Where(line => line.Length > 0)
            .Sum(line => long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]));
        return new Accounts(memory.FreeBytes, objects, memory.Proc.VmallocInfo().Count(letter => letter == '\n'));
    }
}
