// What the runtime tests share: small systems of every layout and backing, and what a BUG said.

using System.Runtime.CompilerServices;

namespace KAlloc.Runtime.Tests;

/// <summary>Tests that say what becomes of memory after it was freed on the default system: nobody else may take it meanwhile.</summary>
[CollectionDefinition("alone", DisableParallelization = true)]
public sealed class AloneCollection;

internal static class TestSupport
{
    [ModuleInitializer]
    internal static void Quiet() => KernelReports.WriteToStandardError = false;

    /// <summary>Every layout on every backing that this system has.</summary>
    public static TheoryData<string, BackingKind> Machines
    {
        get
        {
            var data = new TheoryData<string, BackingKind>();
            foreach (string layout in (string[])["X86_32", "X86_64", "Flat", "X86_32 of 8 KiB pages", "Flat of 8 KiB pages"])
            {
                data.Add(layout, BackingKind.Portable);
                if (OperatingSystem.IsLinux()) data.Add(layout, BackingKind.Memfd);
            }

            return data;
        }
    }

    public static MemoryLayout Layout(string name) => name switch
    {
        "X86_32" => MemoryLayout.X86_32,
        "X86_64" => MemoryLayout.X86_64,
        _ when name.Split(" of 8 KiB") is [var zones, _] => Layout(zones).WithPageSize(8192),
        _ => MemoryLayout.Flat,
    };

    /// <summary>A machine of its own; X86_32 ones are large enough to have high memory.</summary>
    public static KernelMemory Boot(string layout, BackingKind backing, DebugLevel level = DebugLevel.None, int megabytes = 64) =>
        KernelMemory.Boot(new KernelMemoryOptions
        {
            AtomicReserve = ReservePopulation.Never,
            Layout = Layout(layout),
            Backing = backing,
            DebugLevel = level,
            MemorySize = (ulong)(layout.StartsWith("X86_32", StringComparison.Ordinal) ? 896 + megabytes : megabytes) << 20,
        });

    /// <summary>The action must be a BUG whose report holds the text.</summary>
    public static void Bug(string text, Action action)
    {
        KernelBugException bug = Assert.Throws<KernelBugException>(action);
        Assert.Contains(text, bug.Message);
    }

    /// <summary>Reports that the action causes on this thread.</summary>
    public static List<KernelReport> Reports(Action action)
    {
        var reports = new List<KernelReport>();
        int thread = Environment.CurrentManagedThreadId;
        void Listen(KernelReport report)
        {
            if (Environment.CurrentManagedThreadId == thread) reports.Add(report);
        }

        KernelReports.Reported += Listen;
        try
        {
            action();
        }
        finally
        {
            KernelReports.Reported -= Listen;
        }

        return reports;
    }

    public static void Sound(KernelMemory memory) => Assert.Empty(memory.Validate());
}
