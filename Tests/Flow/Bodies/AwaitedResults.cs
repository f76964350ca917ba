// What a task gives when it has ended: a number by a ValueTask, or a struct.

static class Bodies
{
    private struct Block
    {
        public nint Memory;
        public int Size;
    }

    private static int s_count;

    private static async ValueTask<nint> MakeAsync()
    {
        await Task.Yield();
        return Marshal.AllocHGlobal(8);
    }

    private static async ValueTask FreeAsync(nint p)
    {
        await Task.Yield();
        Marshal.FreeHGlobal(p);
    }

    private static async Task<Block> MakeBlockAsync(int size)
    {
        await Task.Yield();
        return new Block { Memory = Marshal.AllocHGlobal(size), Size = size };
    }

    private static async Task<(nint Memory, bool IsLarge)> MakePairAsync(int size)
    {
        await Task.Yield();
        if (size > 4096) return (0, true);
        return (Marshal.AllocHGlobal(size), false);
    }

    private static async Task Lost()
    {
        nint p = await MakeAsync();
        s_count++;
    } // expect: KA4001

    private static async Task Freed()
    {
        nint p = await MakeAsync().ConfigureAwait(false);
        await FreeAsync(p);
    }

    private static async Task FreedTwice()
    {
        nint p = await MakeAsync();
        await FreeAsync(p);
        Marshal.FreeHGlobal(p); // expect: KA4005
    }

    private static async Task LostInAFinally()
    {
        nint p = await MakeAsync();
        try
        {
            await Task.Delay(1);
        }
        finally
        {
            s_count++;
        }
    } // expect: KA4001

    private static async Task BlockLost(int size)
    {
        Block block = await MakeBlockAsync(size);
        if (block.Size > 8) return; // expect: KA4001
        Marshal.FreeHGlobal(block.Memory);
    }

    private static async Task BlockFreed(int size)
    {
        Block block = await MakeBlockAsync(size);
        Marshal.FreeHGlobal(block.Memory);
    }

    private static void BlockFreedTwice(int size)
    {
        Block block = MakeBlockAsync(size).GetAwaiter().GetResult();
        Block copy = block;
        Marshal.FreeHGlobal(block.Memory);
        Marshal.FreeHGlobal(copy.Memory); // expect: KA4005
    }

    private static async Task PairFreed(int size)
    {
        (nint memory, bool isLarge) = await MakePairAsync(size);
        if (!isLarge) Marshal.FreeHGlobal(memory);
    }

    private static async Task PairFreedTheOtherWay(int size)
    {
        (nint memory, bool isLarge) = await MakePairAsync(size);
        if (isLarge) Marshal.FreeHGlobal(memory);
    } // expect: KA4001

    private static async Task<nint> HandedOn() => (await MakeBlockAsync(8)).Memory;

    private static Task<Block> NotAwaited() => MakeBlockAsync(8);

    private static async Task AwaitedLater()
    {
        Task<Block> task = MakeBlockAsync(8);
        s_count++;
        Block block = await task;
        Marshal.FreeHGlobal(block.Memory);
    }
}
