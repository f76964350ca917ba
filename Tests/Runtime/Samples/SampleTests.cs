using System.Text.RegularExpressions;

namespace KAlloc.Runtime.Tests;

/// <summary>The samples that run, and what they print; numbers that depend on the thread or the source are N.</summary>
public sealed partial class SampleTests
{
    [Fact]
    public void WhichFlagWhen_PrintsTheTable_WithAReportForEachWrongFlag() =>
        AssertPrints("WhichFlagWhen", """
            Which flag to use when: each situation entered for real, and kmalloc(512) called in it, with the flags of the book's table and with others.
            The machine has the book's zones: DMA up to 16 MiB, Normal up to 896 MiB, HighMem above. What is indented below a line was reported.

            Process context, can sleep
              right  GFP_KERNEL: memory from zone Normal
              wrong  GFP_ATOMIC: memory from zone Normal
                     works, but does not wait: it lives on the reserves that interrupt handlers need

            Process context, cannot sleep (spin lock held)
              right  GFP_ATOMIC: memory from zone Normal
              wrong  GFP_KERNEL: memory from zone Normal
                     BUG: sleeping function called from invalid context at N
                     in_atomic(): 1, irqs_disabled(): 0, pid: N, name: WhichFlagWhen

            Process context, cannot sleep: allocate earlier
              right  GFP_KERNEL: memory from zone Normal
              wrong  GFP_ATOMIC: memory from zone Normal
                     works, but gives the advantage of being early away

            Process context, cannot sleep: allocate later
              right  GFP_KERNEL: memory from zone Normal
              wrong  GFP_ATOMIC: memory from zone Normal
                     works, but gives the advantage of being late away

            Interrupt handler
              right  GFP_ATOMIC: memory from zone Normal
              wrong  GFP_KERNEL: memory from zone Normal
                     BUG: sleeping function called from invalid context at N
                     in_atomic(): 1, irqs_disabled(): 1, pid: N, name: WhichFlagWhen

            Softirq
              right  GFP_ATOMIC: memory from zone Normal
              wrong  GFP_KERNEL: memory from zone Normal
                     BUG: sleeping function called from invalid context at N
                     in_atomic(): 1, irqs_disabled(): 0, pid: N, name: WhichFlagWhen

            Tasklet
              right  GFP_ATOMIC: memory from zone Normal
              wrong  GFP_KERNEL: memory from zone Normal
                     BUG: sleeping function called from invalid context at N
                     in_atomic(): 1, irqs_disabled(): 0, pid: N, name: WhichFlagWhen

            Need DMA-able memory, can sleep
              right  GFP_KERNEL|GFP_DMA: memory from zone Dma
              wrong  GFP_KERNEL: memory from zone Normal, where the device cannot reach it

            Need DMA-able memory, cannot sleep (interrupt handler)
              right  GFP_ATOMIC|GFP_DMA: memory from zone Dma
              wrong  GFP_KERNEL|GFP_DMA: memory from zone Dma
                     BUG: sleeping function called from invalid context at N
                     in_atomic(): 1, irqs_disabled(): 1, pid: N, name: WhichFlagWhen

            Need DMA-able memory, cannot sleep: allocate earlier
              right  GFP_KERNEL|GFP_DMA: memory from zone Dma
              wrong  GFP_KERNEL: memory from zone Normal, where the device cannot reach it

            0 surprises, 0 bytes still in use.
            """);

    [Fact]
    public void KernelStacks_PrintsEachStep()
    {
        if (!OperatingSystem.IsLinux()) return;
        AssertPrints("KernelStacks", """
            1. The kernel stack of a task: union thread_union
              sizeof(thread_union) = 8192 = THREAD_SIZE: two pages
              low end     thread_info, its task points back to the task
              low end+32  STACK_END_MAGIC 0x57AC6E9D
              high end    top: SP starts here and grows down; 8152 bytes to the magic
              current_thread_info() is SP with its low 13 bits cleared: the block is aligned to its size

            2. A system call, and an interrupt inside it, on the task's own stack
              user mode     SP in the user's stack
              syscall       SP := top, a constant, as the kernel stack is empty; pushed: user SP, flags, mode -> kernel stack top - 32
              sys_read      a frame of 16 bytes -> kernel stack top - 48
              interrupt 14  pushed: the kernel's SP -> kernel stack top - 80
              handler       a frame of 16 bytes -> kernel stack top - 96
              iret          SP from the stack -> kernel stack top - 48
              return        SP from the stack: the user's
                            the kernel stack held at most 96 bytes

            3. The same with an interrupt stack for each CPU
              user mode     SP in the user's stack
              syscall       SP := top, a constant, as the kernel stack is empty; pushed: user SP, flags, mode -> kernel stack top - 32
              sys_read      a frame of 16 bytes -> kernel stack top - 48
              interrupt 14  pushed: the kernel's SP -> interrupt stack top - 0
              handler       a frame of 16 bytes -> interrupt stack top - 16
              iret          SP from the stack -> kernel stack top - 48
              return        SP from the stack: the user's
                            the kernel stack held at most 80 bytes

            4. Overflow without a guard page
              7 frames of 1024 bytes, all written: the magic stands, 952 bytes are left
              one of 976 more: nobody notices that SP is below the end
              it is written: the magic is 0x5a5a5a5a5a5a5a5a, thread_info->preempt_count 5a5a5a5a
              the scheduler looks at the end of the stack:
                | BUG: corrupted stack end detected: deep/N, kernel stack of 8192 bytes
                | Thread overran stack, or stack corrupted
                |  frames reached 24 bytes below the end of the stack
                |  overwritten: STACK_END_MAGIC (0x5a5a5a5a5a5a5a5a), thread_info.addr_limit, thread_info.preempt_count, thread_info.cpu
              each overflow is reported once: magic and thread_info are repaired
              with a guard page (GuardPage = true) the next page down would have ended the process: vmalloc'ed stacks

            5. CLR code on a budget of 8192 bytes: KernelStack.Run
              a walk 5 deep: Within; peak at a check below 4096 bytes: True
              a walk 60 deep: Overflow, seen by a check in Walk: certain
              the process goes on, as the stack below the window is real
              9000 bytes in one frame, without a check: Clobbered. The paint shows it, but it might have been the runtime
                overwritten: STACK_END_MAGIC first; no check was below: peak 0

            All as the book has it.
            """);
    }

    /// <summary>How many objects a slab holds depends on the number of processors; the program itself checks the rest.</summary>
    [Fact]
    public void ObjectCaches_ShowsTaskAndInodeCachesBesideKmalloc()
    {
        (int exitCode, string output) = Child.RunProgram("ObjectCaches");
        Assert.True(exitCode == 0, output);
        Assert.Matches(@"\n  task_struct +30 +\d+ +\d+ +\d+ +\d+ : tunables", output);
        Assert.Matches(@"\n  inode_cache +100 +\d+ +\d+ +\d+ +\d+ : tunables", output);
        Assert.Matches(@"\n  kmalloc-32 +30 +\d+ +32 +", output);
        Assert.Equal(1, output.Split("task_struct  ").Length - 1);
        Assert.Contains("All as the book has it.", output);
    }

    private static void AssertPrints(string program, string expected)
    {
        (int exitCode, string output) = Child.RunProgram(program);
        Assert.Equal(expected, Number().Replace(output.ReplaceLineEndings("\n").TrimEnd(), "N"));
        Assert.Equal(0, exitCode);
    }

    [GeneratedRegex(@"(?<= at )\S+\.cs:\d+|(?<=pid: |deep/)\d+")]
    private static partial Regex Number();
}
