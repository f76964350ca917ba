// A network driver in the manner of C: buffers with a count of users, queues, error ladders.

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

namespace Corpus.SocketBuffers;

unsafe struct Skb { public Skb* next; public byte* head, data, tail, end; public int users; public int len; public uint flags; }
unsafe struct SkbQueue { public Skb* first, last; public int n; public spinlock_t lk; }
unsafe struct Driver { public kmem_cache* skbs; public SkbQueue tx, rx; public byte* ring; public nuint ringSize; public void** slots; public int nslots; public bool up; public page* dma; }
unsafe static class Net
{
    static Skb* AllocSkb(kmem_cache* c, int size, gfp_t f)
    {
        Skb* s = (Skb*)kmem_cache_alloc(c, f);
        if (s == null) return null;
        byte* d = (byte*)kmalloc((nuint)size, f);
        if (d == null) { kmem_cache_free(c, s); return null; }
        *s = default;
        s->head = s->data = s->tail = d; s->end = d + size; s->users = 1;
        return s;
    }
    static void FreeSkb(kmem_cache* c, Skb* s)
    {
        if (s == null) return;
        if (--s->users > 0) return;
        kfree(s->head);
        kmem_cache_free(c, s);
    }
    static Skb* Clone(kmem_cache* c, Skb* s)
    {
        Skb* n = AllocSkb(c, (int)(s->end - s->head), GFP_ATOMIC);
        if (n == null) return null;
        Buffer.MemoryCopy(s->data, n->data, s->len, s->len);
        n->tail = n->data + s->len; n->len = s->len;
        return n;
    }
    static byte* Put(Skb* s, int n) { byte* t = s->tail; if (s->end - t < n) return null; s->tail += n; s->len += n; return t; }
    static byte* Pull(Skb* s, int n) { if (s->len < n) return null; s->len -= n; return s->data += n; }
    static void Enqueue(SkbQueue* q, Skb* s)
    {
        spin_lock_irqsave(ref q->lk, out nuint f);
        s->next = null;
        if (q->last == null) q->first = s; else q->last->next = s;
        q->last = s; q->n++;
        spin_unlock_irqrestore(ref q->lk, f);
    }
    static Skb* Dequeue(SkbQueue* q)
    {
        spin_lock_irqsave(ref q->lk, out nuint f);
        Skb* s = q->first;
        if (s != null) { q->first = s->next; if (q->first == null) q->last = null; q->n--; s->next = null; }
        spin_unlock_irqrestore(ref q->lk, f);
        return s;
    }
    static void Purge(Driver* d, SkbQueue* q) { Skb* s; while ((s = Dequeue(q)) != null) FreeSkb(d->skbs, s); }
    static int Xmit(Driver* d, byte* data, int n)
    {
        Skb* s = AllocSkb(d->skbs, n + 64, GFP_KERNEL);
        if (s == null) return -ENOMEM;
        byte* p = Put(s, n);
        if (p == null) { FreeSkb(d->skbs, s); return -EINVAL; }
        Buffer.MemoryCopy(data, p, n, n);
        if (!d->up) goto drop;
        Enqueue(&d->tx, s);
        return n;
    drop:
        FreeSkb(d->skbs, s);
        return -ENODEV;
    }
    static int Echo(Driver* d)
    {
        Skb* s = Dequeue(&d->rx);
        if (s == null) return 0;
        Skb* c = Clone(d->skbs, s);
        int n = s->len;
        FreeSkb(d->skbs, s);
        if (c == null) return -ENOMEM;
        Enqueue(&d->tx, c);
        return n;
    }
    static int Probe(Driver* d)
    {
        int err;
        d->skbs = kmem_cache_create("skb", (uint)sizeof(Skb), 0, SLAB_HWCACHE_ALIGN, null);
        if (d->skbs == null) return -ENOMEM;
        d->ringSize = 8192;
        d->ring = (byte*)vzalloc(d->ringSize);
        if (d->ring == null) { err = -ENOMEM; goto no_ring; }
        d->nslots = 64;
        d->slots = (void**)kcalloc(64, (nuint)sizeof(void*), GFP_KERNEL);
        if (d->slots == null) { err = -ENOMEM; goto no_slots; }
        d->dma = alloc_pages(GFP_KERNEL, 2);
        if (d->dma == null) { err = -ENOMEM; goto no_dma; }
        d->up = true;
        return 0;
    no_dma:
        kfree(d->slots); d->slots = null;
    no_slots:
        vfree(d->ring); d->ring = null;
    no_ring:
        kmem_cache_destroy(d->skbs); d->skbs = null;
        return err;
    }
    static void Remove(Driver* d)
    {
        d->up = false;
        Purge(d, &d->rx); Purge(d, &d->tx);
        __free_pages(d->dma, 2);
        for (int i = 0; i < d->nslots; i++) kfree(d->slots[i]);
        kfree(d->slots);
        vfree(d->ring);
        kmem_cache_destroy(d->skbs);
    }
    static Driver* Create() { Driver* d = (Driver*)kzalloc((nuint)sizeof(Driver), GFP_KERNEL); if (d == null) return null; if (Probe(d) != 0) { kfree(d); return null; } return d; }
    static void Run() { Driver* d = Create(); if (d == null) return; byte b = 3; Xmit(d, &b, 1); Remove(d); kfree(d); }
    static int RunErr() { Driver* d = Create(); if (d == null) return -ENOMEM; int r; byte b = 3; if ((r = Xmit(d, &b, 1)) < 0) goto done; r = Echo(d); done: Remove(d); kfree(d); return r; }
    static int Fill(Driver* d)
    {
        int i;
        for (i = 0; i < d->nslots; i++)
        {
            d->slots[i] = kmalloc(2048, GFP_KERNEL);
            if (d->slots[i] == null) goto undo;
        }
        return 0;
    undo:
        while (i-- > 0) { kfree(d->slots[i]); d->slots[i] = null; }
        return -ENOMEM;
    }
    static Skb* Coalesce(Driver* d, Skb* a, Skb* b)
    {
        if (a->end - a->tail < b->len)
        {
            Skb* big = AllocSkb(d->skbs, a->len + b->len, GFP_KERNEL);
            if (big == null) return null;
            Buffer.MemoryCopy(a->data, Put(big, a->len), a->len, a->len);
            FreeSkb(d->skbs, a);
            a = big;
        }
        Buffer.MemoryCopy(b->data, Put(a, b->len), b->len, b->len);
        FreeSkb(d->skbs, b);
        return a;
    }
    static int ExpandHead(Skb* s, int extra)
    {
        int size = (int)(s->end - s->head) + extra, off = (int)(s->data - s->head);
        byte* n = (byte*)krealloc(s->head, (nuint)size, GFP_KERNEL);
        if (n == null) return -ENOMEM;
        s->head = n; s->data = n + off; s->tail = s->data + s->len; s->end = n + size;
        return 0;
    }
    static void UseExpand(kmem_cache* c) { Skb* s = AllocSkb(c, 10, GFP_KERNEL); if (s == null) return; if (ExpandHead(s, 5) == 0) s->data[0] = 1; FreeSkb(c, s); }
}
