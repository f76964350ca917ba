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
