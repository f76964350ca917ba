// kmap_local_page: mappings of the running CPU alone, undone in reverse order.
//
//   CPU 0   | slot 0 | slot 1 | ... | slot 15 |     slot n serves the n-th mapping that is open at one time
//   CPU 1   | slot 0 | ...                           _frames[slot]: the frame the slot shows, also after it was undone
//
// A CPU is a thread, so a slot needs no lock and nobody else writes it. A high frame that the slot still shows from the last time costs nothing; another
// one costs a single mmap over it. An undone slot keeps its mapping until it is used again, at debug levels it faults at once. A frame that has a kmap
// mapping or is low keeps that address; it takes a place in the order all the same, so that the order is checked whatever the frame.
// Kernel concept: kmap_local_page, kmap_ctrl, KM_MAX_IDX.

namespace KAlloc;

internal sealed unsafe class LocalMappings : IDisposable
{
    /// <summary>Mappings of one thread at one time: the kernel's KM_MAX_IDX.</summary>
    internal const int Depth = 16;

    /// <summary>CPUs, that is threads at one time, that can hold local mappings of high frames.</summary>
    private const uint MaxCpus = 16 * 1024;
    private nuint WindowBytes => MaxCpus * Depth * _memory.PageSize;
    private const uint NoFrame = 0;

    /// <summary>What one CPU has open.</summary>
    private struct Stack
    {
        internal int Count;

        /// <summary>The thread that opened it: a thread that ends leaves its block, and what it forgot, to another.</summary>
        internal int Thread;
        internal fixed ulong Pages[Depth];
        internal fixed ulong Addresses[Depth];

        /// <summary>Frame + 1 that each slot shows.</summary>
        internal fixed uint Frames[Depth];
    }

    private readonly HighMemoryMap _map;
    private readonly PhysicalMemory _memory;
    private readonly PageAllocator _pages;
    private readonly bool _unmapAtOnce;
    private readonly Stack* _stacks;
    private readonly byte* _window;

    internal LocalMappings(HighMemoryMap map, PageAllocator pages, bool unmapAtOnce)
    {
        _map = map;
        _pages = pages;
        _memory = pages.Memory;
        _unmapAtOnce = unmapAtOnce;
        _stacks = (Stack*)AddressSpace.Reserve(StackBytes);
        bool needsWindow = _memory.LowFrames != _memory.Frames && _memory.Arena.CanAlias;
        if (needsWindow) _window = AddressSpace.ReserveInaccessible(WindowBytes, alignment: _memory.PageSize);
        if (_stacks == null || (needsWindow && _window == null)) throw new InvalidOperationException("KAlloc cannot reserve its kmap_local window.");
    }

    private nuint StackBytes => (MaxCpus * (nuint)sizeof(Stack) + _memory.PageSize - 1) & ~(_memory.PageSize - 1);

    /// <summary>The kernel's kmap_local_page: never waits, works in every context.</summary>
    internal void* Map(Page* page, string caller)
    {
        if (!_map.Check(page, caller)) return null;
        Stack* stack = Current(caller);
        if (stack == null) return null;
        int slot = stack->Count;
        if (slot == Depth)
        {
            KernelReports.Bug($"BUG: {caller}(): this thread has {Depth} local mappings open, and no more are allowed");
            return null;
        }

        void* address = _memory.AddressOf(page);
        if (address == null) address = Show(stack, slot, page, caller);
        if (address == null) return null;
        stack->Pages[slot] = (ulong)page;
        stack->Addresses[slot] = (ulong)address;
        stack->Count = slot + 1;
        return address;
    }

    /// <summary>The kernel's kunmap_local: the last mapping of this thread first. Returns false if there is no such mapping.</summary>
    internal bool Unmap(void* address, string caller)
    {
        Stack* stack = Current(caller);
        if (stack == null) return false;
        ulong start = (nuint)address & ~(_memory.PageSize - 1);
        int slot = start == 0 ? -1 : stack->Count - 1;
        while (slot >= 0 && stack->Addresses[slot] != start) slot--;
        if (slot < 0)
        {
            string hint = _memory.IsPage((Page*)address) ? "; it takes the address that the mapping call returned, not the page" : "";
            KernelReports.Bug($"BUG: {caller}(0x{(nuint)address:x}): no local mapping of this thread: {_pages.Describe((nuint)address)}{hint}", (nuint)address);
            return false;
        }

        if (slot == stack->Count - 1)
        {
            Close(stack, slot);
            do stack->Count--;
            while (stack->Count > 0 && stack->Addresses[stack->Count - 1] == 0);
            return true;
        }

        // The places above keep their slots: this one is closed now and leaves the order with them.
        Close(stack, slot);
        KernelReports.Warn($"WARNING: {caller}(0x{(nuint)address:x}): not the last mapping of this thread; they must be undone in reverse order", (nuint)address);
        return true;
    }

    /// <summary>The frame open at an address of the running thread's window, or null.</summary>
    internal Page* PageOf(nuint address)
    {
        CpuBlock* block = ThisCpu.Block;
        if (block == null || _window == null || address - (nuint)_window >= WindowBytes) return null;
        Stack* stack = _stacks + block->Execution.Cpu;
        for (int slot = 0; slot < stack->Count; slot++)
        {
            if (stack->Addresses[slot] == (address & ~(_memory.PageSize - 1))) return (Page*)stack->Pages[slot];
        }

        return null;
    }

    public void Dispose()
    {
        AddressSpace.Release((byte*)_stacks, StackBytes);
        AddressSpace.Release(_window, WindowBytes);
    }

    private Stack* Current(string caller)
    {
        int cpu = CpuBlocks.Current->Execution.Cpu;
        if ((uint)cpu >= MaxCpus)
        {
            KernelReports.Bug($"BUG: {caller}() on CPU#{cpu}: only {MaxCpus} threads at one time can have local mappings");
            return null;
        }

        Stack* stack = _stacks + cpu;
        int thread = Environment.CurrentManagedThreadId;
        if (stack->Thread == thread) return stack;
        if (stack->Count != 0) KernelReports.Warn($"WARNING: a thread ended with {stack->Count} local mappings open on CPU#{cpu}");
        stack->Count = 0;
        stack->Thread = thread;
        return stack;
    }

    /// <summary>Makes a slot show a high frame.</summary>
    private void* Show(Stack* stack, int slot, Page* page, string caller)
    {
        uint frame = _memory.FrameOf(page);
        nuint offset = (nuint)frame << _memory.PageShift;
        if (!_memory.Arena.CanAlias) return _memory.Arena.HiddenAddress(offset);
        byte* at = _window + (((nuint)(stack - _stacks) * Depth + (nuint)slot) << _memory.PageShift);
        if (stack->Frames[slot] == frame + 1) return at;
        stack->Frames[slot] = NoFrame;
        if (_memory.Arena.Map(at, offset, _memory.PageSize, populate: true))
        {
            stack->Frames[slot] = frame + 1;
            return at;
        }

        KernelReports.Bug($"BUG: {caller}(): the system refuses the mapping, the process has too many");
        return null;
    }

    private void Close(Stack* stack, int slot)
    {
        byte* at = _window + (((nuint)(stack - _stacks) * Depth + (nuint)slot) << _memory.PageShift);
        if (_unmapAtOnce && stack->Addresses[slot] == (ulong)at && _memory.Arena.Unmap(at, _memory.PageSize)) stack->Frames[slot] = NoFrame;
        stack->Addresses[slot] = 0;
    }
}
