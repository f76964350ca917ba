// Which calls are looked into, and so which bodies are walked at all. Names decide first, because names cost nothing: a body is of interest if it
// names a contract member, or a method of this compilation whose body is of interest. A name that many methods share leads nowhere ("Dispose",
// "Add": closing over such names takes in half of a program) unless its type is named too; the body that it means, once bound, is judged by its own text.

using System.Collections.Concurrent;
using KAlloc.Analyzers.Flow;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Host;

internal sealed class Demand(Compilation compilation, CompilationFacts facts)
{
    /// <summary>A body this short is looked into for what it returns or stores: constants decide branches.</summary>
    private const int TinyTokens = 40;

    private readonly ConcurrentDictionary<IMethodSymbol, bool> _demanded = new(SymbolEqualityComparer.Default);

    // Whether what the body of a method names leads on: the text of a helper that all call would be read once a call.
    private readonly ConcurrentDictionary<IMethodSymbol, bool> _interesting = new(SymbolEqualityComparer.Default), _leading = new(SymbolEqualityComparer.Default);

    internal static IMethodSymbol DefinitionOf(IMethodSymbol method)
    {
        method = (method.ReducedFrom ?? method).OriginalDefinition;
        return method.PartialImplementationPart ?? method;
    }

    /// <summary>The source methods that a body calls or names, and whose summaries matter to it; each once, in order.</summary>
    internal List<IMethodSymbol> CalleesOf(IOperation body, CancellationToken cancellation)
    {
        var callees = new List<IMethodSymbol>();
        var seen = new HashSet<ISymbol>(SymbolEqualityComparer.Default);
        foreach (IOperation operation in body.DescendantsAndSelf())
        {
            switch (operation)
            {
                case IInvocationOperation call:
                    AddCall(call.TargetMethod, call.Instance);
                    break;
                case IObjectCreationOperation { Constructor: { } constructor }:
                    Add(constructor);
                    break;
                case IPropertyReferenceOperation property:
                    if (facts.Dispatch.Fields.Tables.FunctionIn(property.Property) is { } only) Add(only);
                    if (property.Property.GetMethod is { } getter) AddCall(getter, property.Instance);
                    if (property.Property.SetMethod is { } setter) AddCall(setter, property.Instance);
                    break;
                case IMethodReferenceOperation reference:
                    Add(reference.Method);
                    break;
                case IBinaryOperation or IUnaryOperation or ICompoundAssignmentOperation or IConversionOperation when OperatorOf(operation) is { } @operator:
                    Add(@operator);
                    break;
                case IFieldReferenceOperation { Field: var field }:
                    foreach (IMethodSymbol held in facts.Dispatch.Fields.FunctionsIn(field)) Add(held);
                    break;
                case IUsingOperation @using:
                    AddDispose(@using.Resources is IVariableDeclarationGroupOperation group ? VariableOf(group) : @using.Resources.Type);
                    break;
                case IUsingDeclarationOperation declaration:
                    AddDispose(VariableOf(declaration.DeclarationGroup));
                    break;
            }
        }

        return callees;

        void Add(IMethodSymbol method)
        {
            method = DefinitionOf(method);
            if (method.DeclaringSyntaxReferences.Length > 0 && seen.Add(method) && IsDemanded(method, cancellation)) callees.Add(method);
        }

        void AddCall(IMethodSymbol method, IOperation? receiver)
        {
            foreach (IMethodSymbol body in BodiesOf(method, receiver)) Add(body);
        }

        void AddDispose(ITypeSymbol? type)
        {
            if (type is not INamedTypeSymbol named) return;
            IMethodSymbol? dispose = null;
            if (named.IsRefLikeType)
            {
                foreach (ISymbol member in named.GetMembers("Dispose"))
                    if (member is IMethodSymbol { IsStatic: false, Parameters.IsEmpty: true } method) dispose = method;
            }

            if (dispose is null && compilation.GetSpecialType(SpecialType.System_IDisposable).GetMembers("Dispose") is [IMethodSymbol contract, ..])
                dispose = named.FindImplementationForInterfaceMember(contract) as IMethodSymbol;
            if (dispose is not null) Add(dispose);
        }
    }

    /// <summary>The bodies of this compilation that a call can run, as far as they are known.</summary>
    private IReadOnlyList<IMethodSymbol> BodiesOf(IMethodSymbol method, IOperation? receiver)
    {
        if (!Dispatch.IsVirtual(method, receiver)) return [method];
        return facts.Dispatch.Certain(method, receiver, null) is { } certain ? [certain] : facts.Dispatch.BodiesOf(method, receiver?.Type);
    }

    private static IMethodSymbol? OperatorOf(IOperation operation) => operation switch
    {
        IBinaryOperation binary => binary.OperatorMethod,
        IUnaryOperation unary => unary.OperatorMethod,
        ICompoundAssignmentOperation compound => compound.OperatorMethod,
        IConversionOperation conversion => conversion.OperatorMethod,
        _ => null,
    };

    private static ITypeSymbol? VariableOf(IVariableDeclarationGroupOperation group)
    {
        foreach (IVariableDeclarationOperation declaration in group.Declarations)
            foreach (IVariableDeclaratorOperation declarator in declaration.Declarators) return declarator.Symbol.Type;
        return null;
    }

    private bool IsDemanded(IMethodSymbol method, CancellationToken cancellation) =>
        _demanded.TryGetValue(method, out bool known) ? known : _demanded.GetOrAdd(method, FindDemanded(method, cancellation));

