using Xunit;
using Verify = KAlloc.Tests.Verifier.KernelVerifier<KAlloc.Analyzers.Host.FlowAnalyzer>;

namespace KAlloc.Analyzers.Tests.Context;

public sealed class KA1006SectionNotLeftTests
{
    private static Task VerifyAsync(string members) => Verify.VerifyAnalyzerAsync(Sources.Class(members));

    [Fact]
    public Task Message_OfAnEarlyReturn_ShowsTheLockAndTheBranch() => Verify.VerifyPathAsync(
        Sources.Class(
            """
            static int M(bool busy)
            {
                {|#1:spin_lock(ref Lock)|};
                if ({|#2:busy|}) {|#0:return -EBUSY;|}
                spin_unlock(ref Lock);
                return 0;
            }
            """),
        Verify.Diagnostic("KA1006").WithLocation(0).WithLocation(1).WithLocation(2).WithArguments("spin_lock(ref Lock)", "on the path that ends here", "spin_unlock"),
        "'spin_lock' is called here",
        "'busy' is true");

    [Theory]
    [InlineData("static void M(bool x) { spin_lock(ref Lock); if (!x) spin_unlock(ref Lock); {|KA1006:}|}")]
    [InlineData("static void M(int n) { mutex_lock(ref Mutex); if (n < 0) {|KA1006:throw new ArgumentException();|} mutex_unlock(ref Mutex); }")]
    [InlineData("static int M(int n) { rcu_read_lock(); if (n < 0) {|KA1006:return n;|} rcu_read_unlock(); return 0; }")]
    [InlineData("static int M(int n) { preempt_disable(); if (n < 0) {|KA1006:return n;|} preempt_enable(); return 0; }")]
    [InlineData("static int M(int n) { local_irq_save(out nuint f); if (n < 0) {|KA1006:return n;|} local_irq_restore(f); return 0; }")]
    [InlineData("static void M(int n) { local_bh_disable(); while (n-- > 0) if (n == 7) {|KA1006:return;|} local_bh_enable(); }")]
    [InlineData("static bool M(int n) { spin_lock(ref Lock); if (n == 0) {|KA1006:return false;|} spin_unlock(ref Lock); return true; }")]
    [InlineData("static void* M(int n) { spin_lock(ref Lock); if (n == 0) {|KA1006:return null;|} void* p = Kept; spin_unlock(ref Lock); return p; }")]
    [InlineData("static int M(int n) { if (mutex_lock_interruptible(ref Mutex) != 0) return -EINTR; if (n == 0) {|KA1006:return -EINVAL;|} mutex_unlock(ref Mutex); return 0; }")]
    [InlineData("static int M(int n) { if (!spin_trylock(ref Lock)) return -EBUSY; if (n == 0) {|KA1006:return -EINVAL;|} spin_unlock(ref Lock); return 0; }")]
    [InlineData("static int M(int n) { spin_lock(ref Lock); spin_lock(ref Other); if (n < 0) { spin_unlock(ref Other); {|KA1006:return n;|} } spin_unlock(ref Other); spin_unlock(ref Lock); return 0; }")]
    [InlineData("static int M(int n) { spin_lock(ref Lock); if (n < 0) goto fail; spin_unlock(ref Lock); return 0; fail: {|KA1006:return n;|} }")]
    [InlineData("static void M(int n) { spin_lock_irqsave(ref Lock, out nuint f); *(int*)Kept = n; {|KA1006:}|}")]
    [InlineData("[InterruptHandler] static void M() { spin_lock(ref Lock); *(int*)Kept = 1; {|KA1006:}|}")]
    [InlineData("static int M(int n) { uint f = memalloc_nofs_save(); if (n < 0) {|KA1006:return n;|} memalloc_nofs_restore(f); return 0; }")]
    [InlineData("static void M() { memalloc_noio_save(); *(int*)Kept = 1; {|KA1006:}|}")]
    [InlineData("static int M(int n) { uint a = memalloc_nofs_save(), b = memalloc_noio_save(); if (n < 0) { memalloc_noio_restore(b); {|KA1006:return n;|} } memalloc_noio_restore(b); memalloc_nofs_restore(a); return 0; }")]
    [InlineData("static void M(bool x) { Action a = () => { spin_lock(ref Lock); if (x) {|KA1006:return;|} spin_unlock(ref Lock); }; a(); }")]
    public Task Section_LeftOnSomePaths_Reports(string members) => VerifyAsync(members);

