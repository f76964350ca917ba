using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static KAlloc.Linux;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>Stacks of real pages: entries, frames, and what an overflow really destroys.</summary>
public unsafe class KernelTaskTests
{
    [InlineArray(1024)]
    private struct Kilobyte
    {
        private byte _first;
    }

    private struct Locals
    {
        public long A;
    }

    private static KernelMemory Boot() => TestSupport.Boot("X86_64", BackingKind.Automatic);

    private static void OnCpu(Action<KernelMemory> body) => Cpu.Run(() =>
    {
        using KernelMemory memory = Boot();
        ulong free = memory.FreeBytes;
        body(memory);
        Assert.Equal(free, memory.FreeBytes);
        Sound(memory);
    });

    [Fact]
    public void ThreadUnion_HasTheSizeOfAStack_AndThreadInfoAtItsLowEnd()
    {
        Assert.Equal(THREAD_SIZE, sizeof(thread_union));
        thread_union u = default;
        Assert.Equal((nint)(&u), (nint)(&u.thread_info));
        Assert.Equal((nint)(&u), (nint)u.stack);
        Assert.Equal(8192, THREAD_SIZE);
        Assert.Equal((nuint)0x57AC6E9D, STACK_END_MAGIC);
    }

    [Theory]
    [InlineData(4096, false)]
    [InlineData(8192, false)]
    [InlineData(16384, false)]
    [InlineData(8192, true)]
    [InlineData(16384, true)]
    public void Stack_IsAligned_AndItsLowEndIsFilledIn(int bytes, bool guard)
    {
        if (guard && !OperatingSystem.IsLinux()) return;
        Cpu.Run(() =>
        {
            using KernelMemory memory = Boot();
            using KernelTask task = memory.CreateTask(new() { StackBytes = bytes, GuardPage = guard, Name = "t" });
            Assert.Equal((nuint)0, (nuint)task.Info % (nuint)bytes);
            Assert.Equal((nuint)task.Info + (nuint)bytes, task.Top);
            Assert.Equal((nint)task.Task, (nint)task.Info->task);
            Assert.Equal((nint)task.Info, (nint)task.Task->stack);
            Assert.Equal(STACK_END_MAGIC, *end_of_stack(task.Task));
            Assert.Equal((nuint)(task.Info + 1), (nuint)end_of_stack(task.Task));
            Assert.Equal(0, task_stack_end_corrupted(task.Task));
            Assert.Equal((nuint)(bytes - sizeof(thread_info) - sizeof(nuint)), stack_not_used(task.Task));
            Assert.True(task.Check());
        });
    }

    [Fact]
    public void Syscall_SavesTheUserSp_StartsAtTheTop_AndReturnsIt() => OnCpu(memory =>
    {
        using KernelTask task = memory.CreateTask();
        using StackFrame<Locals> main = task.Frame<Locals>();
        nuint user = task.Sp;
        Assert.Equal((nuint)main.Pointer, user);
        for (int i = 0; i < 3; i++)
        {
            Assert.True(task.InUserMode);
            using (StackEntry entry = task.Syscall())
            {
                Assert.Equal(task.Top - (nuint)sizeof(SavedRegisters), task.Sp);
                Assert.Equal(task.Sp, (nuint)entry.Registers);
                Assert.Equal((user, (nuint)0x200, (nuint)3), (entry.Registers->sp, entry.Registers->flags, entry.Registers->cs));
                Assert.Same(task, KernelTask.Current);
                Assert.Equal((nint)task.Info, (nint)current_thread_info());
                using (StackFrame<Locals> frame = task.Frame<Locals>())
                {
                    frame.Value.A = 7;
                    Assert.Equal(1, object_is_on_stack(frame.Pointer));
                    Assert.Equal(0, object_is_on_stack(main.Pointer));
                    Assert.Equal((nint)task.Info, (nint)((nuint)frame.Pointer & ~(nuint)(THREAD_SIZE - 1)));
                }
            }

            Assert.Equal(user, task.Sp);
            Assert.Null(KernelTask.Current);
        }

        Assert.InRange((int)stack_not_used(task.Task), 8192 - 128, 8192);
    });

    [Fact]
    public void NestedInterrupt_StaysOnTheKernelStack() => OnCpu(memory =>
    {
        using KernelTask task = memory.CreateTask();
        using StackEntry syscall = task.Syscall();
        nuint inKernel = task.Sp;
        using (StackEntry interrupt = task.Interrupt(5))
        {
            Assert.Equal(inKernel - (nuint)sizeof(SavedRegisters), task.Sp);
            Assert.Equal((inKernel, (nuint)0, (nuint)5), (interrupt.Registers->sp, interrupt.Registers->cs, interrupt.Registers->vector));
            Assert.True(in_irq() && irqs_disabled() && !task.OnInterruptStack);
            Assert.Equal(0x10000, task.Info->preempt_count);
            Bug("BUG: sleeping function called from invalid context", () => might_sleep());
        }

        Assert.Equal(inKernel, task.Sp);
        Assert.False(in_irq() || irqs_disabled());
        Assert.Equal(0, task.Info->preempt_count);
    });

