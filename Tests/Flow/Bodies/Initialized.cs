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

unsafe class Bodies
{
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
}
