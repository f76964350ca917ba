using KAlloc.CodeFixes.Rules.Context;
using Xunit;
using Verify = KAlloc.Tests.Verifier.KernelVerifier<KAlloc.Analyzers.Host.FlowAnalyzer, KAlloc.CodeFixes.Rules.Context.KA1007WrongUnlockCodeFix>;

namespace KAlloc.CodeFixes.Tests.Context;

public sealed class KA1007WrongUnlockCodeFixTests
{
    private static string Class(string body) =>
        $$"""
        using KAlloc;
        using static KAlloc.Linux;

        unsafe class C
        {
            static KernelSpinLock Lock;
            static KernelReadWriteLock RW;

            static void M()
            {
                {{body}}
            }
        }
        """;

    [Theory]
    [InlineData("spin_lock_irq(ref Lock); {|KA1007:spin_unlock(ref Lock)|};", "spin_lock_irq(ref Lock); spin_unlock_irq(ref Lock);")]
    [InlineData("spin_lock(ref Lock); {|KA1007:spin_unlock_bh(ref Lock)|};", "spin_lock(ref Lock); spin_unlock(ref Lock);")]
    [InlineData("spin_lock_irqsave(ref Lock, out nuint f); {|KA1007:Linux.spin_unlock(ref Lock)|};", "spin_lock_irqsave(ref Lock, out nuint f); spin_unlock_irqrestore(ref Lock, f);")]
    [InlineData("read_lock(ref RW); {|KA1007:write_unlock(ref RW)|};", "read_lock(ref RW); read_unlock(ref RW);")]
    public Task WrongKind_IsReplacedByTheCounterpart(string code, string repaired) => Verify.VerifyCodeFixAsync(Class(code), Class(repaired), KA1007WrongUnlockCodeFix.MatchKey);

    [Theory]
    [InlineData("spin_lock(ref Lock); spin_unlock(ref Lock); {|KA1007:spin_unlock(ref Lock)|};")]
    [InlineData("spin_lock_irqsave(ref Lock, out nuint f); {|KA1007:spin_unlock_irqrestore(ref Lock, 0)|};")]
    public Task OtherFaults_HaveNoFix(string code) => Verify.VerifyNoFixAsync(Class(code));
}
