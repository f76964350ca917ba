// vmalloc against kmalloc and the heap of C: what it costs to allocate, what it costs to map, and what the mapping costs afterwards.

using System.CommandLine;
using KAlloc.Benchmarks.Core;

namespace KAlloc.Benchmarks.Vmalloc;

/// <summary>Allocation by size, mapping by length of runs, access by kind of mapping.</summary>
internal static class VmallocCommand
{
    internal static Command Create()
    {
        Option<string[]> only = new("--workload") { Description = "Only these workloads.", HelpName = "NAME", AllowMultipleArgumentsPerToken = true };
        Command command = new("vmalloc", "vmalloc against kmalloc and NativeMemory by size; mapping by runs; access through 4 KiB and huge mappings.") { only };
        return RunSettings.AddTo(command, (settings, parsed) => Run(settings, parsed.GetValue(only) ?? []));
    }

    private static int Run(RunSettings settings, string[] only)
    {
        if (!OperatingSystem.IsLinux())
        {
            Console.Error.WriteLine("vmalloc maps frames on Linux alone.");
            return 2;
        }

        var results = new Results("vmalloc", settings, "vmalloc", "vmap", "direct");
        foreach ((string name, int bytes, int count) in Allocation.Sizes) Measure(name, () => Allocation.Contenders(bytes, settings.Quick ? 2 : count));
        using (var mapping = new Mapping())
        {
            foreach (int run in Mapping.Runs) Measure($"map/{run}", () => mapping.Contenders(run, settings.Quick ? 1 : 20));
        }

        using (var access = new Access(settings.Quick ? 4 << 20 : 128 << 20))
        {
            Measure("a line a page", () => access.Contenders(Pattern.LineOfPage, settings.Quick ? 1000 : 2_000_000));
            Measure("as many packed", () => access.Contenders(Pattern.PackedLines, settings.Quick ? 1000 : 2_000_000));
            Measure("random", () => access.Contenders(Pattern.Random, settings.Quick ? 1000 : 2_000_000));
            Measure("sequential", () => access.Contenders(Pattern.Sequential, settings.Quick ? 1000 : 4_000_000));
            Console.WriteLine($"On huge pages: {access.HugeBytes("vmalloc_huge") >> 20} MiB of vmalloc_huge, {access.HugeBytes("direct-huge") >> 20} MiB of the huge direct map.");
        }

        results.Publish();
        return 0;

        void Measure(string name, Func<List<Contender>> contenders)
        {
            if (only.Length == 0 || only.Contains(name)) results.Add(Rounds.Measure(name, contenders(), settings));
        }
    }
}
