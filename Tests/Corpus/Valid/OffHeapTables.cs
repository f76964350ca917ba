// Hash tables, a least-recently-used cache and interned strings outside of the managed heap.

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

namespace Corpus.OffHeapTables;

unsafe sealed class OffHeapMap : IDisposable
{
    struct Entry { public ulong key; public byte* val; public int len; public byte state; }
    Entry* _t; int _cap, _n; readonly ReaderWriterLockSlim _rw = new();
    public OffHeapMap(int cap) { _cap = cap; _t = (Entry*)NativeMemory.AllocZeroed((nuint)cap, (nuint)sizeof(Entry)); }
    static Entry* Slot(Entry* t, int cap, ulong key)
    {
        int i = (int)(key % (ulong)cap);
        while (t[i].state != 0 && t[i].key != key) i = (i + 1) % cap;
        return &t[i];
    }
    public void Put(ulong key, ReadOnlySpan<byte> v)
    {
        byte* copy = (byte*)NativeMemory.Alloc((nuint)v.Length);
        v.CopyTo(new Span<byte>(copy, v.Length));
        byte* old = null;
        _rw.EnterWriteLock();
        try
        {
            if (_n * 4 >= _cap * 3) Resize();
            Entry* e = Slot(_t, _cap, key);
            if (e->state == 0) { _n++; e->state = 1; e->key = key; }
            else old = e->val;
            e->val = copy; e->len = v.Length;
        }
        finally { _rw.ExitWriteLock(); }
        if (old != null) NativeMemory.Free(old);
    }
    void Resize()
    {
        int cap = _cap * 2;
        Entry* t = (Entry*)NativeMemory.AllocZeroed((nuint)cap, (nuint)sizeof(Entry));
        for (int i = 0; i < _cap; i++)
            if (_t[i].state == 1) *Slot(t, cap, _t[i].key) = _t[i];
        NativeMemory.Free(_t);
        _t = t; _cap = cap;
    }
    public bool TryGet(ulong key, Span<byte> into, out int len)
    {
        _rw.EnterReadLock();
        try
        {
            Entry* e = Slot(_t, _cap, key);
            if (e->state != 1) { len = 0; return false; }
            len = e->len;
            new ReadOnlySpan<byte>(e->val, e->len).CopyTo(into);
            return true;
        }
        finally { _rw.ExitReadLock(); }
    }
    public bool Remove(ulong key)
    {
        _rw.EnterWriteLock();
        try
        {
            Entry* e = Slot(_t, _cap, key);
            if (e->state != 1) return false;
            NativeMemory.Free(e->val);
            *e = default;
            e->state = 2;
            _n--;
            return true;
        }
        finally { _rw.ExitWriteLock(); }
    }
    public void Dispose()
    {
        if (_t == null) return;
        for (int i = 0; i < _cap; i++) if (_t[i].state == 1) NativeMemory.Free(_t[i].val);
        NativeMemory.Free(_t);
        _t = null; _rw.Dispose();
    }
}
unsafe sealed class ChainMap : IDisposable
{
    struct N { public N* next; public uint hash; public int klen, vlen; }
    N** _b; uint _mask; int _n;
    public ChainMap(int bits)
    {
        _mask = (1u << bits) - 1;
        _b = (N**)kcalloc((nuint)1 << bits, (nuint)sizeof(N*), GFP_KERNEL);
        if (_b == null) throw new OutOfMemoryException();
    }
    static byte* Key(N* n) => (byte*)(n + 1);
    static byte* Val(N* n) => (byte*)(n + 1) + n->klen;
    static N* New(uint h, ReadOnlySpan<byte> k, ReadOnlySpan<byte> v)
    {
        N* n = (N*)kmalloc((nuint)(sizeof(N) + k.Length + v.Length), GFP_KERNEL);
        if (n == null) return null;
        n->hash = h; n->klen = k.Length; n->vlen = v.Length; n->next = null;
        k.CopyTo(new Span<byte>(Key(n), k.Length));
        v.CopyTo(new Span<byte>(Val(n), v.Length));
        return n;
    }
    public bool Set(ReadOnlySpan<byte> k, ReadOnlySpan<byte> v)
    {
        uint h = 17; foreach (byte x in k) h = h * 31 + x;
        N* fresh = New(h, k, v);
        if (fresh == null) return false;
        N** at = &_b[h & _mask];
        for (; *at != null; at = &(*at)->next)
        {
            N* n = *at;
            if (n->hash != h || !new ReadOnlySpan<byte>(Key(n), n->klen).SequenceEqual(k)) continue;
            fresh->next = n->next;
            *at = fresh;
            kfree(n);
            return true;
        }
        fresh->next = _b[h & _mask];
        _b[h & _mask] = fresh;
        _n++;
        return true;
    }
    public bool Delete(uint h, ReadOnlySpan<byte> k)
    {
        N* prev = null;
        for (N* n = _b[h & _mask]; n != null; prev = n, n = n->next)
        {
            if (n->hash != h || !new ReadOnlySpan<byte>(Key(n), n->klen).SequenceEqual(k)) continue;
            if (prev == null) _b[h & _mask] = n->next; else prev->next = n->next;
            kfree(n);
            _n--;
            return true;
        }
        return false;
    }
    bool Rehash()
    {
        uint mask = _mask * 2 + 1;
        N** b = (N**)kcalloc((nuint)mask + 1, (nuint)sizeof(N*), GFP_KERNEL | __GFP_NOWARN);
        if (b == null) return false;
        for (uint i = 0; i <= _mask; i++)
            for (N* n = _b[i], next; n != null; n = next) { next = n->next; n->next = b[n->hash & mask]; b[n->hash & mask] = n; }
        kfree(_b);
        _b = b; _mask = mask;
        return true;
    }
    public void Clear()
    {
        for (uint i = 0; i <= _mask; i++)
        {
            N* n = _b[i];
            while (n != null) { N* next = n->next; kfree(n); n = next; }
            _b[i] = null;
        }
        _n = 0;
    }
    public void Dispose() { if (_b == null) return; Clear(); kfree(_b); _b = null; }
}
unsafe sealed class Lru : IDisposable
{
    struct E { public E* prev, next; public E* chain; public long key; public void* data; public nuint size; }
    E* _head, _tail; readonly E** _buckets; nuint _bytes; readonly nuint _limit; readonly Lock _lock = new();
    public Lru(nuint limit) { _limit = limit; _buckets = (E**)NativeMemory.AllocZeroed(256, (nuint)sizeof(E*)); }
    ~Lru() => Free();
    void Unlink(E* e) { if (e->prev != null) e->prev->next = e->next; else _head = e->next; if (e->next != null) e->next->prev = e->prev; else _tail = e->prev; e->prev = e->next = null; }
    void Front(E* e) { e->next = _head; e->prev = null; if (_head != null) _head->prev = e; _head = e; if (_tail == null) _tail = e; }
    E* Lookup(long key) { for (E* e = _buckets[key & 255]; e != null; e = e->chain) if (e->key == key) return e; return null; }
    void Unhash(E* e) { E** at = &_buckets[e->key & 255]; while (*at != e) at = &(*at)->chain; *at = e->chain; }
    static void Destroy(E* e) { NativeMemory.Free(e->data); NativeMemory.Free(e); }
    public void Add(long key, ReadOnlySpan<byte> v)
    {
        E* e = (E*)NativeMemory.AllocZeroed((nuint)sizeof(E));
        e->data = NativeMemory.Alloc((nuint)v.Length); e->size = (nuint)v.Length; e->key = key;
        v.CopyTo(new Span<byte>(e->data, v.Length));
        E* evict = null;
        lock (_lock)
        {
            E* old = Lookup(key);
            if (old != null) { Unhash(old); Unlink(old); _bytes -= old->size; old->chain = evict; evict = old; }
            e->chain = _buckets[key & 255]; _buckets[key & 255] = e;
            Front(e); _bytes += e->size;
            while (_bytes > _limit && _tail != e) { E* t = _tail; Unhash(t); Unlink(t); _bytes -= t->size; t->chain = evict; evict = t; }
        }
        while (evict != null) { E* n = evict->chain; Destroy(evict); evict = n; }
    }
    public bool Get(long key, Span<byte> into)
    {
        lock (_lock)
        {
            E* e = Lookup(key);
            if (e == null) return false;
            Unlink(e); Front(e);
            new ReadOnlySpan<byte>(e->data, (int)e->size).CopyTo(into);
            return true;
        }
    }
    void Free() { while (_head != null) { E* e = _head; Unlink(e); Destroy(e); } NativeMemory.Free(_buckets); }
    public void Dispose() { Free(); GC.SuppressFinalize(this); }
}
unsafe sealed class Interner : IDisposable
{
    readonly Dictionary<string, IntPtr> _map = new(); readonly object _gate = new();
    public byte* Get(string s)
    {
        lock (_gate)
        {
            if (_map.TryGetValue(s, out IntPtr p)) return (byte*)p;
            p = Marshal.StringToCoTaskMemUTF8(s);
            _map.Add(s, p);
            return (byte*)p;
        }
    }
    public byte* Get2(string s)
    {
        ref IntPtr p = ref CollectionsMarshal.GetValueRefOrAddDefault(_map, s, out bool exists);
        if (!exists) p = Marshal.StringToCoTaskMemUTF8(s);
        return (byte*)p;
    }
    static readonly ConcurrentDictionary<string, IntPtr> s_all = new();
    static IntPtr Shared(string s) => s_all.GetOrAdd(s, static k => Marshal.StringToHGlobalAnsi(k));
    static IntPtr Shared2(string s)
    {
        if (s_all.TryGetValue(s, out IntPtr p)) return p;
        IntPtr mine = Marshal.StringToHGlobalAnsi(s);
        IntPtr got = s_all.GetOrAdd(s, mine);
        if (got != mine) Marshal.FreeHGlobal(mine);
        return got;
    }
    static IntPtr Shared3(string s)
    {
        IntPtr mine = Marshal.StringToHGlobalAnsi(s);
        if (s_all.TryAdd(s, mine)) return mine;
        Marshal.FreeHGlobal(mine);
        return s_all[s];
    }
    public void Dispose() { lock (_gate) { foreach (IntPtr p in _map.Values) Marshal.FreeCoTaskMem(p); _map.Clear(); } }
}