    [Theory]
    [InlineData("static int M(int n) { spin_lock(ref Lock); if (n < 0) { spin_unlock(ref Lock); return n; } spin_unlock(ref Lock); return 0; }")]
    [InlineData("static int M(int n) { spin_lock(ref Lock); if (n < 0) goto done; n = 0; done: spin_unlock(ref Lock); return n; }")]
    [InlineData("static int M(int n) { spin_lock(ref Lock); try { if (n < 0) return n; if (n == 9) throw new Exception(); } finally { spin_unlock(ref Lock); } return 0; }")]
    [InlineData("static void M(bool x) { if (x) spin_lock(ref Lock); *(int*)Kept = 1; if (x) spin_unlock(ref Lock); }")]
    [InlineData("static void M(int n) { bool locked = false; for (int i = 0; i < n; i++) if (!locked && i > 3) { spin_lock(ref Lock); locked = true; } if (locked) spin_unlock(ref Lock); }")]
    [InlineData("static void M(int n) { bool locked = true; spin_lock(ref Lock); for (int i = 0; i < n; i++) if (locked && i > 3) { spin_unlock(ref Lock); locked = false; } if (locked) spin_unlock(ref Lock); }")]
    [InlineData("static void M() { spin_unlock(ref Lock); msleep(1); spin_lock(ref Lock); }")]
    [InlineData("static void M(bool x) { if (x) { spin_unlock(ref Lock); msleep(1); spin_lock(ref Lock); } }")]
    [InlineData("static void M() { spin_lock(ref Lock); while (Kept == null) { spin_unlock(ref Lock); msleep(1); spin_lock(ref Lock); } spin_unlock(ref Lock); }")]
    [InlineData("static void Begin() { spin_lock(ref Lock); } static void End() { spin_unlock(ref Lock); }")]
    [InlineData("static bool Begin(bool closed) { spin_lock(ref Lock); if (closed) { spin_unlock(ref Lock); return false; } return true; }")]
    [InlineData("static int Begin(int n) { spin_lock(ref Lock); if (n < 0) { spin_unlock(ref Lock); return n; } return 0; }")]
    [InlineData("static void* Begin() { spin_lock(ref Lock); void* p = Kept; if (p == null) spin_unlock(ref Lock); return p; }")]
    [InlineData("static void Begin(bool busy) { again: spin_lock(ref Lock); if (busy) { spin_unlock(ref Lock); goto again; } }")]
    [InlineData("static nuint Begin() { spin_lock_irqsave(ref Lock, out nuint f); return f; }")]
    [InlineData("static int M(int n) { uint f = memalloc_nofs_save(); try { if (n < 0) return n; kfree(kmalloc(8, GFP_KERNEL)); mutex_lock(ref Mutex); mutex_unlock(ref Mutex); } finally { memalloc_nofs_restore(f); } return 0; }")]
    [InlineData("static void M(bool x) { uint f = 0; if (x) f = memalloc_noio_save(); kfree(kmalloc(8, GFP_KERNEL)); if (x) memalloc_noio_restore(f); }")]
    [InlineData("static void M() { uint a = memalloc_nofs_save(); uint b = memalloc_nofs_save(); memalloc_nofs_restore(b); memalloc_nofs_restore(a); }")]
    [InlineData("static uint Begin() => memalloc_nofs_save(); static void M() { uint f = Begin(); kfree(kmalloc(8, GFP_KERNEL)); memalloc_nofs_restore(f); }")]
    [InlineData("struct Transaction { public uint Flags; } static void Begin(Transaction* t) { t->Flags = memalloc_nofs_save(); } static void End(Transaction* t) => memalloc_nofs_restore(t->Flags);")]
    [InlineData("ref struct Scope { private uint _flags; public Scope(int n) { _flags = memalloc_nofs_save(); } public void Dispose() => memalloc_nofs_restore(_flags); } static int M(int n) { using var s = new Scope(1); if (n < 0) return n; kfree(kmalloc(8, GFP_KERNEL)); return 0; }")]
    [InlineData("static void Begin(out nuint f) { spin_lock_irqsave(ref Lock, out f); }")]
    [InlineData("static nuint _flags; static void Begin() { spin_lock_irqsave(ref Lock, out nuint f); _flags = f; }")]
    [InlineData("[EntersAtomic(LockKind.Preempt, When = Returned.True)] static bool Begin(bool x) { spin_lock(ref Lock); if (x) return true; spin_unlock(ref Lock); return false; }")]
    [InlineData("ref struct Unlocked { int _n, _m; public Unlocked(int n) { _n = n; _m = n; spin_unlock(ref Lock); } public void Dispose() { spin_lock(ref Lock); } } static void M() { spin_lock(ref Lock); using (new Unlocked(1)) { } spin_unlock(ref Lock); }")]
    [InlineData("static void M() { spin_lock(ref Lock); Done(); } static void Done() { spin_unlock(ref Lock); }")]
    [InlineData("static void M(bool x) { spin_lock(ref Lock); if (x) { Done(); return; } spin_unlock(ref Lock); } static void Done() { spin_unlock(ref Lock); }")]
    [InlineData("struct Q { public KernelSpinLock Lock; public int N; } static Q* _q; static void Hook() { } static void M() { spin_lock(ref _q->Lock); _q->N = 1; Hook(); spin_unlock(ref _q->Lock); }")]
    [InlineData("struct Q { public KernelSpinLock Lock; public Q* Next; } static void M(Q* q) { spin_lock(ref q->Lock); while (q->Next != null) { Q* next = q->Next; spin_lock(ref next->Lock); spin_unlock(ref q->Lock); q = next; } spin_unlock(ref q->Lock); }")]
    [InlineData("static void M(ref KernelSpinLock a, ref KernelSpinLock b, bool swap) { spin_lock(ref a); if (swap) spin_unlock(ref b); else spin_unlock(ref a); }")]
    [InlineData("static void M() { local_irq_disable(); local_irq_disable(); local_irq_enable(); }")]
    [InlineData("static void M() { local_irq_save(out nuint f); spin_lock(ref Lock); spin_unlock_irqrestore(ref Lock, f); }")]
    [InlineData("static void M() { spin_lock_irq(ref Lock); spin_unlock(ref Lock); local_irq_enable(); }")]
    [InlineData("static int M() { spin_lock(ref Lock); while (true) { *(int*)Kept = 1; } }")]
    [InlineData("static void M(bool x) { spin_lock(ref Lock); if (x) Environment.FailFast(\"\"); spin_unlock(ref Lock); }")]
    [InlineData("static void M(bool x) { spin_lock(ref Lock); if (x) {|CS0103:Missing|}(); if (x) return; spin_unlock(ref Lock); }")]
    public Task Section_LeftOrHandedOver_StaysSilent(string members) => VerifyAsync(members);

