// Fields that start as what is written beside them.

using System;
using System.Collections.Generic;
using System.Threading;

unsafe sealed class OpenAtFirst : IDisposable
{
    private bool _isOpen = true;
    private void* _data;
    public OpenAtFirst() { _data = NativeMemory.Alloc(3); }
    public void Dispose() { if (!_isOpen) return; _isOpen = false; NativeMemory.Free(_data); }
}

unsafe sealed class ClosedAtFirst : IDisposable
{
    private bool _isOpen = false;
    private void* _data;
    public ClosedAtFirst() { _data = NativeMemory.Alloc(3); }
    public void Open() => _isOpen = true;
    public void Dispose() { if (!_isOpen) return; _isOpen = false; NativeMemory.Free(_data); }
}

unsafe sealed class Counted : IDisposable
{
    private int _references = 1;
    private long _least = -1;
    private void* _data = null;
    public Counted(int size) { if (_data == null) _data = NativeMemory.Alloc((nuint)size); }
    public void Add() => _references++;
    public void Dispose() { if (_least < 0 && --_references == 0) NativeMemory.Free(_data); }
}

unsafe sealed class Holder : IDisposable
{
    private OpenAtFirst _inner;
    private bool _isOpen = true;
    private List<OpenAtFirst> _old = new();
    private readonly Lock _gate = new();
    public Holder(string name) { _inner = new OpenAtFirst(); }
    public void Dispose()
    {
        if (!_isOpen) return;
        _isOpen = false;
        lock (_gate) { foreach (OpenAtFirst old in _old) old.Dispose(); _old.Clear(); }
        _inner.Dispose();
    }
}

unsafe struct Holding
{
    private bool _owns = true;
    public byte* data;
    public Holding(byte* p) { data = p; }
    public Holding(byte* p, int size) : this(p) { data[0] = (byte)size; }
    public Holding(byte* p, bool isCleared) : this() { data = p; }
    public void Dispose() { if (_owns) NativeMemory.Free(data); }
}

unsafe struct HoldingOnce(byte* p)
{
    private byte* _data = p;
    public bool IsOpen { get; private set; } = true;
    public void Dispose() { if (!IsOpen) return; IsOpen = false; NativeMemory.Free(_data); }
}

enum Stage { Closed, Open }

static class Defaults { internal const int Yes = 1; }

unsafe sealed class ByConstantElsewhere : IDisposable
{
    private int _count = Defaults.Yes;
    private void* _data;
    public ByConstantElsewhere() { _data = NativeMemory.Alloc(3); }
    public void Dispose() { if (_count != 1) return; NativeMemory.Free(_data); }
}

unsafe sealed class InStages : IDisposable
{
    private Stage _stage = Stage.Open;
    private void* _data;
    public InStages() { _data = NativeMemory.Alloc(3); }
    public void Dispose() { if (_stage == Stage.Closed) return; _stage = Stage.Closed; NativeMemory.Free(_data); }
}

unsafe sealed class ByConstant : IDisposable
{
    private const bool OwnsAtFirst = true;
    private bool _owns = (OwnsAtFirst);
    private void* _data;
    public ByConstant() { _data = NativeMemory.Alloc(3); }
    public void Dispose() { if (!_owns) return; NativeMemory.Free(_data); }
}

unsafe sealed class WithList : IDisposable
{
    private List<nint> _blocks = (new())!;
    private object? _gate = new object();
    private int[]? _sizes = [1, 2];
    private string? _name = "";
    private void* _data;
    public WithList() { _data = NativeMemory.Alloc(3); }
    public void Dispose()
    {
        if (_blocks == null || _gate is null || _sizes == null || _name == null) return;
        _blocks = null;
        NativeMemory.Free(_data);
    }
}

unsafe sealed class WithoutList : IDisposable
{
    private List<nint>? _blocks = new();
    private void* _data;
    public WithoutList() { _data = NativeMemory.Alloc(3); _blocks = null; }
    public void Dispose() { if (_blocks == null) return; NativeMemory.Free(_data); }
}

unsafe class Bodies
{
    static void DisposedInStages() { using var held = new InStages(); }

    static void DisposedByConstantElsewhere() { using var held = new ByConstantElsewhere(); }

    static void DisposedByConstant() { using var held = new ByConstant(); }

    static void DisposedWithList() { using var held = new WithList(); }

    static void DisposedWithoutList()
    {
        var held = new WithoutList();
        held.Dispose();
    } // expect: KA4001

    static void DisposedWhereOpen() { using var held = new OpenAtFirst(); }

    static void DisposedWhereClosed()
    {
        var held = new ClosedAtFirst();
        held.Dispose();
    } // expect: KA4001

    static void DisposedAfterOpening()
    {
        var held = new ClosedAtFirst();
        held.Open();
        held.Dispose();
    }

    static void DisposedTogether() { using var held = new Holder(""); }

    static void Released() { using var held = new Counted(3); }

    static void ReleasedOnceTooFew()
    {
        var held = new Counted(3);
        held.Add();
        held.Dispose();
    } // expect: KA4001

    static void ReleasedTwice()
    {
        var held = new Counted(3);
        held.Add();
        held.Dispose();
        held.Dispose();
    }

    // Structs that a constructor makes.

    static void OfAStruct()
    {
        var held = new Holding((byte*)NativeMemory.Alloc(8));
        held.Dispose();
    }

    static void OfAStructThroughAnotherConstructor()
    {
        var held = new Holding((byte*)NativeMemory.Alloc(8), 3);
        held.Dispose();
    }

    static void OfAStructTwice()
    {
        var held = new Holding((byte*)NativeMemory.Alloc(8));
        held.Dispose();
        held.Dispose(); // expect: KA4005
    }

    // "this()" runs no initializer.

    static void OfAStructOfZeroes()
    {
        var held = new Holding((byte*)NativeMemory.Alloc(8), false);
        held.Dispose();
    } // expect: KA4001

    static void OfAStructWithAPrimaryConstructor()
    {
        var held = new HoldingOnce((byte*)NativeMemory.Alloc(8));
        held.Dispose();
        held.Dispose();
    }

    static void OfAStructWithAPrimaryConstructorKept()
    {
        var held = new HoldingOnce((byte*)NativeMemory.Alloc(8));
        Console.WriteLine(held.IsOpen);
    } // expect: KA4001
}