    /// <summary>By what the method is, never by who calls it: a result must not depend on that.</summary>
    private bool FindDemanded(IMethodSymbol method, CancellationToken cancellation) =>
        Bodies.RunsAtOnce(method) && Bodies.Of(method, compilation, cancellation) is { } body
        && (TakesPointers(method, body.Node) || IsTiny(body.Node) || facts.LeadingNames(cancellation).IsMentionedIn(body.Node, cancellation));

    /// <summary>Whether the body itself does something by contract.</summary>
    internal bool ActsByContract(IOperation operation, CancellationToken cancellation) => UsesContract(operation, facts.MayBeAtomic(cancellation), static _ => false);

    /// <summary>Whether the body may do something with a pointer that it is given, or is so short that what it returns or stores decides branches.</summary>
    internal static bool MovesPointers(in Body body) => (body.Root is IMethodSymbol method && TakesPointers(method, body.Node)) || IsTiny(body.Node);

    /// <summary>The method may read, keep or free what it is given, or call it.</summary>
    private static bool TakesPointers(IMethodSymbol method, SyntaxNode body)
    {
        foreach (IParameterSymbol parameter in method.Parameters)
        {
            ITypeSymbol type = parameter.Type is IArrayTypeSymbol array ? array.ElementType : parameter.Type;
            if (TypeShapes.IsPointer(type) || type.TypeKind is TypeKind.Delegate or TypeKind.FunctionPointer || MentionsPointerOf(type, body)) return true;
        }

        return !method.IsStatic && MentionsPointerOf(method.ContainingType, body);
    }

    /// <summary>Of an object or struct of this compilation, the body names a field that is a pointer. A struct may be handed on as a whole.</summary>
    private static bool MentionsPointerOf(ITypeSymbol type, SyntaxNode body)
    {
        if (type is not { TypeKind: TypeKind.Struct or TypeKind.Class, DeclaringSyntaxReferences.Length: > 0 }) return false;
        HashSet<string>? names = null;
        foreach (ISymbol member in type.GetMembers())
            if (member is IFieldSymbol { IsStatic: false } field && TypeShapes.IsPointer(field.Type)) (names ??= []).Add((field.AssociatedSymbol ?? field).Name);
        return names is not null && (type.IsValueType || Mentions(body, names));
    }

    private static bool IsTiny(SyntaxNode body)
    {
        int tokens = 0;
        foreach (SyntaxToken _ in body.DescendantTokens())
            if (++tokens > TinyTokens) return false;
        return true;
    }

    internal static bool Mentions(SyntaxNode body, HashSet<string> names)
    {
        Words words = TreeScan.Of(body.SyntaxTree, CancellationToken.None).Words;
        foreach (int word in words.In(body.Span))
            if (names.Contains(words.Names[word])) return true;
        return false;
    }

    /// <summary>
    /// Whether the body does anything that the engine follows: it calls something with a contract, or something worth looking into for more than its value.
    /// Where the body or a function in it is atomic by what it is declared as, blocking is enough.
    /// </summary>
    internal bool TouchesContract(IOperation body, bool isAtomic, CancellationToken cancellation)
    {
        NameClosure names = isAtomic ? facts.LeadingNames(cancellation) : facts.InterestingNames(cancellation);
        ConcurrentDictionary<IMethodSymbol, bool> known = isAtomic ? _leading : _interesting;
        return UsesContract(body, isAtomic, method =>
        {
            if (method.DeclaringSyntaxReferences.Length == 0) return false;
            method = DefinitionOf(method);
            return known.TryGetValue(method, out bool leads)
                ? leads
                : known.GetOrAdd(method, Bodies.Of(method, compilation, cancellation) is { } code && names.IsMentionedIn(code.Node, cancellation));
        });
    }

    /// <summary>Whether the body calls something with a contract, or blocks where that is minded, or calls something that leads on.</summary>
    private bool UsesContract(IOperation body, bool mindsBlocking, Func<IMethodSymbol, bool> leadsOn)
    {
        foreach (IOperation inner in body.DescendantsAndSelf())
        {
            switch (inner)
            {
                case ILockOperation or IAwaitOperation or IForEachLoopOperation { IsAsynchronous: true } or IUsingOperation { IsAsynchronous: true }
                    or IUsingDeclarationOperation { IsAsynchronous: true } when mindsBlocking:
                case IInvocationOperation call when Matters(call.TargetMethod) || (Dispatch.IsVirtual(call.TargetMethod, call.Instance) && BodiesOf(call.TargetMethod, call.Instance).Any(Matters)):
                case IObjectCreationOperation { Constructor: { } constructor } when Matters(constructor):
                case IPropertyReferenceOperation { Property.GetMethod: { } getter } property when Matters(getter) || (Dispatch.IsVirtual(getter, property.Instance) && BodiesOf(getter, property.Instance).Any(Matters)):
                case IMethodReferenceOperation reference when Matters(reference.Method):
                case IBinaryOperation or IUnaryOperation or ICompoundAssignmentOperation or IConversionOperation when OperatorOf(inner) is { } @operator && Matters(@operator):
                case IFieldReferenceOperation { Field: var field } when facts.Dispatch.Fields.FunctionsIn(field).Any(Matters):
                case IPropertyReferenceOperation { Property: var computed } when facts.Dispatch.Fields.Tables.FunctionIn(computed) is { } held && Matters(held):
                    return true;
            }
        }

        return false;

        bool Matters(IMethodSymbol method) =>
            (facts.Model.Find(method) is { } contract && (contract.HasEffect || contract.ParameterContexts.Count > 0))
            || (mindsBlocking && facts.Model.FindBlocking(method) is not null)
            || leadsOn(method);
    }
}
