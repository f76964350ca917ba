// A log-structured store: pages that are pinned, tables that readers share, snapshots.

using System;
using System.Buffers;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;
using Microsoft.Win32.SafeHandles;
using KAlloc;
using static KAlloc.Linux;

namespace Corpus.PageStore;

unsafe struct PageHdr { public long id; public int pins; public int dirty; public PageHdr* hnext; public PageHdr* lprev; public PageHdr* lnext; }
unsafe sealed class PageCache : IDisposable
{
    const int PageSize = 4096;
    readonly PageHdr** _hash; readonly int _buckets; PageHdr _lru; int _count; readonly int _max; readonly SafeFileHandle _file; readonly Lock _gate = new();
    public PageCache(SafeFileHandle f, int max)
    {
        _file = f; _max = max; _buckets = 1024;
        _hash = (PageHdr**)NativeMemory.AllocZeroed((nuint)_buckets, (nuint)sizeof(PageHdr*));
    }
    static byte* Data(PageHdr* h) => (byte*)h + sizeof(PageHdr);
    static PageHdr* Allocate(long id)
    {
        PageHdr* h = (PageHdr*)NativeMemory.AlignedAlloc((nuint)(sizeof(PageHdr) + PageSize), 64);
        *h = default;
        h->id = id; h->pins = 1;
        return h;
    }
    PageHdr* Find(long id) { for (PageHdr* h = _hash[id % _buckets]; h != null; h = h->hnext) if (h->id == id) return h; return null; }
    public PageHdr* Pin(long id)
    {
        lock (_gate)
        {
            PageHdr* h = Find(id);
            if (h != null) { h->pins++; return h; }
            h = Allocate(id);
            try
            {
                int n = System.IO.RandomAccess.Read(_file, new Span<byte>(Data(h), PageSize), id * PageSize);
                if (n < PageSize) new Span<byte>(Data(h) + n, PageSize - n).Clear();
            }
            catch
            {
                NativeMemory.AlignedFree(h);
                throw;
            }
            if (_count >= _max) EvictOne();
            h->hnext = _hash[id % _buckets];
            _hash[id % _buckets] = h;
            _count++;
            return h;
        }
    }
    public void Unpin(PageHdr* h, bool dirty) { lock (_gate) { h->pins--; if (dirty) h->dirty = 1; } }
    bool EvictOne()
    {
        for (int i = 0; i < _buckets; i++)
        {
            for (PageHdr** at = &_hash[i]; *at != null; at = &(*at)->hnext)
            {
                PageHdr* h = *at;
                if (h->pins > 0) continue;
                if (h->dirty != 0) Write(h);
                *at = h->hnext;
                NativeMemory.AlignedFree(h);
                _count--;
                return true;
            }
        }
        return false;
    }
    void Write(PageHdr* h) { System.IO.RandomAccess.Write(_file, new ReadOnlySpan<byte>(Data(h), PageSize), h->id * PageSize); h->dirty = 0; }
    public void Flush() { lock (_gate) for (int i = 0; i < _buckets; i++) for (PageHdr* h = _hash[i]; h != null; h = h->hnext) if (h->dirty != 0) Write(h); }
    public void Dispose()
    {
        Flush();
        for (int i = 0; i < _buckets; i++)
        {
            PageHdr* h = _hash[i];
            while (h != null) { PageHdr* n = h->hnext; NativeMemory.AlignedFree(h); h = n; }
        }
        NativeMemory.Free(_hash);
    }
}
readonly unsafe struct Lease : IDisposable
{
    readonly PageCache _c; readonly PageHdr* _h;
    public Lease(PageCache c, long id) { _c = c; _h = c.Pin(id); }
    public Span<byte> Data => new((byte*)_h + sizeof(PageHdr), 4096);
    public void Dispose() => _c.Unpin(_h, false);
}
unsafe sealed class MemTable : IDisposable
{
    struct Rec { public Rec* l, r; public uint h; public int k, v; }
    Rec* _root; long _bytes; int _refs = 1; bool _frozen;
    public bool TryAddRef() { int r; do { r = Volatile.Read(ref _refs); if (r == 0) return false; } while (Interlocked.CompareExchange(ref _refs, r + 1, r) != r); return true; }
    public void Release() { if (Interlocked.Decrement(ref _refs) == 0) FreeAll(); }
    public void Put(uint h, ReadOnlySpan<byte> key, ReadOnlySpan<byte> val)
    {
        if (_frozen) throw new InvalidOperationException();
        Rec* n = (Rec*)NativeMemory.Alloc((nuint)(sizeof(Rec) + key.Length + val.Length));
        n->l = n->r = null; n->h = h; n->k = key.Length; n->v = val.Length;
        key.CopyTo(new Span<byte>(n + 1, key.Length));
        val.CopyTo(new Span<byte>((byte*)(n + 1) + key.Length, val.Length));
        Rec* at = _root;
        if (at == null) { _root = n; _bytes += n->k + n->v; return; }
        for (; ; )
        {
            if (h == at->h) { n->l = at->l; n->r = at->r; Replace(at, n); return; }
            if (h < at->h) { if (at->l == null) { at->l = n; break; } at = at->l; }
            else { if (at->r == null) { at->r = n; break; } at = at->r; }
        }
        _bytes += n->k + n->v;
    }
    void Replace(Rec* old, Rec* n)
    {
        if (_root == old) _root = n;
        else
        {
            Rec* p = _root;
            while (p->l != old && p->r != old) p = n->h < p->h ? p->l : p->r;
            if (p->l == old) p->l = n; else p->r = n;
        }
        NativeMemory.Free(old);
    }
    void FreeAll()
    {
        var stack = new Stack<nint>();
        if (_root != null) stack.Push((nint)_root);
        _root = null;
        while (stack.TryPop(out nint x))
        {
            Rec* r = (Rec*)x;
            if (r->l != null) stack.Push((nint)r->l);
            if (r->r != null) stack.Push((nint)r->r);
            NativeMemory.Free(r);
        }
    }
    public void Dispose() => Release();
    public void Freeze() => _frozen = true;
}
unsafe sealed class Store : IDisposable
{
    MemTable _active = new(); readonly List<MemTable> _old = new(); readonly Lock _gate = new(); PageCache _cache; bool _open = true;
    public Store(string path) { _cache = new PageCache(File(path), 100); }
    static SafeFileHandle File(string p) => System.IO.File.OpenHandle(p);
    public void Rotate() { lock (_gate) { _active.Freeze(); _old.Add(_active); _active = new MemTable(); } }
    public int ReadPage(long id, Span<byte> into) { using var l = new Lease(_cache, id); l.Data.CopyTo(into); return l.Data.Length; }
    public byte* Snapshot(out int n)
    {
        n = 0;
        MemTable t;
        lock (_gate) { t = _active; if (!t.TryAddRef()) return null; }
        try { n = 3; return (byte*)NativeMemory.Alloc(3); }
        finally { t.Release(); }
    }
    public void UseSnapshot() { byte* s = Snapshot(out int n); if (s == null) return; try { for (int i = 0; i < n; i++) s[i] = 0; } finally { NativeMemory.Free(s); } }
    public void Dispose()
    {
        if (!_open) return; _open = false;
        lock (_gate) { foreach (var t in _old) t.Release(); _old.Clear(); _active.Release(); }
        _cache.Dispose();
    }
    static void Main2(string p)
    {
        using var s = new Store(p);
        s.Rotate(); s.UseSnapshot();
        var m = new MemTable(); m.Put(1, [1], [2]); m.Put(2, [1], [2]); m.Release();
        using var m2 = new MemTable(); m2.Put(1, [1], [2]); if (!m2.TryAddRef()) return; m2.Release();
    }
}
