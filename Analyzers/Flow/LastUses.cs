// After which block a local is not named any more: what it held then tells no two paths apart. Blocks are numbered so that only the turns of a loop go
// back; a local that a loop names is needed until the loop ends. One that anything else could reach it by - a pointer, a reference, a lambda - is
// needed for as long as it exists.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.FlowAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed class LastUses
{
    private readonly Dictionary<ISymbol, int> _last = new(SymbolEqualityComparer.Default);
    private readonly HashSet<ISymbol> _kept = new(SymbolEqualityComparer.Default);

    /// <summary>A captured local is named wherever the capture is: what was captured is its place.</summary>
    private readonly Dictionary<CaptureId, ILocalSymbol> _captures = [];

    /// <summary>What lambdas and local functions name.</summary>
    private readonly HashSet<string> _captured = [];

    /// <param name="graph">The graph.</param>
    /// <param name="loopEnds">For each header of a loop the loop's last block; -1 for other blocks.</param>
    internal LastUses(ControlFlowGraph graph, int[] loopEnds)
    {
        Declare(graph.Root);
        foreach (BasicBlock block in graph.Blocks)
        {
            foreach (IOperation operation in block.AllOperations()) Note(operation, block.Ordinal);
        }

        foreach (IMethodSymbol function in graph.LocalFunctions)
            foreach (SyntaxReference reference in function.DeclaringSyntaxReferences) Capture(reference.GetSyntax());
        for (int header = loopEnds.Length - 1; header >= 0; header--)
        {
            if (loopEnds[header] < 0) continue;
            foreach (ISymbol local in new List<ISymbol>(_last.Keys))
                if (_last[local] >= header && _last[local] < loopEnds[header]) _last[local] = loopEnds[header];
        }
    }

    /// <summary>The local is named neither in the block nor anywhere behind it.</summary>
    internal bool IsOver(ISymbol local, int block) => _last.TryGetValue(local, out int last) && last < block && !_kept.Contains(local) && !_captured.Contains(local.Name);

    /// <summary>Only the graph's own: those of a graph around it may be needed there.</summary>
    private void Declare(ControlFlowRegion region)
    {
        foreach (ILocalSymbol local in region.Locals)
        {
            _last[local] = int.MinValue;
            if (local.RefKind != RefKind.None) _kept.Add(local);
        }

        foreach (ControlFlowRegion inner in region.NestedRegions) Declare(inner);
    }

    private void Note(IOperation operation, int block)
    {
        foreach (IOperation inner in operation.DescendantsAndSelf())
        {
            switch (inner)
            {
                case ILocalReferenceOperation { Local: var local } when _last.ContainsKey(local):
                    _last[local] = Math.Max(block, _last[local]);
                    break;
                case IFlowCaptureOperation { Value: ILocalReferenceOperation { Local: var local } } capture:
                    if (_captures.TryGetValue(capture.Id, out ILocalSymbol? other)) _kept.Add(other);
                    _captures[capture.Id] = local;
                    break;
                case IFlowCaptureReferenceOperation reference when _captures.TryGetValue(reference.Id, out ILocalSymbol? local) && _last.ContainsKey(local):
                    _last[local] = Math.Max(block, _last[local]);
                    break;
                case IAddressOfOperation { Reference: var reference }:
                    Keep(reference);
                    break;
                case ISimpleAssignmentOperation { IsRef: true, Value: var target }:
                    Keep(target);
                    break;
                case IInvocationOperation { TargetMethod: { } method } call when method.RefKind != RefKind.None || method.ReturnType.IsRefLikeType:
                    Keep(call);
                    break;
                case IFlowAnonymousFunctionOperation lambda:
                    Capture(lambda.Syntax);
                    break;
            }
        }
    }

    private void Keep(IOperation reference)
    {
        foreach (IOperation inner in reference.DescendantsAndSelf())
            if (inner is ILocalReferenceOperation { Local: var local }) _kept.Add(local);
    }

    private void Capture(SyntaxNode function)
    {
        foreach (SyntaxNode node in function.DescendantNodes())
            if (node is IdentifierNameSyntax name) _captured.Add(name.Identifier.ValueText);
    }
}
