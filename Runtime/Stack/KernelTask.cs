// A task with a user stack and a kernel stack of real pages, on which code pushes its frames by hand: what the book draws, to run and to break.
//
//   kernel stack (4, 8 or 16 KiB, aligned to its size): union thread_union
//
//   high  Top ── SP on every entry from user mode: a constant, because the stack is empty then
//         │ saved user SP, flags, mode        <── entry
//         │ frames: Frame<T>(), Alloca(n)     │ grows down
//         │                                   v
//         ├ STACK_END_MAGIC    end_of_stack()
//   low   └ thread_info        current_thread_info() = SP & ~(size - 1)
//
//   user ──Syscall──> kernel stack ──Interrupt──> the same stack, or the CPU's interrupt stack ──> … ──Dispose──> back, SP from memory
//
// An overflow really overwrites the magic, then thread_info: nothing stops it until a check looks (return, interrupt, Check, schedule).
// With a guard page the next page down faults and the process dies, as a kernel with CONFIG_VMAP_STACK does on purpose.
// Invariant: a task runs on one thread at a time, entries and frames leave in reverse order. The preempt count in force is the CPU's; thread_info has a
// copy as of the last entry, so that an overflow here does not reach the rest of the process.
// Kernel concept: union thread_union, struct pt_regs, alloc_thread_stack_node, irq stacks. Not here: switching between tasks, user code.

using System.Runtime.InteropServices;

namespace KAlloc;

/// <summary>The low end of a kernel stack of <c>THREAD_SIZE</c> bytes: the kernel's <c>union thread_union</c>.</summary>
[StructLayout(LayoutKind.Explicit, Size = KernelStack.DefaultBytes)]
public unsafe struct ThreadUnion
{
    /// <summary>What lies at the low end.</summary>
    [FieldOffset(0)] public ThreadInfo thread_info;

    /// <summary>The whole, as words; the highest is used first.</summary>
    [FieldOffset(0)] public fixed ulong stack[KernelStack.DefaultBytes / sizeof(ulong)];
}

/// <summary>What an entry into the kernel saves on the kernel stack: the part of the kernel's <c>struct pt_regs</c> that the processor pushes.</summary>
public struct SavedRegisters
{
    /// <summary>The stack pointer of what was entered from.</summary>
    public nuint sp;

    /// <summary>The interrupt state of what was entered from: 0x200 if interrupts were on.</summary>
    public nuint flags;

    /// <summary>3 if user mode was entered from, 0 if the kernel.</summary>
    public nuint cs;

    /// <summary>The interrupt line; all ones for a system call.</summary>
    public nuint vector;
}

/// <summary>How a <see cref="KernelTask"/> is made.</summary>
public sealed class KernelTaskOptions
{
    /// <summary>Bytes of the kernel stack: 4096, 8192 or 16384.</summary>
    public int StackBytes { get; set; } = KernelStack.DefaultBytes;

    /// <summary>Bytes of the user stack: a power of two from 4096 to 1 MiB.</summary>
    public int UserStackBytes { get; set; } = 16384;

    /// <summary>The kernel stack comes from vmalloc, with an unmapped page below: overflowing it by more than its thread_info ends the process.</summary>
    public bool GuardPage { get; set; }

    /// <summary>An interrupt that comes while the task is in the kernel takes the CPU's interrupt stack (16 KiB) instead of the task's.</summary>
    public bool InterruptStack { get; set; }

    /// <summary>The task's name.</summary>
    public string Name { get; set; } = "task";
}

/// <summary>A task whose stacks are real pages. Not thread-safe; one thread at a time runs it.</summary>
public sealed unsafe class KernelTask : IDisposable
{
    [ThreadStatic]
    private static KernelTask? t_current;

    private readonly StackMemory _memory;
    private readonly SimulatedStack _user;
    private readonly SimulatedStack _kernel;
    private readonly InterruptStacks _interruptStacks;
    private readonly bool _usesInterruptStack;
    private readonly string _name;
    private SimulatedStack _in;
    private SimulatedStack? _interrupt;
    private KernelTask? _before;
    private ThreadInfo _expected;
    private int _entries;
    private bool _disposed;

