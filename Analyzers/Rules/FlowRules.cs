using KAlloc.Analyzers.Flow;
using KAlloc.Analyzers.Rules.Context;
using KAlloc.Analyzers.Rules.Contracts;
using KAlloc.Analyzers.Rules.Lifetime;
using KAlloc.Analyzers.Rules.Size;

namespace KAlloc.Analyzers.Rules;

/// <summary>The rules that listen to the flow engine.</summary>
internal static class FlowRules
{
    internal static readonly IReadOnlyList<FlowRule> All =
    [
        new KA1001SleepingAllocationInAtomicContext(),
        new KA1002VmallocInAtomicContext(),
        new KA1003SleepingCallInAtomicContext(),
        new KA1004CallChainSleepsInAtomicContext(),
        new KA1005BlockingCallInAtomicContext(),
        new KA1006SectionNotLeft(),
        new KA1007WrongUnlock(),
        new KA1008LockedTwice(),
        new KA3001OrderMismatch(),
        new KA4001MemoryNotFreed(),
        new KA4003ResultDiscarded(),
        new KA4004ReallocLosesPointer(),
        new KA4005FreedTwice(),
        new KA4006UsedAfterFree(),
        new KA4007WrongDeallocator(),
        new KA4008NotTheStart(),
        new KA4009OtherCache(),
        new KA4011FieldNotFreed(),
        new KA9003BodyGivenUp(),
    ];
}