    [Fact]
    public void NestedInterrupt_TakesTheInterruptStack_OnlyFromTheKernel_AndOnce() => Cpu.Run(() =>
    {
        using KernelMemory memory = Boot();
        using KernelTask task = memory.CreateTask(new() { InterruptStack = true });
        using (task.Interrupt(1)) Assert.False(task.OnInterruptStack);
        using StackEntry syscall = task.Syscall();
        nuint inKernel = task.Sp;
        using (StackEntry first = task.Interrupt(2))
        {
            Assert.True(task.OnInterruptStack);
            Assert.Equal(inKernel - (nuint)sizeof(SavedRegisters), (nuint)first.Registers);
            nuint top = task.Sp;
            Assert.Equal((nuint)0, top % 16384);
            using (StackFrame<Kilobyte> deep = task.Frame<Kilobyte>())
            using (task.Interrupt(3))
            {
                Assert.Equal(top - 1024 - (nuint)sizeof(SavedRegisters), task.Sp);
            }

            Assert.Equal(top, task.Sp);
        }

        Assert.Equal(inKernel, task.Sp);
        Assert.Equal(2 * sizeof(SavedRegisters), task.DeepestUse);
    });

    [Fact]
    public void Interrupt_FromUserMode_StartsAtTheTop_AndWaitingInterruptsComeAtTheReturn() => OnCpu(memory =>
    {
        using KernelTask task = memory.CreateTask();
        int line = Cpu.NewLine();
        int count = 0;
        Assert.Equal(0, request_irq(line, (_, _) => { count++; return IRQ_HANDLED; }, 0, "t", null));
        using (StackEntry entry = task.Interrupt(9))
        {
            Assert.Equal(task.Top - (nuint)sizeof(SavedRegisters), task.Sp);
            Assert.Equal((nuint)3, entry.Registers->cs);
            raise_irq(line);
            Assert.Equal(0, count);
        }

        Assert.Equal(1, count);
        free_irq(line, null);
    });

    [Fact]
    public void Frames_ArePoppedInReverseOrder_AndAllocaGoesWithItsFrame() => OnCpu(memory =>
    {
        using KernelTask task = memory.CreateTask();
        nuint start = task.Sp;
        StackFrame<Locals> first = task.Frame<Locals>();
        void* extra = task.Alloca(100);
        Assert.Equal((nuint)first.Pointer - 112, (nuint)extra);
        StackFrame<Locals> second = task.Frame<Locals>();
        bool caught = false;
        try
        {
            first.Dispose();
        }
        catch (KernelBugException bug)
        {
            caught = bug.Message.Contains("the last pushed goes first");
        }

        Assert.True(caught);
        second.Dispose();
        Assert.Equal((nuint)extra, task.Sp);
        first.Dispose();
        Assert.Equal(start, task.Sp);
        Assert.Throws<ArgumentOutOfRangeException>(() => task.Alloca(-1));
    });

    [Fact]
    public void Return_WithFramesLeftOrRegistersOverwritten_IsReported_AndStillReturns() => OnCpu(memory =>
    {
        using KernelTask task = memory.CreateTask();
        Bug("returns with 1 frames left", () =>
        {
            StackEntry entry = task.Syscall();
            task.Frame<Locals>();
            entry.Dispose();
        });
        Assert.True(task.InUserMode);
        Bug("the saved registers are overwritten", () =>
        {
            StackEntry entry = task.Syscall();
            entry.Registers->sp = 0x41414141;
            entry.Dispose();
        });
        Bug("which is in the kernel", () =>
        {
            using StackEntry entry = task.Syscall();
            task.Syscall();
        });
        Assert.True(task.InUserMode);
        Assert.Equal(task.UserSp, task.Sp);
    });

    /// <summary>Seven frames of 1 KiB fit; the eighth, filled from its high end, reaches the magic first and then the fields of thread_info.</summary>
    [Fact]
    public void Overflow_OverwritesTheMagic_ThenThreadInfo_AndTheReportNamesThem() => OnCpu(memory =>
    {
        using KernelTask task = memory.CreateTask(new() { Name = "deep" });
        StackEntry entry = task.Syscall();
        for (int i = 0; i < 7; i++) Fill(task.Frame<Kilobyte>());
        Assert.True(task.Check());

        // 976 bytes more end 16 bytes above the low end: in the middle of thread_info.
        var bytes = (byte*)task.Alloca(976);
        byte* magic = (byte*)end_of_stack(task.Task);
        for (byte* at = bytes + 975; at >= magic; at--) *at = 0x5a;
        Assert.Equal(0x5a5a5a5a5a5a5a5a, (long)*(nuint*)magic);
        Assert.Equal((nint)task.Task, (nint)task.Info->task);
        *(int*)((byte*)&task.Info->preempt_count) = 0x5a5a5a5a;
        Assert.Equal(1, task_stack_end_corrupted(task.Task));
        KernelBugException bug = Assert.Throws<KernelBugException>(() => task.Check());
        Assert.Contains("corrupted stack end detected: deep/", bug.Message);
        Assert.Contains("Thread overran stack, or stack corrupted", bug.Message);
        Assert.Contains("overwritten: STACK_END_MAGIC (0x5a5a5a5a5a5a5a5a), thread_info.preempt_count", bug.Message);
        Assert.Contains($"frames reached {(nuint)magic + 8 - task.Sp} bytes below the end of the stack", bug.Message);

        // Repaired: reported once. The entry has frames left, which is the next thing it says.
        Assert.Equal(0, task_stack_end_corrupted(task.Task));
        bool left = false;
        try
        {
            entry.Dispose();
        }
        catch (KernelBugException e)
        {
            left = e.Message.Contains("frames left");
        }

        Assert.True(left);
        Assert.True(task.Check());
    });