    static KernelTask() => StackProbe.IsTaskStackCorrupted = static () => t_current is { } task && !task.IsIntact;

    internal KernelTask(StackMemory memory, InterruptStacks interruptStacks, KernelTaskOptions options)
    {
        if (options.StackBytes is not (4096 or 8192 or 16384) || options.StackBytes < memory.PageBytes)
            throw new ArgumentOutOfRangeException(nameof(options), options.StackBytes, "A kernel stack has 4096, 8192 or 16384 bytes, and at least a page.");
        if (options.UserStackBytes < memory.PageBytes || options.UserStackBytes > 1 << 20 || !int.IsPow2(options.UserStackBytes))
            throw new ArgumentOutOfRangeException(nameof(options), options.UserStackBytes, "A user stack has a power of two from one page to 1 MiB.");
        (_memory, _interruptStacks, _usesInterruptStack, _name) = (memory, interruptStacks, options.InterruptStack, options.Name);
        byte* kernel = memory.Allocate(options.StackBytes, options.GuardPage);
        byte* user;
        try
        {
            user = memory.Allocate(options.UserStackBytes, guardPage: false);
        }
        catch
        {
            memory.Free(kernel, options.StackBytes, options.GuardPage);
            throw;
        }

        HasGuardPage = options.GuardPage;
        _kernel = new SimulatedStack(kernel, options.StackBytes, options.GuardPage ? (nuint)memory.PageBytes : 0);
        _in = _user = new SimulatedStack(user, options.UserStackBytes, guardBytes: 0);
        Task = Tasks.Create();
        Tasks.Describe(Task, options.Name, 0);
        ThreadStacks.Prepare(Task, kernel, options.StackBytes);
        _expected = *Info;
    }

    /// <summary>The task whose kernel stack the running thread is on, or null.</summary>
    public static KernelTask? Current => t_current;

    /// <summary>Its record.</summary>
    public TaskStruct* Task { get; }

    /// <summary>The low end of its kernel stack.</summary>
    public ThreadInfo* Info => (ThreadInfo*)_kernel.Low;

    /// <summary>Bytes of its kernel stack.</summary>
    public int StackBytes => _kernel.Bytes;

    /// <summary>Whether an unmapped page lies below its kernel stack.</summary>
    public bool HasGuardPage { get; }

    /// <summary>Where SP stands after each entry from user mode, before anything is pushed: the high end of the kernel stack.</summary>
    public nuint Top => _kernel.Top;

    /// <summary>The stack pointer in force.</summary>
    public nuint Sp => _in.Sp;

    /// <summary>The user stack pointer; while the task is in the kernel, as it was at the entry.</summary>
    public nuint UserSp => _user.Sp;

    /// <summary>Whether it is in user mode.</summary>
    public bool InUserMode => _in == _user;

    /// <summary>Whether it is on the CPU's interrupt stack.</summary>
    public bool OnInterruptStack => _in == _interrupt;

    /// <summary>The most bytes that its kernel stack ever held.</summary>
    public int DeepestUse => (int)(_kernel.Top - _kernel.Lowest);

    /// <summary>Whether the magic word is there and no frame reached below it.</summary>
    public bool IsIntact => !ThreadStacks.IsEndCorrupted(Task) && _kernel.Lowest > (nuint)ThreadStacks.EndOf(Task);

    /// <summary>The <c>thread_info</c> that code on the task's kernel stack finds: SP with its low bits cleared.</summary>
    public ThreadInfo* InfoBySp() => (ThreadInfo*)(_kernel.Sp & ~((nuint)_kernel.Bytes - 1));

