using KAlloc.Analyzers.Flow;
using KAlloc.Analyzers.Rules.Context;
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
        new KA3001OrderMismatch(),
        new KA4001MemoryNotFreed(),
        new KA4007WrongDeallocator(),
    ];
}
