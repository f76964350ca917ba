// Kernel stacks as memory: where they come from, and what lies at their low end.
//
//   pages:   an aligned block of the buddy allocator             vmalloc: scattered frames, aligned to the stack's size, an unmapped page below
//
// Every thread can ask for a thread_info of its own (current_thread_info): then it gets a stack block, on which nothing runs but what it pushes
// there. The block stays with the thread's record and serves the next thread.
// Kernel concept: alloc_thread_stack_node, set_task_stack_end_magic, stack_not_used.

namespace KAlloc;

/// <summary>Where stacks come from: one memory system.</summary>
internal sealed unsafe class StackMemory(PageAllocator pages, VmallocSpace vmalloc)
{
    private long _bytes;

    /// <summary>Bytes of a page: no stack is smaller.</summary>
    internal int PageBytes => (int)pages.Memory.PageSize;

    /// <summary>Bytes of all stacks there are.</summary>
    internal long Bytes => Volatile.Read(ref _bytes);

    /// <summary>A zeroed block, aligned to its size; throws if there is no memory.</summary>
    internal byte* Allocate(int bytes, bool guardPage)
    {
        if (guardPage && !vmalloc.Aliases) throw new PlatformNotSupportedException("A stack with a guard page needs a backing that can map frames a second time.");
        var block = (byte*)TryAllocate(bytes, guardPage);
        return block != null ? block : throw new OutOfMemoryException($"KAlloc has no {bytes} bytes for a stack.");
    }

    internal void* TryAllocate(int bytes, bool guardPage, GfpFlags flags = GfpFlags.Kernel)
    {
        void* block = guardPage ? vmalloc.Allocate((nuint)bytes, flags | GfpFlags.Zero, (nuint)bytes) : Aligned(pages.Allocate(flags | GfpFlags.Zero, Order(bytes)));
        if (block != null) Interlocked.Add(ref _bytes, bytes);
        return block;
    }

    internal void Free(void* block, int bytes, bool guardPage)
    {
        if (guardPage) vmalloc.Free(block);
        else pages.FreeAddress((nuint)block, Order(bytes));
        Interlocked.Add(ref _bytes, -bytes);
    }

    private void* Aligned(Page* page) => page == null ? null : pages.Memory.AddressOf(page);

    private int Order(int bytes) => int.Log2(bytes / PageBytes);
}

/// <summary>The interrupt stacks of one memory system: 16 KiB for each CPU that took one, kept as long as the system lives.</summary>
internal sealed unsafe class InterruptStacks(StackMemory memory)
{
    /// <summary>The kernel's IRQ_STACK_SIZE on x86-64.</summary>
    private const int StackBytes = 16384;

    private readonly Dictionary<int, SimulatedStack> _stacks = [];

    /// <summary>The CPU's stack; null if there is no memory for it. Asked for in an interrupt, so it does not wait for memory.</summary>
    internal SimulatedStack? Of(int cpu)
    {
        lock (_stacks)
        {
            if (_stacks.TryGetValue(cpu, out SimulatedStack? stack)) return stack;
            var block = (byte*)memory.TryAllocate(StackBytes, guardPage: false, GfpFlags.Atomic);
            if (block != null) _stacks.Add(cpu, stack = new SimulatedStack(block, StackBytes, guardBytes: 0));
            return stack;
        }
    }
}

/// <summary>The low end of a kernel stack.</summary>
internal static unsafe class ThreadStacks
{
    /// <summary>Makes a block the kernel stack of a task.</summary>
    internal static void Prepare(TaskStruct* task, void* block, int bytes)
    {
        task->stack = block;
        task->StackBytes = bytes;
        *(ThreadInfo*)block = new ThreadInfo { task = task, cpu = CpuBlocks.Current->Execution.Cpu, addr_limit = nuint.MaxValue };
        *EndOf(task) = ThreadInfo.EndMagic;
    }

    /// <summary>The last word that belongs to the stack: it holds the magic.</summary>
    internal static nuint* EndOf(TaskStruct* task) => (nuint*)((ThreadInfo*)task->stack + 1);

    internal static bool IsEndCorrupted(TaskStruct* task) => *EndOf(task) != ThreadInfo.EndMagic;

    /// <summary>Bytes above the magic that are still zero.</summary>
    internal static nuint NotUsed(TaskStruct* task)
    {
        nuint* start = EndOf(task) + 1;
        var top = (nuint*)((byte*)task->stack + task->StackBytes);
        nuint* at = start;
        while (at < top && *at == 0) at++;
        return (nuint)(at - start) * (nuint)sizeof(nuint);
    }
}