    /// <summary>A system call: from user mode to the empty kernel stack, where the user's SP is saved. Dispose the entry to return.</summary>
    /// <exception cref="KernelBugException">The task is in the kernel already, or its kernel stack is not empty.</exception>
    public StackEntry Syscall()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (!InUserMode) KernelReports.Bug($"BUG: system call of {Owner}, which is in the kernel");
        CpuBlock* block = CpuBlocks.Current;
        return Enter(new StackEntry(this, block, _in), block->Execution.IrqDisabled == 0 ? Interrupts.Flag : 0, nuint.MaxValue);
    }

    /// <summary>
    /// An interrupt: from user mode to the empty kernel stack, from the kernel to where its SP is, or to the CPU's interrupt stack. The thread is in
    /// hard interrupt context until the entry is disposed.
    /// </summary>
    /// <param name="irq">Its number, for the frame.</param>
    /// <exception cref="InvalidOperationException">15 interrupts are nested: the preempt count has no room for more.</exception>
    public StackEntry Interrupt(int irq)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        CpuBlock* block = CpuBlocks.Current;
        if ((block->Execution.PreemptCount & ExecutionState.HardIrqMask) == ExecutionState.HardIrqMask)
            throw new InvalidOperationException($"{Owner}: 15 interrupts are nested, and preempt_count has room for no more.");
        var entry = new StackEntry(this, block, _in) { IsInterrupt = true, Count = block->Execution.PreemptCount, Flags = Interrupts.Save(block) };
        block->Execution.PreemptCount += ExecutionState.HardIrqOffset;
        try
        {
            return Enter(entry, entry.Flags & Interrupts.Flag, (nuint)(uint)irq);
        }
        catch
        {
            block->Execution.PreemptCount = entry.Count;
            Interrupts.Restore(block, entry.Flags);
            throw;
        }
    }

    /// <summary>Pushes a frame onto the stack in force. Its memory is what was there before: not cleared.</summary>
    /// <typeparam name="T">What the frame holds.</typeparam>
    /// <exception cref="KernelBugException">It would lie below the stack's pages.</exception>
    public StackFrame<T> Frame<T>() where T : unmanaged
    {
        var frame = (T*)Push((nuint)sizeof(T));
        if (frame != null) _in.Frames.Add((nuint)frame);
        return new StackFrame<T>(_in, frame, Owner);
    }

    /// <summary>Takes bytes off the stack in force, until the frame or the entry that they were taken in is left: the kernel's <c>alloca</c>.</summary>
    /// <param name="bytes">How many; rounded up to 16.</param>
    /// <returns>Their address, a multiple of 16. The memory is not cleared.</returns>
    /// <exception cref="KernelBugException">They would lie below the stack's pages.</exception>
    public void* Alloca(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        return Push((nuint)bytes);
    }

    /// <summary>
    /// Looks at the low end, as the scheduler does: an overflow is a BUG that names what it overwrote. The damage is repaired, so that each overflow is
    /// reported once.
    /// </summary>
    /// <returns>Whether all is well.</returns>
    public bool Check()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (IsIntact) return true;
        nuint end = (nuint)ThreadStacks.EndOf(Task);
        ThreadInfo expected = _expected;
        string fields = ThreadInfo.Differences(Info, &expected);
        string magic = ThreadStacks.IsEndCorrupted(Task) ? $"STACK_END_MAGIC (0x{*(nuint*)end:x})" : "";
        string damage = magic.Length != 0 && fields.Length != 0 ? $"{magic}, {fields}" : magic + fields;
        string depth = _kernel.Lowest <= end
            ? $"frames reached {end + (nuint)sizeof(nuint) - _kernel.Lowest} bytes below the end of the stack"
            : "no frame reached the end of the stack: something else wrote there";
        *(nuint*)end = ThreadInfo.EndMagic;
        *Info = expected;
        _kernel.Lowest = Math.Max(_kernel.Sp, end + (nuint)sizeof(nuint));
        KernelReports.Bug($"""
            BUG: corrupted stack end detected: {Owner}, kernel stack of {_kernel.Bytes} bytes
            Thread overran stack, or stack corrupted
             {depth}
             overwritten: {(damage.Length == 0 ? "nothing, the frames have holes there" : damage)}
            """, end);
        return false;
    }

    /// <summary>Frees both stacks. In the kernel, or with an overflow that nobody saw yet, that is reported first.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        try
        {
            Check();
            if (_entries != 0) KernelReports.Bug($"BUG: task {Owner} is freed while it is in the kernel");
        }
        finally
        {
            _disposed = true;
            if (t_current == this) t_current = _before;
            _memory.Free(_kernel.Low, _kernel.Bytes, HasGuardPage);
            _memory.Free(_user.Low, _user.Bytes, guardPage: false);
            Task->stack = null;
            Tasks.Free(Task);
        }
    }

    /// <summary>Whether the address lies in its kernel stack.</summary>
    internal bool Holds(nuint address) => address >= (nuint)_kernel.Low && address < _kernel.Top;

    /// <summary>Back the way it came, with SP from memory, as iret does it.</summary>
    internal void Leave(in StackEntry entry)
    {
        SimulatedStack onto = entry.Switched ? _interrupt! : entry.PushedOn;
        string? wrong = null;
        if (_in != onto || onto.Frames.Count != entry.Frames) wrong = $"BUG: {Owner} returns with {onto.Frames.Count - entry.Frames} frames left, SP 0x{_in.Sp:x}";
        onto.Frames.RemoveRange(entry.Frames, Math.Max(0, onto.Frames.Count - entry.Frames));
        nuint sp = entry.Registers->sp;
        if (entry.Switched)
        {
            onto.Sp = onto.Top;
            _interrupt = null;
        }

        entry.PushedOn.Sp = (nuint)entry.Registers + (nuint)sizeof(SavedRegisters);
        if (sp != entry.From.Sp) wrong ??= $"BUG: {Owner} would return to SP 0x{sp:x}, but was entered at 0x{entry.From.Sp:x}: the saved registers are overwritten";
        _in = entry.From;
        bool well = wrong is null && IsIntact;
        if (entry.IsInterrupt) entry.Block->Execution.PreemptCount = entry.Count;
        Sync(entry.Block);
        if (--_entries == 0) t_current = _before;
        if (entry.IsInterrupt) Interrupts.Restore(entry.Block, entry.Flags);
        if (well) return;
        if (wrong is not null) KernelReports.Bug(wrong, (nuint)entry.Registers);
        Check();
    }

    private StackEntry Enter(StackEntry entry, nuint flags, nuint vector)
    {
        bool fromUser = entry.From == _user;
        if (fromUser && !_kernel.IsEmpty) KernelReports.Bug($"BUG: kernel stack of {Owner} is not empty on entry: SP 0x{_kernel.Sp:x}, top 0x{Top:x}");
        entry.PushedOn = fromUser ? _kernel : entry.From;
        nuint interrupted = entry.From.Sp;
        entry.Registers = (SavedRegisters*)entry.PushedOn.Push((nuint)sizeof(SavedRegisters), Owner);
        *entry.Registers = new SavedRegisters { sp = interrupted, flags = flags, cs = fromUser ? 3u : 0u, vector = vector };

        // The processor has pushed where SP was; a kernel with interrupt stacks changes over now.
        if (_usesInterruptStack && entry.From == _kernel) _interrupt = _interruptStacks.Of(entry.Block->Execution.Cpu);
        entry.Switched = _interrupt is not null && entry.From == _kernel;
        _in = entry.Switched ? _interrupt! : entry.PushedOn;
        entry.Frames = _in.Frames.Count;
        if (_entries++ == 0) (_before, t_current) = (t_current, this);
        Sync(entry.Block);
        return entry;
    }

    /// <summary>Writes the CPU's state into thread_info, where an overflow would find it.</summary>
    private void Sync(CpuBlock* block)
    {
        if (!IsIntact) return;
        Info->cpu = block->Execution.Cpu;
        Info->preempt_count = block->Execution.PreemptCount;
        _expected = *Info;
    }

    private string Owner => $"{_name}/{Task->pid}";

    private void* Push(nuint bytes)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return _in.Push(bytes, Owner);
    }
}
