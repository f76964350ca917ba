// What an owner's memory is shown with does not keep it: interpolated strings, comparisons, hash codes.

struct Point { public int X, Y; public override string ToString() => $"{X}, {Y}"; }

unsafe class Bodies
{
    private KmemCache<Point> _points;
    private KernelMemoryPool _pool;

    void Lost()
    {
        Owned<Point> point = _points.AllocOwned();
        point.Value = new Point { X = 3, Y = 4 };
        Console.WriteLine($"a cache of {sizeof(Point)}-byte objects: {point.Value}");
    } // expect: KA4001

    void LostByParts()
    {
        Owned<Point> point = _points.AllocOwned();
        Console.WriteLine($"{point.Value.X,5}:{point.Value.Y}");
    } // expect: KA4001

    void LostInAConcatenation()
    {
        Owned<Point> point = _points.AllocOwned();
        Console.WriteLine("at " + point.Value);
    } // expect: KA4001

    void LostInAFormat()
    {
        Owned<Point> point = _points.AllocOwned();
        Console.WriteLine("at {0}", point.Value);
    } // expect: KA4001

    string LostInAText()
    {
        Owned<Point> point = _points.AllocOwned();
        point.Value.X = 1;
        return $"{point.Value}"; // expect: KA4001
    }

    void Freed()
    {
        using Owned<Point> point = _points.AllocOwned();
        point.Value = new Point { X = 3, Y = 4 };
        Console.WriteLine($"a cache of {sizeof(Point)}-byte objects: {point.Value}");
    }

    string FreedAfterwards()
    {
        Owned<Point> point = _points.AllocOwned();
        string text = $"{point.Value} of {point.Value.X}";
        point.Dispose();
        return text;
    }

    void UsedAfterwards()
    {
        IMemoryOwner<byte> owner = _pool.Rent(100);
        owner.Dispose();
        Console.WriteLine($"{owner.Memory.Span[0]}"); // expect: KA4006
    }

    void LostBuffer()
    {
        IMemoryOwner<byte> owner = _pool.Rent(100);
        Console.WriteLine($"a buffer: {owner.Memory.Length} bytes");
    } // expect: KA4001

    void PointerInAText()
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        if (p == null) return;
        Console.WriteLine($"{(nint)p:x}: {*p}");
    } // expect: KA4001

    void GivenToAHandler(Action<string> log)
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        if (p == null) return;
        log($"{(nint)p:x}");
        kfree(p);
    }

    // The object is kept by whoever is told of it.
    void OwnerItselfInAText()
    {
        IMemoryOwner<byte> owner = _pool.Rent(100);
        Keep($"{owner}");
        owner.Dispose();
    }

    static extern void Keep(FormattableString text);
}
