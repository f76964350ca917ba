// Exceptions and finally blocks. The graph has no exception edges: when a call inside a try may throw, the state before it is sent to the
// handlers; when a throw statement runs, the state is. Once per handler and ownership, so that handlers do not drown in states.
// The regions of a lambda or local function are enclosed in those of the graph that declares it: a walk outwards ends at the graph's own root.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.FlowAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class GraphRunner
{
    /// <summary>
    /// What a call of the block throws comes to a handler of this body. That a handler or a finally block fails half-way is not followed: cleaning up is what these are for.
    /// </summary>
    private static bool IsGuarded(BasicBlock block)
    {
        for (ControlFlowRegion? region = block.EnclosingRegion; region is { Kind: not (ControlFlowRegionKind.Root or ControlFlowRegionKind.Finally or ControlFlowRegionKind.Catch) }; region = region.EnclosingRegion)
            if (region.Kind == ControlFlowRegionKind.Try) return true;
        return false;
    }

    /// <summary>What may throw in a statement: one that only frees, unlocks, or reads and writes native memory does not.</summary>
    private IOperation? Throwing(IOperation operation)
    {
        foreach (IOperation inner in operation.DescendantsAndSelf())
        {
            if (inner is IObjectCreationOperation { Constructor.IsImplicitlyDeclared: false } or IAwaitOperation or IThrowOperation) return inner;
            if (inner is IInvocationOperation call && !CallEffects.OnlyTouches(call.TargetMethod) && _analysis.Model.Find(call.TargetMethod) is not ({ Frees.Count: > 0, Allocations.Count: 0 } or { Leave: not null })) return inner;
        }

        return null;
    }

    private static ITypeSymbol? ThrownType(IOperation? exception)
    {
        while (exception is IConversionOperation conversion) exception = conversion.Operand;
        return exception is IObjectCreationOperation ? exception.Type : null;
    }

    private static SyntaxNode? ThrowStatement(IOperation? exception)
    {
        SyntaxNode? syntax = exception?.Syntax;
        // A switch expression without a matching arm throws by itself: no statement of this body.
        for (SyntaxNode? node = syntax; node is not null; node = node.Parent)
            if (node is ThrowStatementSyntax or ThrowExpressionSyntax) return node;
            else if (node is StatementSyntax or MemberDeclarationSyntax) break;
        return null;
    }

    private void UnwindFrom(SyntaxNode call, BasicBlock block, FlowState before)
    {
        FlowState state = before.Fork();
        state.Throw(call);
        Unwind(state, block.EnclosingRegion, new Unwinding(null, null));
    }

    /// <summary>Sends an exception from inside a region to the handlers around it, innermost first.</summary>
    private void Unwind(FlowState state, ControlFlowRegion from, Unwinding exception)
    {
        for (ControlFlowRegion? region = from; region is { Kind: not ControlFlowRegionKind.Root }; region = region.EnclosingRegion)
        {
            if (region.Kind != ControlFlowRegionKind.Try || region.EnclosingRegion is not { } guarded) continue;
            if (guarded.Kind == ControlFlowRegionKind.TryAndFinally)
            {
                if (exception.IsImplicit && !SendOnce(guarded, state)) return;
                RunFinally(state, new Continuation(null, 0, guarded, exception, state.Pending));
                return;
            }

            if (exception.IsImplicit && !SendOnce(guarded, state)) return;
            if (IsCaught(state, guarded, null, exception)) return;
        }

        NoteLeft(state, int.MaxValue, default);
        if (exception.Statement is { } statement) Throws.Add((state, statement));
    }

    /// <summary>Sends an exception to the handlers of a region, or to those behind one that refused it; false if it may go on outwards from here.</summary>
    private bool IsCaught(FlowState state, ControlFlowRegion guarded, ControlFlowRegion? refused, Unwinding exception)
    {
        bool isBehind = refused is null;
        foreach (ControlFlowRegion handler in guarded.NestedRegions)
        {
            if (!isBehind || handler.Kind is not (ControlFlowRegionKind.Catch or ControlFlowRegionKind.FilterAndHandler))
            {
                isBehind |= handler == refused;
                continue;
            }

            bool? catches = Catches(handler, exception.Type);
            if (catches == false) continue;
            NoteLeft(state, handler.FirstBlockOrdinal, default);
            FlowState caught = state.Fork();
            caught.Loops = default;
            // What its filter refuses goes on from there.
            if (catches == true && handler.Kind == ControlFlowRegionKind.FilterAndHandler) caught.Pending = new Continuation(null, 0, handler, exception, state.Pending);
            Send(caught, _graph.Blocks[handler.FirstBlockOrdinal]);
            if (catches == true) return true;
        }

        return false;
    }

    /// <summary>The filter that the path is in was given an exception of this class: that of the object which was made for it.</summary>
    internal static INamedTypeSymbol? ThrownInto(FlowState state) => state.Pending is { UnwindFrom.Kind: ControlFlowRegionKind.FilterAndHandler, Exception.Type: INamedTypeSymbol type } ? type : null;

    private void Refuse(FlowState state, ControlFlowRegion filter)
    {
        if (state.Pending is not { UnwindFrom: { Kind: ControlFlowRegionKind.FilterAndHandler, EnclosingRegion: { } guarded } handler, Exception: { } exception } refused || filter.EnclosingRegion != handler) return;
        state.Pending = refused.Outer;
        if (!IsCaught(state, guarded, handler, exception)) Unwind(state, guarded, exception);
    }

    /// <summary>One exceptional path a handler for each combination of what is owned, freed and locked.</summary>
    private bool SendOnce(ControlFlowRegion region, FlowState state)
    {
        long signature = 17;
        for (int i = 0; i < state.AllocationCount; i++)
        {
            Allocation allocation = state.AllocationAt(i);
            signature = unchecked((signature * 31) + (allocation.Symbol * 4) + (int)allocation.Status);
        }

        for (Section? section = state.Sections; section is not null; section = section.Outer) signature = unchecked((signature * 31) + (int)section.Kind + section.Identity.Symbol);
        return _sent.Add((region, signature));
    }

    /// <summary>Whether the handler is for the exception: surely, never, or perhaps. If it has a filter, that decides then.</summary>
    private static bool? Catches(ControlFlowRegion handler, ITypeSymbol? thrown)
    {
        ITypeSymbol? caught = handler.ExceptionType;
        bool all = caught is null || caught.SpecialType == SpecialType.System_Object || caught is { Name: "Exception", ContainingNamespace.Name: "System" };
        if (all) return true;
        if (thrown is null) return null;
        for (ITypeSymbol? type = thrown; type is not null; type = type.BaseType)
            if (SymbolEqualityComparer.Default.Equals(type, caught)) return true;
        return false;
    }

    private void RunFinally(FlowState state, Continuation continuation)
    {
        ControlFlowRegion? region = continuation.Branch is { } branch ? branch.FinallyRegions[continuation.FinallyIndex] : FinallyOf(continuation.UnwindFrom!);
        if (region is null) return;
        state.Pending = continuation;
        Send(state, _graph.Blocks[region.FirstBlockOrdinal]);
    }

    private static ControlFlowRegion? FinallyOf(ControlFlowRegion guarded)
    {
        foreach (ControlFlowRegion region in guarded.NestedRegions)
            if (region.Kind == ControlFlowRegionKind.Finally) return region;
        return null;
    }

    /// <summary>A finally or filter block ended: go on where the path was heading.</summary>
    private void Resume(FlowState state, ControlFlowBranch end)
    {
        for (ControlFlowRegion? region = end.Source.EnclosingRegion; region is { Kind: not ControlFlowRegionKind.Root }; region = region.EnclosingRegion)
        {
            if (region.Kind == ControlFlowRegionKind.Filter)
            {
                Refuse(state, region);
                return;
            }

            if (region.Kind == ControlFlowRegionKind.Finally) break;
        }

        if (state.Pending is not { } continuation) return;
        state.Pending = continuation.Outer;
        if (continuation.Branch is not { } branch)
        {
            Unwind(state, continuation.UnwindFrom!.EnclosingRegion!, continuation.Exception!);
            return;
        }

        if (continuation.FinallyIndex + 1 < branch.FinallyRegions.Length)
        {
            RunFinally(state, continuation with { FinallyIndex = continuation.FinallyIndex + 1 });
            return;
        }

        Value value = branch.Semantics == ControlFlowBranchSemantics.Return ? state.Load(ReturnSlot) : Value.Zero;
        Arrive(branch, state, value);
    }
}
