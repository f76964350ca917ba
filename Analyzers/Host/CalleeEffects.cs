// What source methods do with the pointers they are given, on demand and cached for the compilation. A method that is being asked about while
// it is computed (recursion) is opaque, and nothing that depended on such an answer is cached: results never depend on who asked first.

using System.Collections.Concurrent;
using KAlloc.Analyzers.Flow;
using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.FlowAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Host;

internal sealed class CalleeEffects(Compilation compilation, ContractModel model)
{
    private static readonly ParameterEffect[] Opaque = [];

    private readonly ConcurrentDictionary<IMethodSymbol, ParameterEffect[]> _known = new(SymbolEqualityComparer.Default);

    /// <summary>One question with the chain of methods that led to it.</summary>
    internal sealed class Inquiry(CalleeEffects effects, CancellationToken cancellation)
    {
        private readonly HashSet<IMethodSymbol> _open = new(SymbolEqualityComparer.Default);
        private bool _cut;

        internal ParameterEffect EffectOf(IMethodSymbol method, int ordinal)
        {
            ParameterEffect[] all = Of(method.OriginalDefinition);
            return ordinal < all.Length ? all[ordinal] : ParameterEffect.Keeps;
        }

        private ParameterEffect[] Of(IMethodSymbol method)
        {
            if (effects._known.TryGetValue(method, out ParameterEffect[]? known)) return known;
            if (!MaySummarize(method)) return Opaque;
            if (!_open.Add(method))
            {
                _cut = true;
                return Opaque;
            }

            bool outerCut = _cut;
            _cut = false;
            ParameterEffect[] found = effects.Compute(method, this, cancellation);
            _open.Remove(method);
            bool complete = !_cut || _open.Count == 0;
            _cut |= outerCut;
            return complete ? effects._known.GetOrAdd(method, found) : found;
        }
    }

    /// <summary>A method whose body is the one that runs, at once and as a whole.</summary>
    private static bool MaySummarize(IMethodSymbol method)
    {
        if (method.DeclaringSyntaxReferences.Length != 1 || method.IsAbstract || method.IsVirtual || method.IsExtern || method.IsAsync) return false;
        if (method.IsOverride && !method.IsSealed && !method.ContainingType.IsSealed) return false;
        if (method.MethodKind is not (MethodKind.Ordinary or MethodKind.ReducedExtension or MethodKind.LocalFunction) || method.IsIterator()) return false;
        foreach (IParameterSymbol parameter in method.Parameters)
            if (TypeShapes.IsPointerByValue(parameter)) return true;
        return false;
    }

    private ParameterEffect[] Compute(IMethodSymbol method, Inquiry inquiry, CancellationToken cancellation)
    {
        if (method.DeclaringSyntaxReferences[0].GetSyntax(cancellation) is not MethodDeclarationSyntax { } declaration || (declaration.Body is null && declaration.ExpressionBody is null)) return Opaque;
        if (!compilation.ContainsSyntaxTree(declaration.SyntaxTree)) return Opaque;
        // Inside an analyzer the driver hands out its own cached model and operations, so this binds nothing twice.
#pragma warning disable RS1030
        if (compilation.GetSemanticModel(declaration.SyntaxTree).GetOperation(declaration, cancellation) is not IMethodBodyOperation body) return Opaque;
#pragma warning restore RS1030
        foreach (IOperation operation in body.Descendants())
            if (operation is IInvalidOperation) return Opaque;
        var scope = new FlowScope(model, [], _ => EntryContext.Unknown, _ => false, inquiry.EffectOf, _ => { }, cancellation);
        return FlowAnalysis.Summarize(scope, method, ControlFlowGraph.Create(body, cancellation), declaration) ?? Opaque;
    }
}
