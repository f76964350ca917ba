// What is pushed on the stacks of a KernelTask: frames of functions, and entries into the kernel. Both are left by Dispose, the newest first.

namespace KAlloc;

/// <summary>A frame on a task's stack. Dispose it to pop it; the newest goes first.</summary>
/// <typeparam name="T">What the frame holds.</typeparam>
public readonly unsafe ref struct StackFrame<T> where T : unmanaged
{
    private readonly SimulatedStack? _stack;
    private readonly string? _owner;

    internal StackFrame(SimulatedStack stack, T* pointer, string owner)
    {
        _stack = pointer == null ? null : stack;
        Pointer = pointer;
        _owner = owner;
    }

    /// <summary>Its memory.</summary>
    public T* Pointer { get; }

    /// <summary>What it holds.</summary>
    public ref T Value => ref *Pointer;

    /// <summary>Pops it, and what was taken by <see cref="KernelTask.Alloca"/> since.</summary>
    public void Dispose() => _stack?.Pop((nuint)Pointer, (nuint)sizeof(T), _owner!);
}

/// <summary>A stay in the kernel: dispose it to return to what was entered from.</summary>
public unsafe ref struct StackEntry
{
    private KernelTask? _task;

    internal StackEntry(KernelTask task, CpuBlock* block, SimulatedStack from)
    {
        _task = task;
        Block = block;
        From = PushedOn = from;
    }

    /// <summary>What the entry saved on the stack.</summary>
    public SavedRegisters* Registers { readonly get; internal set; }

    internal readonly CpuBlock* Block;
    internal readonly SimulatedStack From;
    internal SimulatedStack PushedOn;
    internal bool Switched;
    internal bool IsInterrupt;
    internal int Count;
    internal int Frames;
    internal nuint Flags;

    /// <summary>Returns: SP comes back from the stack. Frames left, overwritten registers and an overflow are a BUG, found after the return.</summary>
    public void Dispose()
    {
        KernelTask? task = _task;
        _task = null;
        task?.Leave(this);
    }
}
