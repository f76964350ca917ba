// What a call does: one line for each way it can turn out, of nothing that the caller cannot see.

unsafe class Summaries
{
    void* _p;
    int _n;
    static int s_n;
    KernelSpinLock _lock;
    static KernelMutex s_mutex;
    static extern int Next();
    static extern void Unknown();
    static extern void Keep(void* p);

    // summary: → 3
    static int Constant() => 3;

    // summary: → n + 1
    static int Arithmetic(int n) => n + 1;

    // summary: n == 0 → 0
    // summary: n != 0 → 1
    static int Decides(int n) => n == 0 ? 0 : 1;

    // summary: → 1
    static int HiddenDecision() { int n = 0; if (Local() == 2) n = 1; return 1; static int Local() => 2; }

    // summary: sleep if flags; allocate kmalloc → kmalloc
    static void* Make(gfp_t flags) => kmalloc(8, flags);

    // summary: sleep if 3264; allocate kmalloc; kmalloc != 0 → kmalloc
    // summary: sleep if 3264 → 0
    static void* MakeChecked() { void* p = kmalloc(8, GFP_KERNEL); if (p == null) return null; return p; }

    // summary: allocate kmalloc → kmalloc
    static void* MakeAtomic() => kmalloc(8, GFP_ATOMIC);

    // summary: → 0
    static void AllocatedAndFreed() { void* p = kmalloc(8, GFP_ATOMIC); kfree(p); }

    // summary: free p → 0
    static void Free(void* p) => kfree(p);

    // summary: p != 0; free p → 0
    // summary: p == 0 → 0
    static void FreeIfThere(void* p) { if (p != null) kfree(p); }

    // summary: n == 0; free p → 1
    // summary: n != 0 → 0
    static int FreesOnSuccess(void* p, int n) { if (n != 0) return 0; kfree(p); return 1; }

    // summary: use this; free this._p; this._p = 0 → 0
    void Close() { kfree(_p); _p = null; }

    // summary: use this; this._p != 0; free this._p; this._p = 0 → 0
    // summary: use this; this._p == 0 → 0
    void CloseOnce() { if (_p == null) return; kfree(_p); _p = null; }

    // summary: use this; this._p = p → 0
    void Attach(void* p) { _p = p; }

    // summary: use this; this._p = 0 → this._p
    void* Detach() { void* p = _p; _p = null; return p; }

    // summary: allocate kmalloc; use this; this._p = kmalloc → 0
    void Open() { _p = kmalloc(8, GFP_ATOMIC); }

    // summary: use this; this._n = this._n + 1 → this._n
    int Count() => _n++;

    // summary: Summaries.s_n = 4 → 0
    static void SetStatic() { s_n = 4; }

    // summary: → Summaries.s_n
    static int GetStatic() => s_n;

    // summary: use n; *n = 4 → 0
    static void SetRef(ref int n) { n = 4; }

    // summary: allocate kmalloc; use p; *p = kmalloc → !(kmalloc == 0)
    static bool TryMake(out void* p) { p = kmalloc(8, GFP_ATOMIC); return p != null; }

    // summary: use p → *p
    static int Deref(int* p) => *p;

    // summary: use p; *p = 1 → 0
    static void Write(int* p) { *p = 1; }

    // summary: p != 0; use p → *p
    // summary: p == 0 → 0
    static int DerefChecked(int* p) => p == null ? 0 : *p;

    // summary: use p; let out p; unknown code → 0
    static void Escapes(void* p) => Keep(p);

    // summary: unknown code → 0
    static void CallsUnknown() => Unknown();

    // summary: unknown code → ?Next()
    static int ReturnsUnknown() => Next();

    // summary: enter spin_lock(this._lock) → 0
    void Lock() => spin_lock(ref _lock);

    // summary: leave spin_unlock(this._lock) → 0
    void Unlock() => spin_unlock(ref _lock);

    // summary: enter spin_lock(this._lock); leave spin_unlock(this._lock) → 0
    void LockAndUnlock() { spin_lock(ref _lock); spin_unlock(ref _lock); }

    // summary: sleep → 0
    static void Sleeps() => msleep(1);

    // summary: sleep if 3264; allocate kmalloc; kmalloc != 0; use this; this._p = kmalloc → 0
    // summary: sleep if 3264 → -12
    int OpenChecked() { void* p = kmalloc(8, GFP_KERNEL); if (p == null) return -12; _p = p; return 0; }

    // summary: allocate MakeAtomic → MakeAtomic
    static void* ThroughTwo() => MakeAtomic();

