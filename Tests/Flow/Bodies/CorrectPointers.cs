// Correct code that hides pointers: headers before the block, counts in the block, split pages, tags, links inside of items.

using System.Threading;

unsafe struct Hdr { public uint refs; public nuint size; public void* owner; }
unsafe struct Obj { public int refs; public byte* data; public Obj* next; }
unsafe class Bodies
{
    // header before the block
    static void* AllocWithHeader(nuint n)
    {
        byte* raw = (byte*)kmalloc(n + 16, GFP_KERNEL);
        if (raw == null) return null;
        *(nuint*)raw = n;
        return raw + 16;
    }
    static void FreeWithHeader(void* p) { if (p != null) kfree((byte*)p - 16); }
    static void UseHeader()
    {
        void* p = AllocWithHeader(32);
        if (p == null) return;
        *(int*)p = 3;
        FreeWithHeader(p);
    }
    static void UseHeader2()
    {
        byte* p = (byte*)AllocWithHeader(32);
        try { if (p != null) p[0] = 3; } finally { FreeWithHeader(p); }
    }
    static T* AllocT<T>(nuint extra) where T : unmanaged
    {
        Hdr* h = (Hdr*)kmalloc((nuint)sizeof(Hdr) + (nuint)sizeof(T) + extra, GFP_KERNEL);
        if (h == null) return null;
        h->refs = 1;
        h->size = extra;
        return (T*)(h + 1);
    }
    static void FreeT<T>(T* p) where T : unmanaged { if (p != null) kfree((Hdr*)p - 1); }
    static void UseT()
    {
        long* p = AllocT<long>(3);
        if (p == null) return;
        *p = 3;
        FreeT(p);
    }
    static void RefGet<T>(T* p) where T : unmanaged { ((Hdr*)p)[-1].refs++; }
    static void RefPut<T>(T* p) where T : unmanaged
    {
        Hdr* h = (Hdr*)p - 1;
        if (--h->refs == 0) kfree(h);
    }
    static void UseRef()
    {
        long* p = AllocT<long>(3);
        if (p == null) return;
        RefGet(p);
        *p = 3;
        RefPut(p);
        *p = 4;
        RefPut(p);
    }
    // aligned by hand
    static void* AlignedAlloc(nuint n, nuint align)
    {
        byte* raw = (byte*)NativeMemory.Alloc(n + align + (nuint)sizeof(void*));
        nuint a = ((nuint)raw + (nuint)sizeof(void*) + align - 1) & ~(align - 1);
        ((void**)a)[-1] = raw;
        return (void*)a;
    }
    static void AlignedFree(void* p) { NativeMemory.Free(((void**)p)[-1]); }
    static void UseAligned() { void* p = AlignedAlloc(100, 64); *(int*)p = 3; AlignedFree(p); }
    static IntPtr AlignedAlloc2(int n)
    {
        IntPtr raw = Marshal.AllocHGlobal(n + 64 + IntPtr.Size);
        IntPtr a = new IntPtr(((long)raw + IntPtr.Size + 63) & ~63L);
        Marshal.WriteIntPtr(a, -IntPtr.Size, raw);
        return a;
    }
    static void AlignedFree2(IntPtr p) => Marshal.FreeHGlobal(Marshal.ReadIntPtr(p, -IntPtr.Size));
    static void UseAligned2() { IntPtr p = AlignedAlloc2(100); AlignedFree2(p); }
    static void UseAligned3()
    {
        byte* raw = (byte*)NativeMemory.Alloc(200);
        byte* p = (byte*)(((nuint)raw + 63) & ~(nuint)63);
        p[0] = 1;
        NativeMemory.Free(raw);
    }
    // reference count
    static Obj* NewObj()
    {
        Obj* o = (Obj*)kzalloc((nuint)sizeof(Obj), GFP_KERNEL);
        if (o == null) return null;
        o->data = (byte*)kmalloc(64, GFP_KERNEL);
        if (o->data == null) { kfree(o); return null; }
        o->refs = 1;
        return o;
    }
    static Obj* Get(Obj* o) { if (o != null) Interlocked.Increment(ref o->refs); return o; }
    static void Put(Obj* o)
    {
        if (o == null) return;
        if (Interlocked.Decrement(ref o->refs) != 0) return;
        kfree(o->data);
        kfree(o);
    }
    static void UseObj()
    {
        Obj* o = NewObj();
        if (o == null) return;
        Obj* again = Get(o);
        again->data[0] = 1;
        Put(again);
        o->data[1] = 2;
        Put(o);
    }
    static void PutPlain(Obj* o)
    {
        if (--o->refs > 0) return;
        kfree(o->data);
        kfree(o);
    }
    static void UseObjPlain()
    {
        Obj* o = NewObj();
        if (o == null) return;
        o->refs++;
        PutPlain(o);
        o->data[1] = 2;
        PutPlain(o);
    }
    static void Unref(Obj** o) { if (*o != null) { Put(*o); *o = null; } }
    static void UseUnref() { Obj* o = NewObj(); Unref(&o); Unref(&o); }
    // split pages
    static void Split()
    {
        page* p = alloc_pages(GFP_KERNEL, 2);
        if (p == null) return;
        split_page(p, 2);
        for (int i = 0; i < 4; i++) __free_page(p + i);
    }
    static void Split2()
    {
        page* p = alloc_pages(GFP_KERNEL, 1);
        if (p == null) return;
        split_page(p, 1);
        __free_page(p);
        __free_page(p + 1);
    }
    static void Split3(int used)
    {
        page* p = alloc_pages(GFP_KERNEL, 3);
        if (p == null) return;
        split_page(p, 3);
        page* end = p + 8;
        for (page* q = p + used; q < end; q++) __free_page(q);
        for (page* q = p; q < p + used; q++) __free_page(q);
    }
    static void Split4()
    {
        page* p = alloc_pages(GFP_KERNEL, 2);
        if (p == null) return;
        split_page(p, 2);
        __free_page(&p[3]); __free_page(&p[2]); __free_page(&p[1]); __free_page(&p[0]);
    }
    static void Exact()
    {
        void* v = alloc_pages_exact(12288, GFP_KERNEL);
        if (v == null) return;
        free_pages_exact(v, 12288);
    }
    // tagged pointers
    static void Tagged()
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        nuint t = (nuint)p | 1;
        if ((t & 1) != 0) kfree((void*)(t & ~(nuint)1));
    }
    static nuint Tag(void* p, bool x) => (nuint)p | (x ? 1u : 0u);
    static void* Untag(nuint t) => (void*)(t & ~(nuint)1);
    static void Tagged2()
    {
        nuint t = Tag(kmalloc(8, GFP_KERNEL), true);
        kfree(Untag(t));
    }
    static void XorList()
    {
        byte* a = (byte*)kmalloc(8, GFP_KERNEL), b = (byte*)kmalloc(8, GFP_KERNEL);
        nuint x = (nuint)a ^ (nuint)b;
        kfree(a);
        kfree((void*)(x ^ (nuint)a));
    }
    static void Walk()
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        if (p == null) return;
        byte* q = p;
        for (int i = 0; i < 8; i++) *q++ = 0;
        kfree(q - 8);
    }
    static void Walk2()
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        if (p == null) return;
        for (int i = 0; i < 8; i++) *p++ = 0;
        p -= 8;
        kfree(p);
    }
    static void Walk3(int n)
    {
        byte* p = (byte*)kmalloc((nuint)n, GFP_KERNEL);
        if (p == null) return;
        byte* end = p + n;
        while (p < end) *p++ = 0;
        kfree(end - n);
    }
    static void Walk4(int n)
    {
        byte* p = (byte*)NativeMemory.Alloc((nuint)n);
        p += n;
        p -= n;
        NativeMemory.Free(p);
    }
    struct Link { public Link* next; public Link* prev; }
    struct Item { public int key; public Link link; public byte* name; }
    static Item* FromLink(Link* l) => (Item*)((byte*)l - (nint)(&((Item*)0)->link));
    static void Container()
    {
        Item* it = (Item*)kzalloc((nuint)sizeof(Item), GFP_KERNEL);
        if (it == null) return;
        Link* l = &it->link;
        l->next = l;
        kfree(FromLink(l));
    }
    static Item* FromLink2(Link* l) => (Item*)((byte*)l - Marshal.OffsetOf<Item>("link"));
    static void Container2()
    {
        Item* it = (Item*)kzalloc((nuint)sizeof(Item), GFP_KERNEL);
        if (it == null) return;
        Link* l = &it->link;
        kfree(FromLink2(l));
    }
}
