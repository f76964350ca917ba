// Structs that hold memory in containers that are written for any type.

using KAlloc;
using static KAlloc.Linux;

unsafe struct Buffer { public byte* data; public int size; }

sealed class Box<T>
{
    private T _value;

    public Box(T value) => _value = value;

    public Box() { }

    public T Get() => _value;

    public void Set(T value) => _value = value;

    public T Value { get; set; }
}

struct Slot<T>
{
    public T value;
    public bool has;

    public void Put(T given) { value = given; has = true; }

    public T Take() { T taken = value; value = default; has = false; return taken; }
}

sealed class Pile<T>
{
    private T[] _items = new T[4];
    private int _count;

    public void Push(T item)
    {
        if (_count == _items.Length) System.Array.Resize(ref _items, _count * 2);
        _items[_count++] = item;
    }

    public T Pop() => _items[--_count];

    public bool TryPop(out T item)
    {
        if (_count == 0) { item = default; return false; }
        item = _items[--_count];
        return true;
    }
}

sealed class Chain<T>
{
    private sealed class Link
    {
        public T value;
        public Link next;
    }

    private Link _first;

    public void Add(T value) => _first = new Link { value = value, next = _first };

    public bool TryTake(out T value)
    {
        if (_first == null)
        {
            value = default;
            return false;
        }

        value = _first.value;
        _first = _first.next;
        return true;
    }
}

readonly struct Option<T>
{
    private readonly T _value;
    private readonly bool _has;

    public Option(T value)
    {
        _value = value;
        _has = true;
    }

    public static Option<T> None => default;

    public bool TryGet(out T value)
    {
        value = _value;
        return _has;
    }

    public T Or(T other) => _has ? _value : other;
}

sealed class Ring<T>
{
    private readonly T[] _slots = new T[8];
    private int _head, _tail;

    public bool IsEmpty => _head == _tail;

    public void Enqueue(T value) => _slots[_tail++ & 7] = value;

    public T Dequeue() => _slots[_head++ & 7];

    public ref T Peek() => ref _slots[_head & 7];
}

sealed record Pair<T>(T First, T Second);

unsafe static class Bodies
{
    static Buffer Make() => new Buffer { data = (byte*)kmalloc(8, GFP_KERNEL | __GFP_NOFAIL), size = 8 };

    static void BoxIsEmptied()
    {
        var box = new Box<Buffer>(Make());
        kfree(box.Get().data);
    }

    static void BoxIsSet()
    {
        var box = new Box<Buffer>();
        box.Set(Make());
        kfree(box.Get().data);
    }

    static void BoxByProperty()
    {
        var box = new Box<Buffer>();
        box.Value = Make();
        kfree(box.Value.data);
    }

    static void SlotIsTaken()
    {
        Slot<Buffer> slot = default;
        slot.Put(Make());
        Buffer b = slot.Take();
        kfree(b.data);
    }

    static void SlotIsFreedTwiceButEmpty()
    {
        Slot<Buffer> slot = default;
        slot.Put(Make());
        kfree(slot.Take().data);
        kfree(slot.Take().data);
    }

    static void PileIsPopped()
    {
        var pile = new Pile<Buffer>();
        pile.Push(Make());
        kfree(pile.Pop().data);
    }

    static void PileIsEmptied()
    {
        var pile = new Pile<Buffer>();
        pile.Push(Make());
        pile.Push(Make());
        while (pile.TryPop(out Buffer b)) kfree(b.data);
    }

    static void SlotOfSlots()
    {
        Slot<Slot<Buffer>> outer = default;
        Slot<Buffer> inner = default;
        inner.Put(Make());
        outer.Put(inner);
        kfree(outer.Take().Take().data);
    }

    static void ChainIsTaken()
    {
        var chain = new Chain<Buffer>();
        chain.Add(Make());
        chain.Add(Make());
        while (chain.TryTake(out Buffer b)) kfree(b.data);
    }

    static void ChainIsTakenOnce()
    {
        var chain = new Chain<Buffer>();
        chain.Add(Make());
        if (chain.TryTake(out Buffer b)) kfree(b.data);
        if (chain.TryTake(out b)) kfree(b.data);
    }

    static Option<Buffer> MayMake(int n) => n > 0 ? new Option<Buffer>(Make()) : Option<Buffer>.None;

    static void OptionIsFreed(int n)
    {
        if (MayMake(n).TryGet(out Buffer b)) kfree(b.data);
    }

    static void OptionOrElse(int n)
    {
        Buffer b = MayMake(n).Or(default);
        kfree(b.data);
    }

    static void RingIsEmptied()
    {
        var ring = new Ring<Buffer>();
        ring.Enqueue(Make());
        ring.Enqueue(Make());
        while (!ring.IsEmpty) kfree(ring.Dequeue().data);
    }

    static void RingIsPeeked()
    {
        var ring = new Ring<Buffer>();
        ring.Enqueue(Make());
        kfree(ring.Peek().data);
        ring.Peek().data = null;
    }

    static void PairIsFreed()
    {
        var pair = new Pair<Buffer>(Make(), Make());
        kfree(pair.First.data);
        kfree(pair.Second.data);
    }

    static void PairIsTakenApart()
    {
        var (a, b) = new Pair<Buffer>(Make(), Make());
        kfree(a.data);
        kfree(b.data);
    }

    static void OptionIsLost(int n)
    {
        if (MayMake(n).TryGet(out Buffer b)) b.size = 3;
    } // expect: KA4001

    static void PairIsFreedTwice()
    {
        var pair = new Pair<Buffer>(Make(), default);
        kfree(pair.First.data);
        kfree(pair.First.data); // expect: KA4005
        kfree(pair.Second.data);
    }

    static void BoxIsFreedTwice()
    {
        var box = new Box<Buffer>(Make());
        kfree(box.Get().data);
        kfree(box.Get().data); // expect: KA4005
    }

    static void BoxIsLost()
    {
        var box = new Box<Buffer>();
        box.Set(Make());
    } // expect: KA4001

    static void SlotIsLost()
    {
        Slot<Buffer> slot = default;
        slot.Put(Make());
        Buffer b = slot.Take();
    } // expect: KA4001
}
