using KAlloc.Analyzers.Flow;
using KAlloc.Analyzers.Host;
using KAlloc.Analyzers.Model;
using KAlloc.Tests.Verifier;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Xunit;

namespace KAlloc.Flow.Tests;

/// <summary>Which pointers a body that is too large to be walked only uses; all others count as kept.</summary>
public sealed class LendingTests
{
    private const string Members = """
        struct S { public byte* at; public S* next; public long number; }
        struct Pair { public byte* a; public byte* b; }
        static byte* s_kept; static nint s_number; byte* _kept; static object s_object; static List<nint> s_list = [];
        static void Use(byte* used) { *used = 1; }
        static extern void Foreign(byte* p);
        public virtual void Open(byte* p) { }
        static void Fill(ref byte* to, byte* from) { to = from; }
        static void FillAt(byte** to, byte* from) { *to = from; }
        struct Buf { public fixed byte data[8]; public fixed long slots[2]; }
        static void SaveAt(byte** at) { s_kept = *at; }
        static void SaveWhatIsAt(byte** used) { s_kept = *used; }
        static void Save(void* used) { s_kept = ((Pair*)used)->a; }
        """;

    [Theory]
    // Used and no more.
    [InlineData("void M(byte* p, int n) { for (int i = 0; i < n; i++) p[i] = (byte)(p[i] * 2); }", "p")]
    [InlineData("byte M(byte* p) => *p;", "p")]
    [InlineData("int M(byte* p, byte* end) { byte* at = p; while (at < end) at++; return (int)(at - p); }", "p end")]
    [InlineData("long M(byte* p, byte* end, S* s) { s->number = end - p; return s->number; }", "p end s")]
    [InlineData("void M(S* s) { s->next->number = s->number; S* at = s; for (; at != null; at = at->next) at->number++; }", "s")]
    [InlineData("bool M(byte* p, byte* q) { if (p is null || q == null) throw new System.ArgumentException(\"x\"); return p < q; }", "p q")]
    [InlineData("void M(byte* p) { Use(p); Use(p + 8); }", "p")]
    [InlineData("void M(byte* p, byte* q, nuint n) { System.Buffer.MemoryCopy(p, q, n, n); new System.Span<byte>(p, 4).Clear(); }", "p q n")]
    [InlineData("void M(byte* p) { Pair pair = default; pair.a = p; pair.b = pair.a + 1; *pair.b = 0; }", "p")]
    [InlineData("nuint M(nint p) { byte* at = (byte*)p; return *at; }", "p")]
    // What is behind it may go anywhere.
    [InlineData("void M(S* s) { s_kept = s->at; s->next = s->next->next; }", "s")]
    [InlineData("void M(Buf* p, int n) { p->data[n] = 1; p->slots[1] = p->data[2]; }", "p")]
    [InlineData("int M(byte* p) { int n = 0, m = 0; Save(&n); ref int r = ref n; System.Threading.Interlocked.Add(ref m, *p); return n + r; }", "p")]
    [InlineData("int M(byte* p, byte* q, bool b) { ref byte r = ref *p; ref byte t = ref (b ? ref r : ref *q); t = 1; return r; }", "p q")]
    [InlineData("void M(byte* p) { var span = new System.Span<byte>(p, 4); span[0] = 1; span.Slice(1).Clear(); }", "p")]
    // Kept.
    [InlineData("void M(byte* p) { s_kept = p; }", "")]
    [InlineData("void M(nint p) { s_kept = ((Buf*)p)->data; }", "")]
    [InlineData("void M(Buf* p) { s_kept = &p->data[3]; }", "")]
    [InlineData("void M(byte* p) { Buf b = default; b.slots[0] = (long)p; s_number = (nint)b.slots[0]; }", "")]
    [InlineData("void M(byte* p) { byte** q = &p; s_kept = *q; }", "")]
    [InlineData("void M(byte* p) { byte* x = null; byte** q = &x; x = p; s_kept = *q; }", "")]
    [InlineData("void M(byte* p) { ref byte* q = ref p; s_kept = q; }", "")]
    [InlineData("void M(byte* p) { Pair pair = default; pair.a = p; Pair* at = &pair; s_kept = at->a; }", "")]
    [InlineData("void M(byte* p) { Pair pair = default; pair.b = p; s_kept = *(&pair.a + 1); }", "")]
    [InlineData("void M(byte* p) { Pair pair = default; pair.a = p; Save(&pair); }", "")]
    [InlineData("void M(byte* p) { SaveAt(&p); }", "")]
    [InlineData("void M(byte* p) { SaveWhatIsAt(&p); }", "")]
    [InlineData("void M(byte* p) { byte* x; System.Buffer.MemoryCopy(&p, &x, 8, 8); s_kept = x; }", "")]
    [InlineData("void M(byte* p) { fixed (byte** at = &s_kept) System.Buffer.MemoryCopy(&p, at, 8, 8); }", "")]
    [InlineData("void M(nint p) { var span = new System.Span<nint>(ref p); s_number = span[0]; }", "")]
    [InlineData("ref byte M(byte* p) { return ref *p; }", "")]
    [InlineData("ref byte M(byte* p) => ref p[3];", "")]
    [InlineData("ref byte* M(S* p) => ref p->at;", "")]
    [InlineData("ref byte M(byte* p, byte* q, bool b) => ref (b ? ref *p : ref *q);", "")]
    [InlineData("void M(byte* p, byte* q, bool b) { ref byte r = ref (b ? ref *p : ref *q); s_kept = (byte*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref r); }", "")]
    [InlineData("void M(byte* p) { ref byte r = ref System.Runtime.CompilerServices.Unsafe.AsRef<byte>(p); fixed (byte* at = &r) s_kept = at; }", "")]
    // It runs when its caller has gone on.
    [InlineData("async System.Threading.Tasks.Task M(nint p) { *(byte*)p = 1; }", "")]
    [InlineData("IEnumerable<int> M(nint p) { yield return 1; unsafe { *(byte*)p = 1; } }", "")]
    [InlineData("void M(byte* p) { _kept = p + 1; }", "")]
    [InlineData("void M(byte* p, S* s) { s->at = p; }", "s")]
    [InlineData("void M(byte* p, S* s) { S* t = s; (*t).at = p; s->next = t; }", "")]
    [InlineData("byte* M(byte* p, byte* q) { return p + 1; }", "q")]
    [InlineData("byte* M(byte* p, byte* q, bool b) => b ? p : q;", "")]
    [InlineData("void M(byte* p, byte** q) { *q = p; }", "q")]
    [InlineData("void M(byte* p, byte** q) { q[1] = p; }", "q")]
    [InlineData("void M(byte* p, out byte* q) { q = p; }", "")]
    [InlineData("void M(byte* p) { s_number = (nint)p; }", "")]
    [InlineData("void M(byte* p) { s_number = (nint)p | 1; }", "")]
    [InlineData("void M(nint p) { s_list.Add(p); }", "")]
    [InlineData("void M(byte* p) { Foreign(p); }", "")]
    [InlineData("void M(byte* p) { Open(p); }", "")]
    [InlineData("void M(byte* p) { System.Action a = () => *p = 1; s_object = a; }", "")]
    [InlineData("void M(byte* p) { System.Func<nint> a = () => (nint)p; }", "")]
    [InlineData("void M(byte* p) { byte* at = null; for (int i = 0; i < 3; i++) { s_kept = at; at = p; } }", "")]
    [InlineData("void M(byte* p) { byte* a = null, b = null, c = null; for (int i = 0; i < 9; i++) { s_kept = c; c = b; b = a; a = p; } }", "")]
    [InlineData("void M(byte* p) { byte* local = null; Fill(ref local, p); s_kept = local; }", "")]
    [InlineData("void M(byte* p) { byte* local = null; FillAt(&local, p); s_kept = local; }", "")]
    [InlineData("void M(byte* p) { Pair pair; pair.a = p; pair.b = null; Pair copy = pair; s_kept = copy.a; }", "")]
    [InlineData("void M(byte* p) { var t = (1, (nint)p); s_number = t.Item2; }", "")]
    [InlineData("void M(byte* p) { var (a, b) = (1, (nint)p); s_number = b; }", "")]
    [InlineData("void M(byte* p) { ref byte* r = ref s_kept; r = p; }", "")]
    [InlineData("void M(nint p) { if (p is var q) s_number = q; }", "")]
    [InlineData("void M(nint p) { switch (p) { case var q: s_number = q; break; } }", "")]
    [InlineData("void M(nint p) { s_number = p switch { 0 => 1, var q => q }; }", "")]
    [InlineData("void M(byte* p) { byte** a = stackalloc byte*[2]; a[0] = p; s_kept = a[0]; }", "")]
    [InlineData("void M(nint p) { nint[] a = [p]; s_object = a; }", "")]
    [InlineData("void M(byte* p) { System.Threading.Volatile.Write(ref s_number, (nint)p); }", "")]
    [InlineData("void M(byte* p) { System.Runtime.InteropServices.NativeMemory.Free(p); }", "")]
    [InlineData("void M(byte* p) { void Inner() { s_kept = p; } Inner(); }", "")]
    [InlineData("void M(ref S s, byte* p) { s.at = p; }", "")]
    [InlineData("nint M(ulong number, byte* p) { ulong n = (ulong)p; n += number; return (nint)n; }", "")]
    public void Body_LendsWhatItOnlyUses(string method, string lent)
    {
        CSharpCompilation compilation = KernelSetup.CreateCompilation($"using System.Collections.Generic; unsafe class C {{ {Members} {method} }}");
        var (root, operation) = Methods.BodyOf(compilation, "M");
        Assert.DoesNotContain(compilation.GetDiagnostics(), diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);

        Loans loans = Lending.Of(root, operation, new CompilationFacts(compilation).Model, LoansOf);

        Assert.Equal(lent, string.Join(' ', root.Parameters.Where(parameter => loans.Lends(parameter.Ordinal)).Select(parameter => parameter.Name)));
    }

