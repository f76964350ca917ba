// Arenas: chunks in a chain, marks, a scratch buffer that starts on the stack.

using System;
using System.Buffers;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;
using KAlloc;
using static KAlloc.Linux;

namespace Corpus.Arenas;

unsafe struct Chunk { public Chunk* next; public nuint cap; public nuint used; }
unsafe struct Arena
{
    Chunk* _head; nuint _chunk; ulong _total;
    public static Arena Create(nuint chunk) => new Arena { _chunk = chunk };
    public void* Alloc(nuint n, nuint align = 8)
    {
        if (_head != null)
        {
            nuint at = (_head->used + align - 1) & ~(align - 1);
            if (at + n <= _head->cap) { _head->used = at + n; return (byte*)(_head + 1) + at; }
        }
        nuint cap = n > _chunk ? n : _chunk;
        Chunk* c = (Chunk*)NativeMemory.Alloc((nuint)sizeof(Chunk) + cap);
        c->next = _head; c->cap = cap; c->used = n;
        _head = c; _total += cap;
        return c + 1;
    }
    public T* New<T>() where T : unmanaged { T* t = (T*)Alloc((nuint)sizeof(T)); *t = default; return t; }
    public byte* Dup(ReadOnlySpan<byte> s) { byte* p = (byte*)Alloc((nuint)s.Length + 1); s.CopyTo(new Span<byte>(p, s.Length)); p[s.Length] = 0; return p; }
    public void Reset()
    {
        if (_head == null) return;
        Chunk* c = _head->next;
        while (c != null) { Chunk* n = c->next; _total -= c->cap; NativeMemory.Free(c); c = n; }
        _head->next = null; _head->used = 0;
    }
    public void Free()
    {
        for (Chunk* c = _head; c != null;) { Chunk* n = c->next; NativeMemory.Free(c); c = n; }
        _head = null; _total = 0;
    }
    public (nint, nuint) Mark() => ((nint)_head, _head == null ? 0 : _head->used);
    public void Release((nint Chunk, nuint Used) mark)
    {
        while ((nint)_head != mark.Chunk) { Chunk* dead = _head; _head = dead->next; NativeMemory.Free(dead); }
        if (_head != null) _head->used = mark.Used;
    }
}
unsafe sealed class KArena : IDisposable
{
    private struct Block { public Block* prev; public int size; }
    private Block* _last; private byte* _at, _end; private readonly object _gate = new();
    public void* Take(int n)
    {
        lock (_gate)
        {
            if (_end - _at < n)
            {
                int size = Math.Max(n + sizeof(Block), 4096);
                var b = (Block*)kmalloc((nuint)size, GFP_KERNEL);
                if (b == null) throw new OutOfMemoryException();
                b->prev = _last; b->size = size;
                _last = b;
                _at = (byte*)(b + 1); _end = (byte*)b + size;
            }
            void* r = _at; _at += n; return r;
        }
    }
    public void Dispose()
    {
        lock (_gate)
        {
            while (_last != null) { Block* p = _last->prev; kfree(_last); _last = p; }
            _at = _end = null;
        }
    }
}
unsafe ref struct Scratch
{
    private Span<byte> _initial; private byte* _grown; private int _cap, _len;
    public Scratch(Span<byte> initial) { _initial = initial; _cap = initial.Length; _grown = null; _len = 0; }
    public void Append(ReadOnlySpan<byte> s)
    {
        if (_len + s.Length > _cap) Grow(_len + s.Length);
        s.CopyTo(Whole.Slice(_len)); _len += s.Length;
    }
    private Span<byte> Whole => _grown == null ? _initial : new Span<byte>(_grown, _cap);
    private void Grow(int need)
    {
        int cap = Math.Max(need, _cap * 2);
        if (_grown == null)
        {
            byte* p = (byte*)NativeMemory.Alloc((nuint)cap);
            _initial.Slice(0, _len).CopyTo(new Span<byte>(p, cap));
            _grown = p;
        }
        else _grown = (byte*)NativeMemory.Realloc(_grown, (nuint)cap);
        _cap = cap;
    }
    public byte[] ToArray() => Whole.Slice(0, _len).ToArray();
    public void Dispose() { byte* g = _grown; this = default; if (g != null) NativeMemory.Free(g); }
}
unsafe static class UseArena
{
    static int Parse(ReadOnlySpan<byte> text)
    {
        Arena a = Arena.Create(4096);
        try
        {
            int words = 0; byte** table = (byte**)a.Alloc((nuint)(16 * sizeof(byte*)));
            while (!text.IsEmpty && words < 16)
            {
                int sp = text.IndexOf((byte)' ');
                var w = sp < 0 ? text : text[..sp];
                table[words++] = a.Dup(w);
                text = sp < 0 ? default : text[(sp + 1)..];
            }
            return words;
        }
        finally { a.Free(); }
    }
    static byte[] Join(byte[][] parts)
    {
        var s = new Scratch(stackalloc byte[64]);
        try { foreach (var p in parts) s.Append(p); return s.ToArray(); }
        finally { s.Dispose(); }
    }
    static byte[] Join2(byte[][] parts) { using var s = new Scratch(stackalloc byte[64]); foreach (var p in parts) s.Append(p); return s.ToArray(); }
    static void Marks()
    {
        var a = Arena.Create(100);
        var m = a.Mark();
        a.New<long>(); a.New<Guid>();
        a.Release(m);
        a.Reset();
        a.Free();
    }
    static Arena Hand() { var a = Arena.Create(10); a.New<int>(); return a; }
    static void TakeHand() { Arena a = Hand(); Arena b = a; a = default; b.Free(); a.Free(); }
    static void Pass(ref Arena a) { a.New<long>(); }
    static void UsePass() { Arena a = default; Pass(ref a); Pass(ref a); a.Free(); a.Free(); }
}
