// Lists, queues and stacks of structs that lead to memory: each item is a copy, and its parts lie where the item does.

unsafe struct Block
{
    public byte* Data;
    public int Length;
}

unsafe class Bodies
{
    static Block Make(int length) => new() { Data = (byte*)NativeMemory.Alloc((nuint)length), Length = length };

    static void Free(Block block) => NativeMemory.Free(block.Data);

    static void FreeEach(List<Block> all)
    {
        foreach (Block block in all) NativeMemory.Free(block.Data);
    }

    static void FreeByIndex(List<Block> all)
    {
        for (int i = 0; i < all.Count; i++) Free(all[i]);
    }

    static void FreeFirst(List<Block> all) => NativeMemory.Free(all[0].Data);

    static void Fill(List<Block> all) => all.Add(Make(8));

    static void Lost()
    {
        var all = new List<Block>();
        all.Add(Make(8));
    } // expect: KA4001

    static void FreedByIndex()
    {
        var all = new List<Block>();
        all.Add(Make(8));
        NativeMemory.Free(all[0].Data);
    }

    static void FreedTwiceByIndex()
    {
        var all = new List<Block>();
        all.Add(Make(8));
        Block copy = all[0];
        NativeMemory.Free(copy.Data);
        NativeMemory.Free(all[0].Data); // expect: KA4005
    }

    static void FreedByTheLoop()
    {
        var all = new List<Block>();
        all.Add(Make(8));
        all.Add(Make(9));
        foreach (Block block in all) Free(block);
    }

    static void FreedElsewhere()
    {
        var all = new List<Block>();
        all.Add(Make(8));
        all.Add(Make(9));
        FreeEach(all);
    }

    static void FreedElsewhereByIndex()
    {
        var all = new List<Block>();
        all.Add(Make(8));
        all.Add(Make(9));
        FreeByIndex(all);
    }

    static void FreedElsewhereAndHere()
    {
        Block block = Make(8);
        var all = new List<Block>();
        all.Add(block);
        FreeFirst(all);
        NativeMemory.Free(block.Data); // expect: KA4005
    }

    static void FilledElsewhere()
    {
        var all = new List<Block>();
        Fill(all);
        FreeEach(all);
    }

    static void ManyFreed(int n)
    {
        var all = new List<Block>();
        for (int i = 0; i < n; i++) all.Add(Make(i));
        foreach (Block block in all) Free(block);
    }

    static void Queued()
    {
        var all = new Queue<Block>();
        all.Enqueue(Make(8));
        all.Enqueue(Make(9));
        Block first = all.Dequeue();
        Free(first);
        Free(all.Dequeue());
    }

    static void QueuedAndOneFreed()
    {
        var all = new Queue<Block>();
        all.Enqueue(Make(8));
        all.Enqueue(Make(9));
        Free(all.Dequeue());
    } // expect: KA4001

    static void Stacked()
    {
        var all = new Stack<Block>();
        all.Push(Make(8));
        while (all.TryPop(out Block block)) Free(block);
    }

    static void StackedUntilEmpty(int n)
    {
        var all = new Stack<Block>();
        for (int i = 0; i < n; i++) all.Push(Make(i));
        while (all.Count > 0) Free(all.Pop());
    }

    static void LookedAt()
    {
        var all = new Stack<Block>();
        all.Push(Make(8));
        Free(all.Peek());
        all.Peek().Data[0] = 1; // expect: KA4006
    }

    static void Replaced()
    {
        var all = new List<Block>();
        all.Add(Make(8));
        Free(all[0]);
        all[0] = default;
        FreeEach(all);
    }

    static void Removed()
    {
        var all = new List<Block>();
        all.Add(Make(8));
        all.Add(Make(9));
        all.RemoveAt(0);
    }

    static List<Block> Returned()
    {
        var all = new List<Block>();
        all.Add(Make(8));
        return all;
    }

    static Block[] HandedOn()
    {
        var all = new List<Block>();
        all.Add(Make(8));
        return all.ToArray();
    }

    static void Sorted()
    {
        var all = new List<Block>();
        all.Add(Make(8));
        all.Add(Make(9));
        all.Sort((a, b) => a.Length - b.Length);
        Free(all[0]);
        Free(all[1]);
    }

    static void PutBackCleared()
    {
        var all = new List<Block>();
        all.Add(Make(8));
        for (int i = 0; i < all.Count; i++)
        {
            Block block = all[i];
            Free(block);
            block.Data = null;
            all[i] = block;
        }

        FreeEach(all);
    }

    static void PutIntoGiven(List<Block> given)
    {
        Block block = given[0];
        Free(block);
        given[0] = Make(8);
        Free(given[0]);
        given[0] = default;
    }

    static void ViewedAsSpan()
    {
        var all = new List<Block>();
        all.Add(Make(8));
        Span<Block> span = CollectionsMarshal.AsSpan(all);
        Free(span[0]);
    }

    static void CopiedToAnother()
    {
        var all = new List<Block>();
        all.Add(Make(8));
        var other = new List<Block>(all);
        FreeEach(other);
    }
}
