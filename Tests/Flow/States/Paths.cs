// Branches, loops, exceptions, functions inside of functions.

unsafe class Paths
{
    static extern bool Ask();
    static extern int Next();
    static extern void May();
    void* _kept;

    // ends: n = 1 | n = 2
    void If(bool x) { int n; if (x) n = 1; else n = 2; }

    // ends: n = 3, a = 1, b = 1 | n = 1, a = 1, b = 0 | n = 2, a = 0, b = 1 | n = 0, a = 0, b = 0
    void TwoIfs(bool a, bool b) { int n = 0; if (a) n += 1; if (b) n += 2; }

    // ends: n = 1, a = 1, b = 1 | n = 0, a = 1, b = 0 | n = 0, a = 0, b = b
    void ShortCircuit(bool a, bool b) { int n = 0; if (a && b) n = 1; }

    // ends: n = 1 | n = 0
    void ShortCircuitOr(bool a, bool b) { int n = 0; if (a || b) n = 1; }

    // ends: n = 2
    void Goto() { int n = 1; goto end; end: n++; }

    // ends: result = 1 | result = 2
    int EarlyReturn(bool x) { if (x) return 1; return 2; }

    // ends: p = q | p = p
    void Coalesce(string p, string q) { p ??= q; }

    // ends: how = return, x = 0 | how = throw, x = 1
    void ThrowStatement(bool x) { if (x) throw new InvalidOperationException(); }

    // ends: how = throw, p = null | how = return, p = p
    void ThrowExpression(string p) { p = p ?? throw new ArgumentNullException(); }

    // ends: n = 0
    void LoopNeverEntered() { int n = 0; for (int i = 0; i < 0; i++) n = 5; }

    // ends: n = 0 | n = 1 | n = ?n
    void WhileWidened() { int n = 0; while (Ask()) n++; }

    // ends: n = 1 | n = 2 | n = ?n + 1
    void DoRunsOnce() { int n = 0; do n++; while (Ask()); }

    // ends: p = owned kmalloc
    void LoopKeepsOwnership() { void* p = kmalloc(8, GFP_KERNEL | __GFP_NOFAIL); while (Ask()) May(); }

    // ends: p = freed kmalloc
    void FreedAfterLoop() { void* p = kmalloc(8, GFP_KERNEL | __GFP_NOFAIL); for (int i = 0; i < 100; i++) May(); kfree(p); }

    // ends: n = 1
    void Break() { int n = 0; while (true) { n++; break; } }

    // ends: n = 0 | n = 1
    void Continue(int[] a) { int n = 0; foreach (int x in a) { if (x == 0) continue; n = 1; break; } }

    // ends: n = 7
    void Finally() { int n = 0; try { n = 3; } finally { n += 4; } }

    // ends: n = 1 | n = 2
    void Catch() { int n = 0; try { May(); n = 1; } catch { n = 2; } }

    // ends: result = 1, n = 5
    int ReturnRunsFinally() { int n = 0; try { return 1; } finally { n = 5; } }

    // ends: p = freed kmalloc
    void FinallyFrees() { void* p = kmalloc(8, GFP_KERNEL | __GFP_NOFAIL); try { May(); } finally { kfree(p); } }

    // ends: p = owned kmalloc | p = freed kmalloc
    void CatchFrees() { void* p = kmalloc(8, GFP_KERNEL | __GFP_NOFAIL); try { May(); } catch { kfree(p); } }

    // ends: how = return, n = 1 | how = return, n = 2
    void ThrowIsCaught(bool x) { int n = 0; try { if (x) throw new Exception(); n = 1; } catch (Exception) { n = 2; } }

    // ends: how = return, n = 1 | how = throw, n = 3
    void RethrowAfterCleaning(bool x) { int n = 0; try { if (x) throw new Exception(); n = 1; } catch (Exception) { n = 3; throw new Exception(); } }

    // ends: n = 3
    void NestedFinally() { int n = 0; try { try { n = 1; } finally { n++; } } finally { n++; } }

    // ends: locks = none, n = 1
    void LockStatement(object o) { int n = 0; lock (o) n = 1; }

    // ends: n = 5
    void LocalFunction() { int n = 0; Set(5); void Set(int x) => n = x; }

    // ends: n = 6
    void LambdaInPlace() { int n = 0; Action set = () => n = 6; set(); }

    // ends: p = freed kmalloc
    void LocalFunctionFrees() { void* p = kmalloc(8, GFP_KERNEL | __GFP_NOFAIL); Drop(); void Drop() => kfree(p); }

    // ends: p = owned kmalloc
    void LocalFunctionAllocates() { void* p = Make(); static void* Make() => kmalloc(8, GFP_KERNEL | __GFP_NOFAIL); }

    // ends: n = 3
    void FunctionPassedDown() { int n = 0; Call(() => n = 3); static void Call(Action a) => a(); }

    // ends: n = 4
    void CapturedTwice() { int n = 1; Action add = () => n++; add(); add(); add(); }

    // ends: n = 2, x = 1 | n = 1, x = 0
    void LocalFunctionBranches(bool x) { int n = Pick(); int Pick() { if (x) return 2; return 1; } }

    // ends: p = null | p = owned kmalloc
    void UsingIsNotForPointers() { void* p = kmalloc(8, GFP_KERNEL); using var nothing = new Nothing(); if (p == null) return; }
    sealed class Nothing : IDisposable { public void Dispose() { } }

}