    // summary: free p → 0
    static void FreeThroughTwo(void* p) => Free(p);

    // summary: sleep if flags; allocate Make → Make
    static void* FlagsPassedOn(gfp_t flags) => Make(flags);

    // summary: n != 0; free p → 0
    // summary: n == 0 → 0
    static void FreeIf(void* p, int n) { if (n != 0) Free(p); }

    // summary: free p; free q → 0
    static void FreeBoth(void* p, void* q) { kfree(p); kfree(q); }

    // summary: → p
    static void* Same(void* p) => p;

    // summary: → p + 8
    static byte* Interior(byte* p) => p + 8;

    // summary: a != b → 0
    // summary: a == b → 1
    static int Compare(int a, int b) => a == b ? 1 : 0;

    // summary: x == 0 → 0
    static void Throws(bool x) { if (x) throw new Exception(); }

    // summary: use node; node->Next = 0 → 0
    static void Unlink(Item* node) { node->Next = null; }

    // summary: use node; use node->Next → node->Next->Data
    static void* SecondData(Item* node) => node->Next->Data;

    struct Item { public Item* Next; public void* Data; }

    // ends: p = owned MakeChecked
    static void ResultIsOwned() { void* p = MakeChecked(); if (p == null) throw null; }

    // ends: p = null | p = owned MakeChecked
    static void NullMeansNone() { void* p = MakeChecked(); }

    // ends: ok = 1, p = owned TryMake | ok = 0, p = null
    static void OutIsCorrelated() { bool ok = TryMake(out void* p); if (ok) Next(); }

    // ends: p = freed kmalloc, r = 1 | p = owned kmalloc, r = 0
    static void FreedIsCorrelated() { void* p = kmalloc(8, GFP_KERNEL | __GFP_NOFAIL); int r = FreesOnSuccess(p, Next()); }

    // ends: p = freed kmalloc
    static void FreedByCallee() { void* p = kmalloc(8, GFP_KERNEL | __GFP_NOFAIL); FreeThroughTwo(p); }

    // ends: s.n = 4, x = 4
    static void RefWrittenByCallee() { Box s = default; SetRef(ref s.n); int x = s.n; }
    struct Box { public int n, m; }

    // ends: a = 3, b = 6
    static void ConstantsOfCallees() { int a = Constant(), b = Arithmetic(5); }

    // ends: n = 1 | n = 0
    static void DecisionOfCallee(int x) { int n = Decides(x); }

    // ends: x = 0, n = 0 | x = x, n = 1
    static void DecisionTellsArgument(int x) { int n = Decides(x); }

    // ends: p = freed kmalloc, this._p = null
    void MethodsOfOneObject() { void* p = kmalloc(8, GFP_KERNEL | __GFP_NOFAIL); Attach(p); Close(); }

    // ends: x = owned kmalloc
    static void CalledTwice() { void* x = kmalloc(8, GFP_KERNEL | __GFP_NOFAIL); x = Same(Same(x)); }

    // ends: n = -12 | n = 0
    void ErrorCodes() { int n = OpenChecked(); }

    // summary: n == 0 → 1
    // summary: n != 0; n == 1 → 0
    // summary: n != 0; n != 1; n == 2 → 1
    // summary: n != 0; n != 1; n != 2; n == 3 → 0
    // summary: n != 0; let out n - 1; unknown code → ?Odd(n - 1)
    static int Even(int n) => n == 0 ? 1 : Odd(n - 1);
    static int Odd(int n) => n == 0 ? 0 : Even(n - 1);

    struct Large { public long a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19, a20, a21, a22, a23, a24; public void* p; public int n; }

    // summary: use large; zero *large; large->n = n → 0
    static void Zeroed(Large* large, int n) => *large = new Large { n = n };

    struct Dictionary { public void* buffer; public int size; }
    struct Holder { public Dictionary own, other; }

    // summary: use h; zero h->own → 0
    static void Emptied(Holder* h) => h->own = new Dictionary();

    // summary: use h; zero h->own; h->own.size = n → 0
    static void EmptiedByACallee(Holder* h, int n) { Emptied(h); h->own.size = n; }

    // summary: use h; zero h->own; h->own.buffer = p; h->own.size = 4 → 0
    static void Written(Holder* h, void* p) => h->own = new Dictionary { buffer = p, size = 4 };

    // summary: use h; zero h->own; h->own.buffer = p; h->own.size = 4 → 0
    static void WrittenByACallee(Holder* h, void* p) => Written(h, p);

    // summary: use h; h->own = h->other → 0
    static void CopiedFromTheCallers(Holder* h) => h->own = h->other;
}
