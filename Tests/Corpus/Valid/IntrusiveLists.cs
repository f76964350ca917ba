// Lists and trees whose links lie inside of what they link.

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

namespace Corpus.IntrusiveLists;

unsafe struct ListHead { public ListHead* next, prev; }
unsafe struct Conn { public int fd; public ListHead node; public byte* rx; public byte* tx; public int refs; public ConnTable* owner; }
unsafe struct ConnTable { public ListHead all; public spinlock_t guard; public int count; }
unsafe struct Node { public Node* next; public int key; public byte* value; public int len; }
unsafe struct Tree { public Tree* left, right, parent; public int key; public void* val; }
unsafe static class L
{
    static void Init(ListHead* h) { h->next = h; h->prev = h; }
    static void Add(ListHead* n, ListHead* h) { n->next = h->next; n->prev = h; h->next->prev = n; h->next = n; }
    static void Del(ListHead* n) { n->prev->next = n->next; n->next->prev = n->prev; n->next = n->prev = null; }
    static bool Empty(ListHead* h) => h->next == h;
    static Conn* Of(ListHead* l) => (Conn*)((byte*)l - Off());
    static nint Off() { Conn c; return (nint)((byte*)&c.node - (byte*)&c); }

    static Conn* Open(ConnTable* t, int fd)
    {
        Conn* c = (Conn*)kzalloc((nuint)sizeof(Conn), GFP_KERNEL);
        if (c == null) return null;
        c->rx = (byte*)kmalloc(4096, GFP_KERNEL);
        if (c->rx == null) goto no_rx;
        c->tx = (byte*)kmalloc(4096, GFP_KERNEL);
        if (c->tx == null) goto no_tx;
        c->fd = fd; c->refs = 1; c->owner = t;
        spin_lock(ref t->guard);
        Add(&c->node, &t->all);
        t->count++;
        spin_unlock(ref t->guard);
        return c;
    no_tx:
        kfree(c->rx);
    no_rx:
        kfree(c);
        return null;
    }
    static void FreeConn(Conn* c) { kfree(c->tx); kfree(c->rx); kfree(c); }
    static void Close(Conn* c)
    {
        ConnTable* t = c->owner;
        spin_lock(ref t->guard);
        Del(&c->node); t->count--;
        spin_unlock(ref t->guard);
        if (--c->refs == 0) FreeConn(c);
    }
    static void CloseAll(ConnTable* t)
    {
        spin_lock(ref t->guard);
        while (!Empty(&t->all))
        {
            Conn* c = Of(t->all.next);
            Del(&c->node); t->count--;
            spin_unlock(ref t->guard);
            FreeConn(c);
            spin_lock(ref t->guard);
        }
        spin_unlock(ref t->guard);
    }
    static Conn* Find(ConnTable* t, int fd)
    {
        Conn* found = null;
        spin_lock(ref t->guard);
        for (ListHead* p = t->all.next; p != &t->all; p = p->next)
        {
            Conn* c = Of(p);
            if (c->fd != fd) continue;
            c->refs++;
            found = c;
            break;
        }
        spin_unlock(ref t->guard);
        return found;
    }
    static void PutConn(Conn* c) { if (c != null && --c->refs == 0) FreeConn(c); }
    static int Send(ConnTable* t, int fd, byte* data, int n)
    {
        Conn* c = Find(t, fd);
        if (c == null) return -ENOENT;
        int r = n;
        if (n > 4096) { r = -EINVAL; goto done; }
        Buffer.MemoryCopy(data, c->tx, 4096, n);
    done:
        PutConn(c);
        return r;
    }
    static void Reap(ConnTable* t, Func<int, bool> dead)
    {
        ListHead gone; Init(&gone);
        spin_lock(ref t->guard);
        for (ListHead* p = t->all.next, n; p != &t->all; p = n)
        {
            n = p->next;
            if (!dead(Of(p)->fd)) continue;
            Del(p); Add(p, &gone);
        }
        spin_unlock(ref t->guard);
        while (!Empty(&gone)) { Conn* c = Of(gone.next); Del(&c->node); FreeConn(c); }
    }
    // single list
    static Node* Push(Node* head, int key, ReadOnlySpan<byte> v)
    {
        Node* n = (Node*)kmalloc((nuint)sizeof(Node), GFP_KERNEL);
        if (n == null) return head;
        n->value = (byte*)kmalloc((nuint)v.Length, GFP_KERNEL);
        if (n->value == null) { kfree(n); return head; }
        v.CopyTo(new Span<byte>(n->value, v.Length));
        n->len = v.Length; n->key = key; n->next = head;
        return n;
    }
    static void FreeList(Node* head) { while (head != null) { Node* n = head; head = head->next; kfree(n->value); kfree(n); } }
    static Node* Reverse(Node* head) { Node* r = null; while (head != null) { Node* n = head->next; head->next = r; r = head; head = n; } return r; }
    static bool Remove(ref Node* head, int key)
    {
        fixed (Node** start = &head)
        {
            for (Node** at = start; *at != null; at = &(*at)->next)
            {
                if ((*at)->key != key) continue;
                Node* dead = *at;
                *at = dead->next;
                kfree(dead->value);
                kfree(dead);
                return true;
            }
        }
        return false;
    }
    static void UseList()
    {
        Node* h = null;
        h = Push(h, 1, [1]); h = Push(h, 2, [2]);
        h = Reverse(h);
        Remove(ref h, 1);
        FreeList(h);
    }
    static Node* Pop(Node** head) { Node* n = *head; if (n != null) { *head = n->next; n->next = null; } return n; }
    static void UsePop() { Node* h = Push(null, 1, [1]); Node* n; while ((n = Pop(&h)) != null) { kfree(n->value); kfree(n); } }
    static Node* Build(int n)
    {
        Node* head = null, tail = null;
        for (int i = 0; i < n; i++)
        {
            Node* x = (Node*)kzalloc((nuint)sizeof(Node), GFP_KERNEL);
            if (x == null) { FreeList(head); return null; }
            x->key = i;
            if (tail == null) head = x; else tail->next = x;
            tail = x;
        }
        return head;
    }
    static void BuildTwo() { Node* a = Build(2); if (a == null) return; Node* b = Build(3); if (b == null) { FreeList(a); return; } Node* t = a; while (t->next != null) t = t->next; t->next = b; FreeList(a); }
    // tree
    static Tree* Insert(Tree* root, int key, void* v)
    {
        if (root == null) { Tree* t = (Tree*)kzalloc((nuint)sizeof(Tree), GFP_KERNEL); if (t != null) { t->key = key; t->val = v; } return t; }
        if (key < root->key) { Tree* l = Insert(root->left, key, v); if (l != null) { root->left = l; l->parent = root; } }
        else if (key > root->key) { Tree* r = Insert(root->right, key, v); if (r != null) { root->right = r; r->parent = root; } }
        else root->val = v;
        return root;
    }
    static void Drop(Tree* t) { if (t == null) return; Drop(t->left); Drop(t->right); kfree(t); }
    static void DropIter(Tree* root)
    {
        Tree* t = root;
        while (t != null)
        {
            if (t->left != null) { t = t->left; continue; }
            if (t->right != null) { t = t->right; continue; }
            Tree* p = t->parent;
            if (p != null) { if (p->left == t) p->left = null; else p->right = null; }
            kfree(t);
            t = p;
        }
    }
    static void UseTree() { Tree* r = null; r = Insert(r, 1, null); r = Insert(r, 2, null); Drop(r); }
    static void UseTree2() { Tree* r = Insert(null, 1, null); if (r == null) return; Insert(r, 0, null); DropIter(r); }
    static Tree* RemoveMin(Tree* t, Tree** min) { if (t->left == null) { *min = t; return t->right; } t->left = RemoveMin(t->left, min); return t; }
    static Tree* RemoveKey(Tree* t, int key)
    {
        if (t == null) return null;
        if (key < t->key) { t->left = RemoveKey(t->left, key); return t; }
        if (key > t->key) { t->right = RemoveKey(t->right, key); return t; }
        Tree* l = t->left, r = t->right;
        kfree(t);
        if (r == null) return l;
        Tree* min; r = RemoveMin(r, &min);
        min->left = l; min->right = r;
        return min;
    }
}
