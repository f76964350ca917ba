// Why the kernel loads modules with vmalloc: on a machine whose free memory is in single pages, kmalloc has nothing of a megabyte, vmalloc has.
// Loads such a module, shows where it lies, lets it run, unloads it, then tries files that are wrong. Ends with an error if anything is not given back.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using KAlloc;
using Modules;
using static KAlloc.Linux;

internal static unsafe class Program
{
    private const int Elements = 150_000;
    private static int s_wrong;

    private static int Main()
    {
        KernelReports.WriteToStandardError = false;
        KernelMemory memory = KernelMemory.BootDefault(new KernelMemoryOptions { MemorySize = 64 << 20 });
        if (!OperatingSystem.IsLinux())
        {
            Console.WriteLine("Scattered frames are mapped on Linux alone.");
            return 0;
        }

        memory.Shrink();
        ulong free = memory.FreeBytes;
        List<nint> taken = FillEverySecondPage();
        Console.WriteLine($"{memory.FreeBytes >> 20} MiB are free, in single pages:\n{memory.Proc.BuddyInfo()}");

        Squares();
        Console.WriteLine("Files that the loader refuses, and the error of each:");
        Refused("no module", [1, 2, 3], -ENOEXEC);
        byte[] cut = SquaresFile();
        Refused("a file cut short", cut[..^1], -ENOEXEC);
        Refused("a function that the kernel does not have", new ModuleFile("unknown").AddKernelAddress(opcode.Call, "format_disk").Add(opcode.Return).ToArray(), -ENOENT);
        Refused("a store outside of the module", new ModuleFile("wild") { BssSize = 8 }.Add(opcode.Push, 1).Add(opcode.Push, 5000).AddBssAddress(opcode.StoreElement, 0).ToArray(), -EFAULT);
        Refused("an init function that fails", new ModuleFile("failing").Add(opcode.Push, -EBUSY).Add(opcode.Return).ToArray(), -EBUSY);
        Refused("more memory than there is", new ModuleFile("huge") { BssSize = 200 << 20 }.Add(opcode.Return).ToArray(), -ENOMEM);

        foreach (nint page in taken) __free_page((Page*)page);
        memory.Shrink();
        int faults = memory.Validate().Count;
        Console.WriteLine($"\n{(long)(free - memory.FreeBytes)} bytes still in use, {faults} faults in the allocator's tables");
        return s_wrong == 0 && faults == 0 && memory.FreeBytes == free ? 0 : 1;
    }

    private static void Squares()
    {
        void* row = kmalloc(1 << 20, GFP_KERNEL | __GFP_NOWARN);
        Console.WriteLine($"kmalloc of 1 MiB: {(row == null ? "null" : "has it")}");
        kfree(row);

        byte[] file = SquaresFile();
        fixed (byte* bytes = file)
        {
            Console.WriteLine($"loading a module whose init function sums the squares of 1 to {Elements} in a table of its own, and whose exit function says 0:");
            int err = ModuleLoader.load_module(bytes, (nuint)file.Length, out module* mod);
            Check("load", err, 0, "0");
            if (err != 0) return;
            int runs = 1;
            for (uint at = PAGE_SIZE; at < mod->core_size; at += PAGE_SIZE)
            {
                if (vmalloc_to_pfn(mod->core + at) != vmalloc_to_pfn(mod->core + at - PAGE_SIZE) + 1) runs++;
            }

            Console.WriteLine($"'{ModuleLoader.NameOf(mod)}': {mod->core_size} bytes at 0x{(nuint)mod->core:x}, in {runs} pieces of physical memory");
            for (uint at = 0; at < 3 * PAGE_SIZE; at += PAGE_SIZE) Console.WriteLine($"  {KernelMemory.Default.PageTable.Translate(mod->core + at)}");
            if (runs < 100) s_wrong++;
            ModuleLoader.delete_module(mod);
        }

        long sum = 0;
        for (long i = 1; i <= Elements; i++) sum += i * i;
        if (!KernelSymbols.Printed.SequenceEqual([sum, 0])) s_wrong++;
        Console.WriteLine("unloaded\n");
    }

    /// <summary>A module with a table of 1.2 MB in its bss: fills it with squares and prints their sum; says 0 when it goes.</summary>
    private static byte[] SquaresFile()
    {
        const uint Index = 0, Sum = 8, Table = 16;
        var file = new ModuleFile("squares") { BssSize = Table + (Elements * sizeof(long)) };
        file.Add(opcode.Push, Elements).AddBssAddress(opcode.Store, Index);
        uint fill = file.Here;
        file.AddBssAddress(opcode.Load, Index).AddBssAddress(opcode.Load, Index).Add(opcode.Multiply);
        Decrement(file, Index).AddBssAddress(opcode.Load, Index).AddBssAddress(opcode.StoreElement, Table);
        file.AddBssAddress(opcode.Load, Index).AddCodeAddress(opcode.JumpIfNotZero, fill);
        file.Add(opcode.Push, Elements).AddBssAddress(opcode.Store, Index);
        uint add = file.Here;
        Decrement(file, Index).AddBssAddress(opcode.Load, Index).AddBssAddress(opcode.LoadElement, Table);
        file.AddBssAddress(opcode.Load, Sum).Add(opcode.Add).AddBssAddress(opcode.Store, Sum);
        file.AddBssAddress(opcode.Load, Index).AddCodeAddress(opcode.JumpIfNotZero, add);
        file.AddBssAddress(opcode.Load, Sum).AddKernelAddress(opcode.Call, "print_number").Add(opcode.Return);
        file.Exit = file.Here;
        return file.Add(opcode.Push, 0).AddKernelAddress(opcode.Call, "print_number").Add(opcode.Return).ToArray();
    }

    private static ModuleFile Decrement(ModuleFile file, uint variable) =>
        file.AddBssAddress(opcode.Load, variable).Add(opcode.Push, 1).Add(opcode.Subtract).AddBssAddress(opcode.Store, variable);

    private static List<nint> FillEverySecondPage()
    {
        var pages = new List<nint>();

        // The reserve as well: there the kernel keeps large blocks.
        for (Page* page; (page = alloc_page(GFP_KERNEL | __GFP_MEMALLOC | __GFP_NOWARN)) != null;) pages.Add((nint)page);
        pages.Sort();
        for (int i = pages.Count - 1; i > 0; i -= 2)
        {
            __free_page((Page*)pages[i]);
            pages.RemoveAt(i);
        }

        return pages;
    }

    private static void Refused(string what, byte[] file, int expected, [CallerArgumentExpression(nameof(expected))] string name = "")
    {
        fixed (byte* bytes = file)
        {
            int err = ModuleLoader.load_module(bytes, (nuint)file.Length, out module* mod);
            Check("  " + what, err, expected, name);
            if (err == 0) ModuleLoader.delete_module(mod);
        }
    }

    private static void Check(string what, int result, int expected, string name)
    {
        Console.WriteLine($"{what}: {(result == expected ? name : $"{result}, but {name} was expected")}");
        if (result != expected) s_wrong++;
    }
}
