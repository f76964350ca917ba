// The process that tests start for what must not happen in their own: work that needs the default system for itself, and writes that must kill.
//
//   stack-guard    overflows a kernel stack with a guard page: must die
//   window-damage  overflows a window of KernelStack, without and with real damage, and says what the thread sees
//   vmalloc-end [portable]    writes behind a vmalloc area: must die          vmalloc-freed [sanity]   writes to a freed one: must die
//   slab-stress SEED OPERATIONS THREADS [LEVEL]    kmalloc and caches against a model of what is live
//   stress SEED OPERATIONS THREADS [sanity]                                   double-free     sanity level: every double free is caught
//   percpu-handle             uses what alloc_percpu returns as a pointer: must die      percpu-preemptible   sanity level: smp_processor_id is checked
//   vmalloc-exhaust           takes areas until the process may have no more mappings       vmalloc-refused    the same, but others took the mappings
//   boot-dispose SEED SYSTEMS LANES    systems come and go under threads that do
//   vmalloc-stress SEED OPERATIONS THREADS    vmalloc and vfree of random sizes, counted in the process's own maps
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

        case ["vmalloc-freed", .. var rest]:
        {
            // At sanity level a freed area faults at once, else after the next purge.
            KernelMemory.BootDefault(new KernelMemoryOptions { MemorySize = 64 << 20, DebugLevel = rest.Length > 0 ? DebugLevel.Sanity : DebugLevel.None });
            var memory = (byte*)vmalloc(PAGE_SIZE);
            vfree(memory);
            if (rest.Length == 0) KernelMemory.Default.Shrink();
            Console.WriteLine("before");
            memory[0] = 1;
            Console.WriteLine("after");
            return 0;
        }

        case ["window-damage"]:
            return WindowDamage.Run();

        case ["percpu-handle"]:
        {
            KernelMemory.BootDefault(new KernelMemoryOptions { MemorySize = 64 << 20 });
            long* counter = alloc_percpu<long>();
            Console.WriteLine("before");
            *counter = 1;
            Console.WriteLine("after");
            return 0;
        }

        case ["percpu-preemptible"]:
        {
            KernelMemory.BootDefault(new KernelMemoryOptions { MemorySize = 64 << 20, DebugLevel = DebugLevel.Sanity });
            KernelReports.Policy = BugPolicy.Log;
            KernelReports.WriteToStandardError = false;
            var reports = new List<string>();
            KernelReports.Reported += report => reports.Add(report.Text);
            int cpu = smp_processor_id();
            bool reported = reports is [var text] && text.StartsWith("BUG: using smp_processor_id() in preemptible [00000000] code: ", StringComparison.Ordinal);
            bool same = cpu == get_cpu() && smp_processor_id() == cpu && raw_smp_processor_id() == cpu;
            put_cpu();
            local_irq_disable();
            same &= smp_processor_id() == cpu;
            local_irq_enable();
            Console.WriteLine(string.Join('\n', reports));
            return reported && same && reports.Count == 1 ? 0 : 1;
        }

        case ["vmalloc-exhaust"]:
            KernelMemory.BootDefault(new KernelMemoryOptions { MemorySize = 512 << 20 });
            return MappingExhaustion.Run();

        case ["vmalloc-refused"]:
            return MappingExhaustion.Refused();

        case ["vmalloc-stress", var seed, var operations, var threads]:
            KernelMemory.BootDefault(new KernelMemoryOptions { MemorySize = 512 << 20 });
            return new VmallocStress(int.Parse(seed), long.Parse(operations), int.Parse(threads)).Run();

        case ["boot-dispose", var seed, var systems, var lanes]:
            return new BootDispose(int.Parse(seed), int.Parse(systems), int.Parse(lanes)).Run();

        case ["stack-guard"]:
        {
            KernelMemory.BootDefault(new KernelMemoryOptions { MemorySize = 64 << 20 });
            KernelTask task = KernelMemory.Default.CreateTask(new KernelTaskOptions { GuardPage = true });
            StackEntry entry = task.Syscall();
            var frame = (byte*)task.Alloca(8192);
            byte* low = (byte*)task.Info;
            for (byte* at = frame + 8191; at >= low; at--) *at = 0x5a;
            Console.WriteLine($"magic gone: {task_stack_end_corrupted(task.Task)}");
            low[-1] = 0x5a;
            Console.WriteLine("after");
            entry.Dispose();
            return 0;
        }

        case ["double-free"]:
            return SanityCheck.Run();

        case ["stress", var seed, var operations, var threads, .. var level]:
            KernelMemory.BootDefault(new KernelMemoryOptions { MemorySize = 512 << 20, DebugLevel = level.Length > 0 ? DebugLevel.Sanity : DebugLevel.None });
            return new Stress(int.Parse(seed), long.Parse(operations), int.Parse(threads)).Run();

        case ["slab-stress", var seed, var operations, var threads, .. var level]:
            KernelMemory.BootDefault(new KernelMemoryOptions { MemorySize = 512 << 20, DebugLevel = level.Length > 0 ? Enum.Parse<DebugLevel>(level[0]) : DebugLevel.None });
            return new SlabStress(int.Parse(seed), long.Parse(operations), int.Parse(threads)).Run();

        default:
            Console.Error.WriteLine("unknown command");
            return 2;
    }
}
