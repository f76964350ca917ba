// The process that tests start for what must not happen in their own: work that needs the default system for itself, and writes that must kill.
//
//   vmalloc-end [portable]    writes behind a vmalloc area: must die          vmalloc-freed   writes to a freed one: must die
//   stress SEED OPERATIONS THREADS [sanity]                                   double-free     sanity level: every double free is caught
//
// Exit code 0: done and sound. 1: something is wrong, see the output. A fault ends the process with a signal.

using KAlloc;
using KAlloc.ChildHost;
using static KAlloc.Linux;

unsafe
{
    switch (args)
    {
        case ["vmalloc-end", .. var rest]:
        {
            KernelMemory.BootDefault(new KernelMemoryOptions { Backing = rest.Length > 0 ? BackingKind.Portable : BackingKind.Automatic, MemorySize = 64 << 20 });
            var memory = (byte*)vmalloc(3 * PAGE_SIZE);
            memory[(3 * PAGE_SIZE) - 1] = 1;
            Console.WriteLine("before");
            memory[3 * PAGE_SIZE] = 1;
            Console.WriteLine("after");
            return 0;
        }

        case ["vmalloc-freed"]:
        {
            var memory = (byte*)vmalloc(PAGE_SIZE);
            vfree(memory);
            Console.WriteLine("before");
            memory[0] = 1;
            Console.WriteLine("after");
            return 0;
        }

        case ["double-free"]:
            return SanityCheck.Run();

        case ["stress", var seed, var operations, var threads, .. var level]:
            KernelMemory.BootDefault(new KernelMemoryOptions { MemorySize = 512 << 20, DebugLevel = level.Length > 0 ? DebugLevel.Sanity : DebugLevel.None });
            return new Stress(int.Parse(seed), long.Parse(operations), int.Parse(threads)).Run();

        default:
            Console.Error.WriteLine("unknown command");
            return 2;
    }
}
