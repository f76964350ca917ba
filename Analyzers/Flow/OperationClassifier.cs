// Roslyn leaves pointer code as OperationKind.None: typed, with children, without a name. This is the one place that tells them apart, by types
// first and by syntax only where types do not tell (stackalloc).

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KAlloc.Analyzers.Flow;

internal enum PointerOperation
{
    /// <summary>None of the below.</summary>
    Other,

    /// <summary><c>*p</c>, or the target of <c>p->f</c>: the child is the pointer.</summary>
    Dereference,

    /// <summary><c>p[i]</c>: the children are pointer and index.</summary>
    Element,

    /// <summary><c>fixed (T* p = array)</c>: the child is what is pinned.</summary>
    Pin,

    /// <summary><c>fixed (T* p = &amp;x)</c>: the child is the address.</summary>
    PinnedAddress,

    /// <summary><c>stackalloc</c>: the first child is the length.</summary>
    StackAllocation,
}

internal static class OperationClassifier
{
    internal static PointerOperation Classify(IOperation operation, out IOperation? first, out IOperation? second)
    {
        first = second = null;
        int count = 0;
        foreach (IOperation child in operation.ChildOperations)
        {
            if (count == 0) first = child;
            else if (count == 1) second = child;
            count++;
        }

        if (operation.Syntax is StackAllocArrayCreationExpressionSyntax or ImplicitStackAllocArrayCreationExpressionSyntax) return PointerOperation.StackAllocation;
        if (first?.Type is null || operation.Type is null) return PointerOperation.Other;
        if (count == 2 && first.Type is IPointerTypeSymbol && operation.Syntax is ElementAccessExpressionSyntax) return PointerOperation.Element;
        if (count != 1) return PointerOperation.Other;
        if (first.Type is IPointerTypeSymbol pointer && SymbolEqualityComparer.Default.Equals(pointer.PointedAtType, operation.Type)) return PointerOperation.Dereference;
        if (operation.Type is not IPointerTypeSymbol) return PointerOperation.Other;
        return SymbolEqualityComparer.Default.Equals(first.Type, operation.Type) ? PointerOperation.PinnedAddress
            : first.Type is IPointerTypeSymbol ? PointerOperation.Other : PointerOperation.Pin;
    }
}
