// Locks that are dropped and taken again, tried, handed from one method to the next, and left early.

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

namespace Corpus.KernelLocks;

unsafe struct Dev { public spinlock_t lk; public mutex_t mtx; public void* cur; public int n; public ListNode* head; public bool dead; public nint irqs; }
unsafe struct ListNode { public ListNode* next; public int v; public byte* data; }
unsafe static class K
{
    static spinlock_t s_lock; static mutex_t s_mtx; static ListNode* s_list; static void* s_cache; static int s_n;
    static int IrqEarly(Dev* d, int n)
    {
        spin_lock_irqsave(ref d->lk, out nuint f);
        if (d->dead) { spin_unlock_irqrestore(ref d->lk, f); return -ENODEV; }
        if (n < 0) goto bad;
        d->n += n;
        spin_unlock_irqrestore(ref d->lk, f);
        return 0;
    bad:
        spin_unlock_irqrestore(ref d->lk, f);
        return -EINVAL;
    }
    static int Retake(Dev* d)
    {
        void* fresh = null;
        spin_lock(ref d->lk);
    again:
        if (d->cur == null)
        {
            if (fresh == null)
            {
                spin_unlock(ref d->lk);
                fresh = kmalloc(64, GFP_KERNEL);
                if (fresh == null) return -ENOMEM;
                spin_lock(ref d->lk);
                goto again;
            }
            d->cur = fresh; fresh = null;
        }
        d->n++;
        spin_unlock(ref d->lk);
        kfree(fresh);
        return 0;
    }
    static int TryIt(Dev* d)
    {
        if (!spin_trylock(ref d->lk)) return -EBUSY;
        int r = d->n;
        spin_unlock(ref d->lk);
        return r;
    }
    static int TryMutex(Dev* d) { if (!mutex_trylock(ref d->mtx)) return -EBUSY; try { return d->n; } finally { mutex_unlock(ref d->mtx); } }
    static int Interruptible(Dev* d) { if (mutex_lock_interruptible(ref d->mtx) != 0) return -EINTR; int r = d->n; mutex_unlock(ref d->mtx); return r; }
    static int Conditional(Dev* d, bool locked)
    {
        if (!locked) spin_lock(ref d->lk);
        int r = d->n++;
        if (!locked) spin_unlock(ref d->lk);
        return r;
    }
    static void CondCaller(Dev* d) { spin_lock(ref d->lk); Conditional(d, true); spin_unlock(ref d->lk); Conditional(d, false); }
    static void Prealloc(int v)
    {
        ListNode* n = (ListNode*)kmalloc((nuint)sizeof(ListNode), GFP_KERNEL);
        if (n == null) return;
        n->v = v; n->data = null;
        spin_lock(ref s_lock);
        n->next = s_list; s_list = n;
        spin_unlock(ref s_lock);
    }
    static void Atomic1(int v)
    {
        spin_lock(ref s_lock);
        ListNode* n = (ListNode*)kmalloc((nuint)sizeof(ListNode), GFP_ATOMIC);
        if (n == null) { spin_unlock(ref s_lock); return; }
        n->v = v; n->next = s_list; s_list = n;
        spin_unlock(ref s_lock);
    }
    static ListNode* Detach() { spin_lock(ref s_lock); ListNode* l = s_list; s_list = null; spin_unlock(ref s_lock); return l; }
    static void Flush() { for (ListNode* l = Detach(), n; l != null; l = n) { n = l->next; kfree(l->data); kfree(l); } }
    static void* MakeUnder(gfp_t f) => kmalloc(10, f);
    static void Under() { spin_lock(ref s_lock); void* p = MakeUnder(GFP_ATOMIC); spin_unlock(ref s_lock); kfree(p); p = MakeUnder(GFP_KERNEL); kfree(p); }
    static void CheckedInit()
    {
        if (s_cache != null) return;
        mutex_lock(ref s_mtx);
        if (s_cache == null) s_cache = kmalloc(100, GFP_KERNEL);
        mutex_unlock(ref s_mtx);
    }
    static void CheckedInit2()
    {
        void* p = kmalloc(100, GFP_KERNEL);
        if (p == null) return;
        mutex_lock(ref s_mtx);
        if (s_cache == null) { s_cache = p; p = null; }
        mutex_unlock(ref s_mtx);
        kfree(p);
    }
    static void TwoLocks(Dev* a, Dev* b)
    {
        if (a == b) { spin_lock(ref a->lk); a->n++; spin_unlock(ref a->lk); return; }
        Dev* x = a < b ? a : b, y = a < b ? b : a;
        spin_lock(ref x->lk); spin_lock(ref y->lk);
        a->n--; b->n++;
        spin_unlock(ref y->lk); spin_unlock(ref x->lk);
    }
    static bool LockBoth(Dev* a, Dev* b)
    {
        spin_lock(ref a->lk);
        if (spin_trylock(ref b->lk)) return true;
        spin_unlock(ref a->lk);
        return false;
    }
    static void UseBoth(Dev* a, Dev* b) { while (!LockBoth(a, b)) cond_resched(); a->n = b->n; spin_unlock(ref b->lk); spin_unlock(ref a->lk); }
    static void Batch(Dev* d, int n)
    {
        for (int i = 0; i < n; i++)
        {
            spin_lock(ref d->lk);
            if (d->head == null) { spin_unlock(ref d->lk); break; }
            ListNode* x = d->head; d->head = x->next;
            spin_unlock(ref d->lk);
            kfree(x->data);
            kfree(x);
            cond_resched();
        }
    }
    static void WhileLocked(Dev* d)
    {
        spin_lock(ref d->lk);
        while (d->head != null)
        {
            ListNode* x = d->head; d->head = x->next;
            kfree(x->data); kfree(x);
            if (--d->n == 0)
            {
                spin_unlock(ref d->lk);
                msleep(1);
                spin_lock(ref d->lk);
            }
        }
        spin_unlock(ref d->lk);
    }
    static int Finally1(Dev* d)
    {
        spin_lock(ref d->lk);
        try { if (d->dead) return -1; return d->n; }
        finally { spin_unlock(ref d->lk); }
    }
    static void Helper1(Dev* d) { spin_lock(ref d->lk); }
    static void Helper2(Dev* d) { spin_unlock(ref d->lk); }
    static void UseHelpers(Dev* d) { Helper1(d); d->n++; Helper2(d); void* p = kmalloc(3, GFP_KERNEL); kfree(p); }
    static Dev* GetLocked(Dev* d) { spin_lock(ref d->lk); if (d->dead) { spin_unlock(ref d->lk); return null; } return d; }
    static void UseLocked(Dev* d) { Dev* x = GetLocked(d); if (x == null) return; x->n++; spin_unlock(ref x->lk); }
    static int Swap(Dev* d, int v)
    {
        void* fresh = v > 0 ? kmalloc((nuint)v, GFP_KERNEL) : null;
        if (v > 0 && fresh == null) return -ENOMEM;
        spin_lock_irqsave(ref d->lk, out nuint f);
        void* old = d->cur; d->cur = fresh; d->n = v;
        spin_unlock_irqrestore(ref d->lk, f);
        kfree(old);
        return 0;
    }
    static void Rcu1(Dev* d) { rcu_read_lock(); void* p = d->cur; if (p == null) { rcu_read_unlock(); return; } *(int*)p = 1; rcu_read_unlock(); }
    static void Preempt1() { int c = get_cpu(); s_n = c; put_cpu(); }
    static void Bh(Dev* d) { spin_lock_bh(ref d->lk); d->n++; spin_unlock_bh(ref d->lk); }
    static void Nofs() { uint f = memalloc_nofs_save(); void* p = kmalloc(10, GFP_KERNEL); memalloc_nofs_restore(f); kfree(p); }
    static void KmapLocal(page* p) { byte* v = (byte*)kmap_local_page(p); v[0] = 1; kunmap_local(v); }
    static void SwitchLock(Dev* d, int op)
    {
        switch (op)
        {
            case 0: spin_lock(ref d->lk); d->n = 0; break;
            case 1: spin_lock(ref d->lk); d->n = 1; break;
            default: return;
        }
        spin_unlock(ref d->lk);
    }
}