    /// <summary>A body that is too complex to be followed may release what it names, and nothing else.</summary>
    [Theory]
    [InlineData("mutex_unlock(ref Mutex)", "{|KA1006:}|}")]
    [InlineData("spin_unlock(ref Other)", "{|KA1006:}|}")]
    [InlineData("rcu_read_unlock()", "{|KA1006:}|}")]
    [InlineData("spin_unlock(ref Lock)", "}")]
    [InlineData("spin_unlock(ref *any)", "}")]
    [InlineData("Run(Release)", "}")]
    public Task Section_BesideABodyThatIsGivenUp_IsJudgedByWhatThatNames(string release, string end)
    {
        string tests = string.Concat(Enumerable.Range(0, 2_000).Select(i => $"if (Ask({i})) n += {i + 1}; "));
        string handedOn = release.StartsWith("Run", StringComparison.Ordinal) ? "static void Run(Action a) => a(); static void Release() => spin_unlock(ref Lock);" : "";
        return VerifyAsync(
            $$"""
            private static void Take(int n) { spin_lock(ref Lock); *(int*)Kept = n; {{end}}
            static extern bool Ask(int n); {{handedOn}}
            public static int {|KA9003:Huge|}(KernelSpinLock* any) { int n = 0; void* p = kmalloc(8, GFP_KERNEL); {{tests}} {{release}}; kfree(p); return n; }
            """);
    }

    [Fact]
    public Task Pragma_Silences() => VerifyAsync(
        """
        static int M(int n)
        {
            spin_lock(ref Lock);
        #pragma warning disable KA1006
            if (n < 0) return n;
        #pragma warning restore KA1006
            spin_unlock(ref Lock);
            return 0;
        }
        """);

    [Fact]
    public Task Severity_None_Silences() => Verify.VerifyAnalyzerAsync(Sources.Class("static void M(bool x) { spin_lock(ref Lock); if (x) return; spin_unlock(ref Lock); }"), [("dotnet_diagnostic.KA1006.severity", "none")]);
}