    [Fact]
    public void FrameWithHoles_JumpsOverTheMagic_AndIsFoundByItsDepth() => OnCpu(memory =>
    {
        using KernelTask task = memory.CreateTask(new() { StackBytes = 4096 });
        Bug("overwritten: nothing, the frames have holes there", () =>
        {
            using StackEntry entry = task.Syscall();
            task.Alloca(4096 - sizeof(SavedRegisters) - 16);
        });
    });

    [Fact]
    public void FrameBelowThePages_IsRefused_AndTheNeighbourIsUntouched() => OnCpu(memory =>
    {
        using KernelTask task = memory.CreateTask(new() { StackBytes = 4096 });
        nuint before = task.Sp;
        Bug("into memory of somebody else", () =>
        {
            using StackEntry entry = task.Syscall();
            task.Alloca(4096);
        });
        Assert.Equal(before, task.Sp);
        Assert.True(task.Check());
    });

    [Fact]
    public void MightSleep_OnAnOverrunStack_SaysSo_AndSoDoesSchedule() => OnCpu(memory =>
    {
        using KernelTask task = memory.CreateTask();
        using StackEntry entry = task.Syscall();
        *end_of_stack(task.Task) = 1;
        preempt_disable();
        Bug("Thread overran stack, or stack corrupted", () => might_sleep());
        preempt_enable();
        Bug("corrupted stack end detected", schedule);
        schedule();
    });

    [Fact]
    public void WrongOptions_AndAFreedTask_AreRefused() => OnCpu(memory =>
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.CreateTask(new() { StackBytes = 12288 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.CreateTask(new() { UserStackBytes = 5000 }));
        KernelTask task = memory.CreateTask();
        task.Dispose();
        task.Dispose();
        Assert.Throws<ObjectDisposedException>(() => task.Alloca(1));
        Assert.Throws<ObjectDisposedException>(() => { task.Syscall(); });
    });

    [Fact]
    public void PortableBacking_HasNoGuardPages() => Cpu.Run(() =>
    {
        using KernelMemory memory = TestSupport.Boot("Flat", BackingKind.Portable);
        Assert.Throws<PlatformNotSupportedException>(() => memory.CreateTask(new() { GuardPage = true }));
        using KernelTask task = memory.CreateTask();
        using StackEntry entry = task.Syscall();
    });

    [Fact]
    public void GuardPage_EndsTheProcess()
    {
        if (!OperatingSystem.IsLinux()) return;
        (int exitCode, string output) = Child.Run("stack-guard");
        Assert.NotEqual(0, exitCode);
        Assert.Contains("magic gone: 1", output);
        Assert.DoesNotContain("after", output);
    }

    [Fact]
    public void EveryThread_HasAThreadInfoOfItsOwn() => Cpu.Run(() =>
    {
        thread_info* mine = current_thread_info();
        Assert.Equal((nint)current, (nint)mine->task);
        preempt_disable();
        Assert.Equal(1, current_thread_info()->preempt_count);
        Assert.Equal(smp_processor_id(), current_thread_info()->cpu);
        preempt_enable();
        Assert.Equal(1, object_is_on_stack((byte*)mine + 100));
        Assert.Equal(0, object_is_on_stack(&mine));
        Bug("of a task that has a stack", () => alloc_thread_stack_node(current, 0));
        task_struct other = default;
        void* stack = alloc_thread_stack_node(&other, 0);
        Assert.Equal((nuint)0, (nuint)stack % THREAD_SIZE);
        *end_of_stack(&other) = 0;
        task_struct* p = &other;
        Bug("corrupted stack end", () => free_thread_stack(p));
        *end_of_stack(&other) = STACK_END_MAGIC;
        free_thread_stack(&other);
        free_thread_stack(&other);
        Assert.True(other.stack == null);
    });

    private static void Fill(StackFrame<Kilobyte> frame) => NativeMemory.Fill(frame.Pointer, 1024, 0x5a);
}
