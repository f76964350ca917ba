using KAlloc.Analyzers.Rules.Contracts;
using KAlloc.Tests.Verifier;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.Testing;
using Xunit;
using Verify = KAlloc.Tests.Verifier.KernelVerifier<KAlloc.Analyzers.Rules.Contracts.KA9004ContractLineAnalyzer>;

namespace KAlloc.Analyzers.Tests.Contracts;

public sealed class KA9004ContractLineTests
{
    private const string Library = """
        namespace Acme
        {
            public static unsafe class Native
            {
                public static extern void* Open(string path);
                public static extern void Close(void* handle, int code);
                public static extern void Wait();
                public static extern void Begin(object gate);
                public static extern void End(object gate);
            }
        }

        """;

    private const string Contracts = """
        # what the header says
        Acme.Native.Open(path): return allocates acme may-be-null freed-by=Native.Close
        Acme.Native.Close(*): handle frees acme   # any overload
        Acme.Native.Wait(): sleeps
        Acme.Native.Begin(gate): enters preempt lock=gate left-by=Native.End
        Acme.Native.End(gate): leaves preempt lock=gate
        """;

    private static Task Check(string contracts, string members, params DiagnosticResult[] expected)
    {
        KernelTest<KA9004ContractLineAnalyzer, EmptyCodeFixProvider> test = Verify.Test(Library + "unsafe class C\n{\n" + members + "\n}\n", expected);
        test.TestState.AdditionalFiles.Add(("acme.kalloc-contracts.txt", contracts));
        test.TestState.AdditionalFiles.Add(("notes.txt", "no contract at all"));
        return test.RunAsync();
    }

    private static DiagnosticResult Line(int line, int length, string reason) =>
        Verify.Diagnostic("KA9004").WithSpan("acme.kalloc-contracts.txt", line, 1, line, 1 + length).WithArguments(reason);

    [Theory]
    [InlineData("Acme.Native.Open", "expected 'Type.Member(parameters): clauses'")]
    [InlineData("Open(path): sleeps", "expected a type and a member before '('")]
    [InlineData("Acme.Native.Open(path):", "expected a clause after ':'")]
    [InlineData("Acme.Native.Open(path): returns allocates acme", "'returns' is no parameter of the line, 'return' or 'this'")]
    [InlineData("Acme.Native.Open(path): return makes acme", "'return makes acme' is no clause")]
    [InlineData("Acme.Native.Open(path): sleeps-if flags", "'flags' is no parameter of the line, 'return' or 'this'")]
    [InlineData("Acme.Native.Opened(path): sleeps", "'Acme.Native' has no member 'Opened'")]
    [InlineData("Acme.Native.Open(file): sleeps", "no 'Open' of 'Acme.Native' has these parameters")]
    public Task Line_ThatSaysNothing_IsReported(string line, string reason) => Check("# first\n" + line, "", Line(2, line.Length, reason));

    [Fact]
    public Task Lines_ThatAreRead_StaysSilent() => Check(Contracts, "");

    [Fact]
    public Task Type_OfAnotherProject_StaysSilent() => Check("Other.Native.Open(path): return allocates other", "");

    [Fact]
    public Task Memory_OfADescribedLibrary_IsFollowed() => Check(
        Contracts,
        """
            void Lost() { void* p = Acme.Native.Open("a"); {|KA4001:}|}
            void Twice() { void* p = Acme.Native.Open("a"); Acme.Native.Close(p, 0); {|KA4005:Acme.Native.Close(p, 0)|}; }
            void Foreign() { void* p = Acme.Native.Open("a"); {|KA4007:System.Runtime.InteropServices.NativeMemory.Free(p)|}; }
            void Once() { void* p = Acme.Native.Open("a"); if (p != null) Acme.Native.Close(p, 0); }
        """);

    [Fact]
    public Task Sections_OfADescribedLibrary_AreFollowed() => Check(
        Contracts,
        """
            void Sleeps(object gate) { Acme.Native.Begin(gate); {|KA1003:Acme.Native.Wait()|}; Acme.Native.End(gate); }
            void Stays(object gate, bool now) { Acme.Native.Begin(gate); if (now) {|KA1006:return;|} Acme.Native.End(gate); }
            static void Helper(object gate) => Acme.Native.End(gate);
            void Leaves(object gate) { Acme.Native.Begin(gate); Helper(gate); }
        """);
}
