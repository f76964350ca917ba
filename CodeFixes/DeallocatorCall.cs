// Writes the call that frees an allocation: the method that the allocation's own contract names, spelled as the allocation is spelled, with
// the further arguments (order, size, cache) that the allocation was made with. What is written is bound before it is offered.

using System.Text;
using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KAlloc.CodeFixes;

internal static class DeallocatorCall
{
    /// <summary>The properties in which a rule names the deallocator; see <c>Deallocators</c> in the analyzers.</summary>
    internal const string Name = "deallocator", Type = "deallocator.type";

    /// <summary>
    /// The methods that the finding names as the allocation's deallocator, or those of the name <paramref name="instead"/> beside it, with what
    /// each frees.
    /// </summary>
    internal static IEnumerable<(IMethodSymbol Method, FreeContract Free)> Candidates(RepairScope scope, Diagnostic finding, Call allocation, string? instead = null)
    {
        if (!finding.Properties.TryGetValue(Name, out string? name) || name is null || allocation.Contract.Allocations is not [var made]) yield break;
        INamedTypeSymbol? type = allocation.Method.ContainingType;
        if (finding.Properties.TryGetValue(Type, out string? typeName) && typeName is not null && type?.OriginalDefinition.ToDisplayString() != typeName)
            type = scope.Model.Compilation.GetTypeByMetadataName(typeName);
        foreach (ISymbol member in type?.GetMembers(instead ?? name) ?? [])
        {
            if (member is IMethodSymbol method && scope.ContractOf(method) is { Frees: [var free], Allocations.Count: 0 } && free.When == ReturnCondition.Always && free.Takes(made.Family))
                yield return (method, free);
        }
    }

    /// <summary>The call that frees <paramref name="pointer"/> at the position; null if none is certain to be right there.</summary>
    internal static string? Write(RepairScope scope, Diagnostic finding, Call allocation, ExpressionSyntax pointer, int position, string? instead = null)
    {
        if (allocation.Contract.Allocations is [{ IsDisposable: true }]) return WriteDispose(scope, pointer, position);
        string? withCast = null;
        foreach ((IMethodSymbol method, FreeContract free) in Candidates(scope, finding, allocation, instead))
        {
            if (Arguments(scope, allocation, method, free, pointer, position) is not { } arguments) continue;
            foreach (string callee in Callees(scope, allocation, method, free, pointer, position))
            {
                string code = callee + "(" + arguments + ")";
                if (!BindsTo(scope, code, method, position)) continue;
                // Of overloads for addresses and for pointers, the one that takes the pointer as it is.
                if (free.Target.Kind != OperandKind.Parameter || Pointers.IsImplicit(scope, pointer, method.Parameters[free.Target.Ordinal].Type, position)) return code;
                withCast ??= code;
            }
        }

        return withCast;
    }

    /// <summary>An object that owns its memory is disposed.</summary>
    private static string? WriteDispose(RepairScope scope, ExpressionSyntax pointer, int position)
    {
        string code = pointer.WithoutTrivia() + ".Dispose()";
        ISymbol? bound = scope.Model.GetSpeculativeSymbolInfo(position, SyntaxFactory.ParseExpression(code), SpeculativeBindingOption.BindAsExpression).Symbol;
        return bound is IMethodSymbol { Name: "Dispose", Parameters.IsEmpty: true } ? code : null;
    }

    private static bool BindsTo(RepairScope scope, string code, IMethodSymbol method, int position)
    {
        ExpressionSyntax expression = SyntaxFactory.ParseExpression(code);
        SymbolInfo info = scope.Model.GetSpeculativeSymbolInfo(position, expression, SpeculativeBindingOption.BindAsExpression);
        if (info.Symbol is not IMethodSymbol bound || !SymbolEqualityComparer.Default.Equals(bound.OriginalDefinition, method.OriginalDefinition)) return false;
        return !method.Parameters.Any(parameter => parameter.Type is IPointerTypeSymbol) || Pointers.IsUnsafe(scope.Root, position);
    }

    /// <summary>Ways to spell the method, in the manner of the allocation first.</summary>
    private static IEnumerable<string> Callees(RepairScope scope, Call allocation, IMethodSymbol method, FreeContract free, ExpressionSyntax pointer, int position)
    {
        if (free.Target.Kind == OperandKind.Receiver)
        {
            yield return pointer.WithoutTrivia() + "." + method.Name;
            yield break;
        }

        bool sameType = SymbolEqualityComparer.Default.Equals(method.ContainingType.OriginalDefinition, allocation.Method.ContainingType?.OriginalDefinition);
        if (allocation.Receiver is { } receiver && sameType)
        {
            if (method.IsStatic || Variables.IsStable(scope, receiver, RepairScope.BodyAround(allocation.Syntax))) yield return receiver.WithoutTrivia() + "." + method.Name;
        }

        if (allocation.Receiver is null) yield return method.Name;
        if (!method.IsStatic) yield break;
        yield return method.ContainingType.ToMinimalDisplayString(scope.Model, position) + "." + method.Name;
        yield return method.Name;
    }

    private static string? Arguments(RepairScope scope, Call allocation, IMethodSymbol method, FreeContract free, ExpressionSyntax pointer, int position)
    {
        AllocationContract made = allocation.Contract.Allocations[0];
        var arguments = new StringBuilder();
        foreach (IParameterSymbol parameter in method.Parameters)
        {
            OperandReference self = OperandReference.Parameter(parameter.Ordinal);
            string? code = self == free.Target ? Pointers.Convert(scope, pointer, parameter.Type, position)
                : self == free.Order ? Again(scope, allocation, made.Order, position)
                : self == free.Size ? Again(scope, allocation, made.Size, position)
                : self == free.Cache ? Again(scope, allocation, made.Cache, position)
                : parameter.IsOptional ? "" : null;
            if (code is null) return null;
            if (code.Length == 0) continue;
            if (arguments.Length > 0) arguments.Append(", ");
            arguments.Append(code);
        }

        return arguments.ToString();
    }

    /// <summary>What the allocation was given for an operand, if the same code still means the same at the position.</summary>
    internal static string? Again(RepairScope scope, Call allocation, OperandReference operand, int position)
    {
        if (allocation.Operand(operand) is not { } expression) return null;
        if (operand.Kind == OperandKind.Number) return expression.ToString();
        if (!Variables.IsStable(scope, expression, RepairScope.BodyAround(allocation.Syntax))) return null;
        string code = expression.WithoutTrivia().ToString();
        foreach (SimpleNameSyntax name in expression.DescendantNodesAndSelf().OfType<SimpleNameSyntax>())
        {
            if (name.Parent is MemberAccessExpressionSyntax access && access.Name == name) continue;
            ISymbol? there = scope.Model.GetSpeculativeSymbolInfo(position, SyntaxFactory.ParseExpression(name.ToString()), SpeculativeBindingOption.BindAsExpression).Symbol;
            if (scope.Model.GetSymbolInfo(name, scope.Cancellation).Symbol is not { } here || (here is not INamespaceOrTypeSymbol && !SymbolEqualityComparer.Default.Equals(here, there))) return null;
        }

        return code;
    }
}
