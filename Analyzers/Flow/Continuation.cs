// Where a path goes on when the finally block that it is in ends. Roslyn's graph lists the finally regions of a branch but has no edges for
// them, and none at all for exceptions: the walk keeps this stack beside the state.

using Microsoft.CodeAnalysis.FlowAnalysis;

namespace KAlloc.Analyzers.Flow;

/// <summary>A branch whose finally regions are being run, or, when there is no branch, an exception on its way out of a region.</summary>
internal sealed record Continuation(ControlFlowBranch? Branch, int FinallyIndex, ControlFlowRegion? UnwindFrom, Unwinding? Exception, Continuation? Outer)
{
    internal static bool Same(Continuation? a, Continuation? b) => a is null ? b is null : a.Equals(b);
}

/// <summary>An exception in flight: its type if known, and the throw statement if the body itself threw it.</summary>
internal sealed record Unwinding(Microsoft.CodeAnalysis.ITypeSymbol? Type, Microsoft.CodeAnalysis.SyntaxNode? Statement)
{
    /// <summary>Thrown by something called, not by this body.</summary>
    internal bool IsImplicit => Statement is null;
}