    [Theory]
    [InlineData("int M(byte* p, byte* q, int n) { n += p[0]; for (int i = 0; i < n; i++) n += q[i]; return q == null ? 0 : n; }", "p")]
    [InlineData("void M(S* s, S* t) { s->number = 1; *t = default; }", "s t")]
    [InlineData("int M(byte* p, byte* q, int n) { byte* at = p + n; int sum = *at++ + ((int*)q)[2]; at += 2; return sum; }", "p q")]
    [InlineData("void M(byte* p, int n) { for (int i = *p; i < n; i++) n--; }", "p")]
    [InlineData("void M(nint p) { *(byte*)(p + 4) = 1; }", "p")]
    [InlineData("void M(byte* p) { s_kept = p; }", "")]
    // Not what it was given, or not only that.
    [InlineData("void M(byte* p, byte* q) { byte* at = p; *at = 1; at = q + 1; }", "")]
    [InlineData("void M(byte* p) { p = s_kept; *p = 1; }", "")]
    [InlineData("void M(byte* p) { byte* at = p; at = s_kept; *at = 1; }", "")]
    [InlineData("void M(byte* p) { byte* at = p ?? s_kept; *at = 1; }", "")]
    [InlineData("void M(byte* p, bool b) { *(b ? p : s_kept) = 1; }", "")]
    [InlineData("void M(nint p) { *(byte*)(s_number + (p - s_number)) = 1; }", "")]
    [InlineData("void M(byte* p, long moved) { p += moved; *p = 1; }", "")]
    [InlineData("void M(byte* p) { Fill(ref p, s_kept); *p = 1; }", "")]
    [InlineData("void M(byte* p) { FillAt(&p, s_kept); *p = 1; }", "")]
    [InlineData("void M(nint p, int n) { (p, n) = (s_number, 1); *(byte*)p = 1; }", "")]
    [InlineData("void M(S* s) { s_kept = (byte*)&s->number; }", "")]
    // Perhaps.
    [InlineData("void M(byte* p, int n) { for (int i = 0; i < n; i++) p[i] = 1; }", "")]
    [InlineData("void M(byte* p, int n) { while (n-- > 0) *p = 1; }", "")]
    [InlineData("void M(byte* p, int n) { if (n > 0) *p = 1; }", "")]
    [InlineData("void M(byte* p, int n) { if (n == 0) return; *p = 1; }", "")]
    [InlineData("void M(byte* p, int n) { if (n == 0) goto end; *p = 1; end:; }", "")]
    [InlineData("bool M(byte* p, int n) => n > 0 && *p == 1;", "")]
    [InlineData("int M(byte* p, int n) => n > 0 ? *p : 0;", "")]
    [InlineData("void M(byte* p, int n) { switch (n) { case 1: *p = 1; break; } }", "")]
    [InlineData("int M(byte* p, int n) => n switch { 1 => *p, _ => 0 };", "")]
    [InlineData("void M(byte* p) { System.Action a = () => *p = 1; }", "")]
    [InlineData("void M(byte* p, int n) { do { if (n == 0) break; *p = 1; } while (n-- > 0); }", "")]
    public void Body_UsesWhatItReadsOrWritesThrough(string method, string used)
    {
        CSharpCompilation compilation = KernelSetup.CreateCompilation($"using System.Collections.Generic; unsafe class C {{ {Members} {method} }}");
        var (root, operation) = Methods.BodyOf(compilation, "M");
        Loans loans = Lending.Of(root, operation, new CompilationFacts(compilation).Model, LoansOf);
        Assert.Equal(used, string.Join(' ', root.Parameters.Where(parameter => loans.Uses(parameter.Ordinal)).Select(parameter => parameter.Name)));
    }

    /// <summary>A callee lends what it calls so.</summary>
    private static Loans LoansOf(IMethodSymbol callee)
    {
        ulong lent = 0;
        foreach (IParameterSymbol parameter in callee.Parameters)
            if (parameter.Name == "used") lent |= 1UL << parameter.Ordinal;
        return new Loans(lent, 0);
    }
}
