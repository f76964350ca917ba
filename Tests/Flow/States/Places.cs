// Memory: variables, fields of any base, ref and out, structs, arrays, pointers to pointers, aliases.

unsafe struct Pair { public void* First, Second; public int N; }

unsafe class Node { public Node Next; public void* Data; public int N; }

unsafe class Places
{
    void* _a, _b;
    int _n;
    Pair _pair;
    static void* s_a;
    readonly void* _fixed;
    static extern void Unknown();
    static extern void Keep(void* p);
    static extern void Fill(ref int n);

    // ends: a = owned kmalloc, b = owned kmalloc
    void Alias() { void* a = kmalloc(8, GFP_KERNEL | __GFP_NOFAIL); void* b = a; }

    // ends: this._a = 5
    void FieldWritten() { _a = (void*)5; }

    // ends: x = this._n, this._n = 4
    void FieldReadThenWritten() { int x = _n; _n = 4; }

    // ends: x = 4
    void FieldReadBack() { _n = 4; int x = _n; }

    // ends: x = 4, y = this._n@1
    void FieldForgottenByCall() { _n = 4; int x = _n; Unknown(); int y = _n; }

    // ends: x = this._fixed, y = this._fixed
    void ReadonlyFieldKept() { void* x = _fixed; Unknown(); void* y = _fixed; }

    // ends: x = 4
    void LocalKeptByCall() { int x = 4; Unknown(); }

    // ends: x = ?x
    void RefForgets() { int x = 4; Fill(ref x); }

    // ends: x = 3, y = 4
    void TwoFreshObjects() { var node = new Node(); var other = new Node(); node.N = 3; other.N = 4; int x = node.N, y = other.N; }

    // ends: x = b->N@1
    void MayBeTheSameObject(Node a, Node b) { b.N = 3; a.N = 4; int x = b.N; }

    // ends: x = 3
    void OtherFieldsDoNotAlias(Node a, Node b) { b.N = 3; a.Data = null; int x = b.N; }

    // ends: x = 1, Places.s_a = null
    void StaticField() { s_a = null; int x = s_a == null ? 1 : 2; }

    // ends: pair.First = null, pair.Second = 7, copy.First = null, copy.Second = 7
    void StructCopy() { Pair pair; pair.First = null; pair.Second = (void*)7; pair.N = 1; Pair copy = pair; }

    // ends: pair.N = 1, copy.N = 2
    void CopyIsApart() { Pair pair = default; pair.N = 1; Pair copy = pair; copy.N = 2; }

    // ends: this._pair.N = 6
    void NestedField() { _pair.N = 6; }

    // ends: x = 6
    void StructThroughPointer() { Pair pair = default; Pair* p = &pair; p->N = 6; int x = pair.N; }

    // ends: x = 2
    void RefLocal() { int x = 1; ref int r = ref x; r = 2; }

    // ends: x = 3
    void RefConditional() { int x = 1, y = 2; bool first = true; ref int r = ref first ? ref x : ref y; r = 3; }

    // ends: p->N = 4
    void ThroughParameter(Pair* p) { p->N = 4; }

    // ends: x = p->N
    void LoadThroughParameter(Pair* p) { int x = p->N; }

    // ends: x = 4
    void LoadOfStore(Pair* p) { p->N = 4; int x = p->N; }

    // ends: x = 1, y = 2
    void ArrayElements() { int[] a = new int[2]; a[0] = 1; a[1] = 2; int x = a[0], y = a[1]; }

    // ends: a = owned kmalloc, b = owned vmalloc
    void Swapped() { void* a = vmalloc(8); void* b = kmalloc(8, GFP_KERNEL | __GFP_NOFAIL); if (a == null) { kfree(b); throw null; } void* t = a; a = b; b = t; }

    // ends: p = escaped kmalloc
    void StoredInField() { void* p = kmalloc(8, GFP_KERNEL | __GFP_NOFAIL); _a = p; }

    // ends: p = escaped kmalloc
    void GivenToUnknown() { void* p = kmalloc(8, GFP_KERNEL | __GFP_NOFAIL); Keep(p); }

    // ends: p = owned kmalloc, q = owned kmalloc
    void HeldByOwnObject() { void* p = kmalloc(8, GFP_KERNEL | __GFP_NOFAIL); var node = new Node(); node.Data = p; void* q = node.Data; }

    // ends: p = escaped kmalloc
    void HeldByObjectThatLeaves() { void* p = kmalloc(8, GFP_KERNEL | __GFP_NOFAIL); var node = new Node(); node.Data = p; s_node = node; }
    static Node s_node;

    // ends: p = owned kmalloc
    void BclBorrows() { void* p = kmalloc(8, GFP_KERNEL | __GFP_NOFAIL); Marshal.ReadInt32((nint)p); }

    // ends: p = owned kmalloc + 4
    void Interior() { byte* p = (byte*)kmalloc(8, GFP_KERNEL | __GFP_NOFAIL); p += 4; }

    // ends: p = owned kmalloc?
    void MayBeNull() { void* p = kmalloc(8, GFP_KERNEL); }

    // ends: p = null | p = owned kmalloc
    void NullOrOwned() { void* p = kmalloc(8, GFP_KERNEL); if (p == null) return; *(int*)p = 1; }

    // ends: p = freed kmalloc
    void Freed() { void* p = kmalloc(8, GFP_KERNEL | __GFP_NOFAIL); kfree(p); }

    // ends: p = freed p
    void ParameterFreed(void* p) { kfree(p); }

    // ends: x = freed this._a, this._a = null
    void FieldFreedAndCleared() { void* x = _a; kfree(_a); _a = null; }

    // ends: p = null, q = freed kmalloc
    void FreedThroughAlias() { void* q = kmalloc(8, GFP_KERNEL | __GFP_NOFAIL); void* p = q; kfree(p); p = null; }

    // ends: address = owned get_free_pages(alloc_pages)?
    void View() { void* address = page_address(alloc_pages(GFP_KERNEL, 1)); }

    // ends: back = owned alloc_pages?
    void ViewAndBack() { void* address = page_address(alloc_pages(GFP_KERNEL, 1)); Page* back = virt_to_page(address); }

    // ends: p = null | p = owned kmalloc
    void Chosen(bool x) { void* p = x ? kmalloc(8, GFP_KERNEL | __GFP_NOFAIL) : null; }

    // ends: a = freed kmalloc, b = owned kmalloc#2
    void TwoOfAKind() { void* a = kmalloc(8, GFP_KERNEL | __GFP_NOFAIL), b = kmalloc(8, GFP_KERNEL | __GFP_NOFAIL); kfree(a); }
}
