// Queues and stacks without locks whose nodes are made on the way: what is passed hangs on a node, in a box or in a span, and that is what others get to know.

sealed unsafe class NodeQueue
{
    private struct Node { public nint Next; public void* Value; }

    private sealed class Cell { public Cell Next; public nint Value; }

    private readonly Memory<nint> _memory = new nint[64];
    private readonly nint[] _slots = new nint[64];
    private nint _head, _tail;
    private Cell _cells;
    private byte* _bytes;
    private int _count;

    public bool Enqueue(void* block)
    {
        var node = (Node*)kmalloc((nuint)sizeof(Node), GFP_ATOMIC);
        if (node == null) return false;
        node->Value = block;
        node->Next = 0;
        while (true)
        {
            nint tail = System.Threading.Volatile.Read(ref _tail), next = System.Threading.Volatile.Read(ref ((Node*)tail)->Next);
            if (next != 0)
            {
                System.Threading.Interlocked.CompareExchange(ref _tail, next, tail);
            }
            else if (System.Threading.Interlocked.CompareExchange(ref ((Node*)tail)->Next, (nint)node, 0) == 0)
            {
                System.Threading.Interlocked.CompareExchange(ref _tail, (nint)node, tail);
                return true;
            }
        }
    }

    public bool Push(void* block)
    {
        if (System.Threading.Volatile.Read(ref _count) > 9) return false;
        var node = (Node*)NativeMemory.Alloc((nuint)sizeof(Node));
        node->Value = block;
        nint head;
        do
        {
            head = System.Threading.Volatile.Read(ref _head);
            node->Next = head;
        }
        while (System.Threading.Interlocked.CompareExchange(ref _head, (nint)node, head) != head);
        return true;
    }

    public bool PushManaged(void* block)
    {
        var cell = new Cell { Value = (nint)block };
        Cell head;
        do
        {
            head = System.Threading.Volatile.Read(ref _cells);
            if (head != null && _count > 9) return false;
            cell.Next = head;
        }
        while (System.Threading.Interlocked.CompareExchange(ref _cells, cell, head) != head);
        return true;
    }

    public bool PutBoxed(void* block)
    {
        if (_count > 60) return false;
        _slots.SetValue((nint)block, _count++);
        return true;
    }

    public bool PutInMemory(void* block)
    {
        int at = System.Threading.Volatile.Read(ref _count);
        if (at > 60) return false;
        _memory.Span[at] = (nint)block;
        return true;
    }

    public bool PutEverywhere(void* block)
    {
        int at = System.Threading.Volatile.Read(ref _count);
        if (at > 60) return false;
        _slots.AsSpan(at).Fill((nint)block);
        return true;
    }

    public bool PutAsBytes(void* block)
    {
        int at = System.Threading.Volatile.Read(ref _count);
        if (at > 60) return false;
        var value = (nint)block;
        Buffer.MemoryCopy(&value, _bytes + (at * sizeof(nint)), sizeof(nint), sizeof(nint));
        return true;
    }
}

unsafe class Bodies
{
    private static int s_at;
    private NodeQueue _nodes;

    void ToAQueueOfNodes() { void* p = kmalloc(64, GFP_KERNEL); if (!_nodes.Enqueue(p)) kfree(p); }

    void ToAStackOfNodes() { void* p = kmalloc(64, GFP_KERNEL); if (!_nodes.Push(p)) kfree(p); }

    void ToAStackOfObjects() { void* p = kmalloc(64, GFP_KERNEL); if (!_nodes.PushManaged(p)) kfree(p); }

    void ToAnArrayInABox() { void* p = kmalloc(64, GFP_KERNEL); if (!_nodes.PutBoxed(p)) kfree(p); }

    void ToMemory() { void* p = kmalloc(64, GFP_KERNEL); if (!_nodes.PutInMemory(p)) kfree(p); }

    void ToEachElement() { void* p = kmalloc(64, GFP_KERNEL); if (!_nodes.PutEverywhere(p)) kfree(p); }

    void ToAnArrayAsBytes() { void* p = kmalloc(64, GFP_KERNEL); if (!_nodes.PutAsBytes(p)) kfree(p); }

    void LostWhereTheNodeIsNotMade()
    {
        void* p = kmalloc(64, GFP_KERNEL);
        if (!_nodes.Enqueue(p)) return; // expect: KA4001
        s_at++;
    }
}
