// Which calls are looked into, and so which bodies are walked at all. Names decide first, because names cost nothing: a body is of interest if it
// names a contract member, or a method of this compilation whose body is of interest. A name that many methods share leads nowhere ("Dispose",
// "Add": closing over such names takes in half of a program) unless its type is named too; the body that it means, once bound, is judged by its own text.

using System.Collections.Concurrent;
using KAlloc.Analyzers.Flow;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KAlloc.Analyzers.Host;

internal sealed class Demand(Compilation compilation, CompilationFacts facts)
{
    /// <summary>A body this short is looked into for what it returns or stores: constants decide branches.</summary>
    private const int TinyTokens = 40;

    private readonly ConcurrentDictionary<IMethodSymbol, bool> _demanded = new(SymbolEqualityComparer.Default);

    private static readonly HashSet<string> s_integers = ["nint", "nuint", "IntPtr", "UIntPtr"];

    // By name, and by what is called: with blocking and without.
    private readonly ConcurrentDictionary<IMethodSymbol, bool> _interesting = new(SymbolEqualityComparer.Default), _leading = new(SymbolEqualityComparer.Default);
    private readonly ConcurrentDictionary<IMethodSymbol, bool> _acting = new(SymbolEqualityComparer.Default), _actingAtomic = new(SymbolEqualityComparer.Default);

    internal static IMethodSymbol DefinitionOf(IMethodSymbol method)
    {
        method = (method.ReducedFrom ?? method).OriginalDefinition;
        return method.PartialImplementationPart ?? method;
    }

    /// <summary>The source methods that a body calls or names, and whose summaries matter to it; each once, in order.</summary>
    internal List<IMethodSymbol> CalleesOf(BodyCalls calls, CancellationToken cancellation) => SourceMethods(calls, method => IsDemanded(method, cancellation));

    private List<IMethodSymbol> SourceMethods(BodyCalls calls, Func<IMethodSymbol, bool> matters)
    {
        var methods = new List<IMethodSymbol>();
        var seen = new HashSet<ISymbol>(SymbolEqualityComparer.Default);
        foreach ((BodyUse use, ISymbol symbol, IOperation? receiver) in calls.All)
        {
            foreach (IMethodSymbol run in RunBy(use, symbol, receiver))
            {
                IMethodSymbol method = DefinitionOf(run);
                if (method.DeclaringSyntaxReferences.Length > 0 && seen.Add(method) && matters(method)) methods.Add(method);
            }
        }

        return methods;
    }

    private IReadOnlyList<IMethodSymbol> RunBy(BodyUse use, ISymbol symbol, IOperation? receiver) => use switch
    {
        BodyUse.Virtual or BodyUse.Setter => BodiesOf((IMethodSymbol)symbol, receiver),
        BodyUse.Field => facts.Dispatch.Fields.FunctionsIn((IFieldSymbol)symbol),
        BodyUse.Property => facts.Dispatch.Fields.Tables.FunctionIn((IPropertySymbol)symbol) is { } only ? [only] : [],
        BodyUse.Disposable => DisposeOf((ITypeSymbol)symbol) is { } dispose ? [dispose] : [],
        _ => [(IMethodSymbol)symbol],
    };

    private IMethodSymbol? DisposeOf(ITypeSymbol type)
    {
        if (type is not INamedTypeSymbol named) return null;
        IMethodSymbol? dispose = null;
        if (named.IsRefLikeType)
        {
            foreach (ISymbol member in named.GetMembers("Dispose"))
                if (member is IMethodSymbol { IsStatic: false, Parameters.IsEmpty: true } method) dispose = method;
        }

        if (dispose is null && compilation.GetSpecialType(SpecialType.System_IDisposable).GetMembers("Dispose") is [IMethodSymbol contract, ..])
            dispose = Dispatch.Resolve(contract, named) is { ContainingType.TypeKind: not TypeKind.Interface } found ? found : null;
        return dispose;
    }

    /// <summary>The bodies of this compilation that a call can run, as far as they are known.</summary>
    private IReadOnlyList<IMethodSymbol> BodiesOf(IMethodSymbol method, IOperation? receiver)
    {
        if (!Dispatch.IsVirtual(method, receiver)) return [method];
        return facts.Dispatch.Certain(method, receiver, null) is { } certain ? [certain] : facts.Dispatch.BodiesOf(method, receiver?.Type);
    }

    private bool IsDemanded(IMethodSymbol method, CancellationToken cancellation) =>
        _demanded.TryGetValue(method, out bool known) ? known : _demanded.GetOrAdd(method, FindDemanded(method, cancellation));

    /// <summary>By what the method is, never by who calls it: a result must not depend on that.</summary>
    private bool FindDemanded(IMethodSymbol method, CancellationToken cancellation) =>
        Bodies.RunsAtOnce(method) && Bodies.Of(method, compilation, cancellation) is { } body
        && (TakesPointers(method, body.Node) || (!method.IsAsync && IsTiny(body.Node)) || facts.LeadingNames(cancellation).IsMentionedIn(body.Node, cancellation));

    /// <summary>Whether the body itself does something by contract.</summary>
    internal bool ActsByContract(BodyCalls calls, CancellationToken cancellation) => ActsByContract(calls, facts.MayBeAtomic(cancellation));

    /// <summary>Whether the body may do something with a pointer that it is given, or is so short that what it returns or stores decides branches.</summary>
    internal static bool MovesPointers(in Body body) => (body.Root is IMethodSymbol method && TakesPointers(method, body.Node)) || IsTiny(body.Node);

    /// <summary>The method may read, keep or free what it is given, or call it.</summary>
    private static bool TakesPointers(IMethodSymbol method, SyntaxNode body)
    {
        foreach (IParameterSymbol parameter in method.Parameters)
        {
            ITypeSymbol type = parameter.Type is IArrayTypeSymbol array ? array.ElementType : Evaluator.HeldBy(parameter.Type) ?? parameter.Type;
            if (type is INamedTypeSymbol { OriginalDefinition.SpecialType: SpecialType.System_Nullable_T, TypeArguments: [var inner] }) type = inner;
            // A pointer comes out of a box as an integer.
            if (type.SpecialType == SpecialType.System_Object && Mentions(body, s_integers)) return true;
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
        // Most bodies have more words than that alone, and those are known.
        if (TreeScan.Of(body.SyntaxTree, CancellationToken.None).Words.In(body.Span).Length > TinyTokens) return false;
        int tokens = 0;
        // What stands around the code says nothing of how much that does.
        foreach (SyntaxToken _ in body.DescendantTokens(static node => node is not (AttributeListSyntax or TypeParameterConstraintClauseSyntax)))
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
    /// Whether the body does anything that the engine follows: it does something by contract, or calls something that does. Where the body or a function in it is
    /// atomic by what it is declared as, blocking is enough. Only those callees are looked at whose names lead on, and of them only those are walked that act by
    /// contract or call one that turned out to: what allocates and frees for itself alone ends the question.
    /// </summary>
    internal bool HasEffect(BodyCalls body, bool isAtomic, CancellationToken cancellation)
    {
        if (ActsByContract(body, isAtomic)) return true;
        ConcurrentDictionary<IMethodSymbol, bool> known = isAtomic ? _actingAtomic : _acting;
        var seen = new HashSet<IMethodSymbol>(SymbolEqualityComparer.Default);
        var path = new Stack<Probe>([new Probe(null, LeadingCallees(body))]);
        while (path.Count > 0)
        {
            cancellation.ThrowIfCancellationRequested();
            Probe probe = path.Peek();
            if (probe.Next == probe.Callees.Count) path.Pop();
            else if (CalleeActs(probe.Callees[probe.Next++]) && CallersAct()) return true;
        }

        // All of them were looked at to the end.
        foreach (IMethodSymbol method in seen) known.TryAdd(method, false);
        return false;

        // Of a callee that does nothing itself it is not known yet.
        bool CalleeActs(IMethodSymbol callee)
        {
            if (known.TryGetValue(callee, out bool acts)) return acts;
            if (!seen.Add(callee) || Bodies.Of(callee, compilation, cancellation) is not { } code || BodyCalls.Of(code, compilation, cancellation) is not { } calls) return false;
            if (ActsByContract(calls, isAtomic)) return known[callee] = facts.Results.HasEffect(code, calls, cancellation);
            path.Push(new Probe(callee, LeadingCallees(calls)));
            return false;
        }

        // The last of the path calls something that acts, so it is worth a walk. Whether its own caller is depends on what that finds. True of the body itself.
        bool CallersAct()
        {
            while (path.Pop().Method is { } caller)
                if (!(known[caller] = facts.Results.HasEffect(Bodies.Of(caller, compilation, cancellation)!.Value, null, cancellation))) return false;
            return true;
        }

        List<IMethodSymbol> LeadingCallees(BodyCalls calls) => SourceMethods(calls, method => Leads(method, isAtomic, cancellation));
    }

    /// <summary>Whether what the body of a method names leads on: the text of a helper that all call would be read once a call.</summary>
    private bool Leads(IMethodSymbol method, bool isAtomic, CancellationToken cancellation)
    {
        ConcurrentDictionary<IMethodSymbol, bool> known = isAtomic ? _leading : _interesting;
        if (known.TryGetValue(method, out bool leads)) return leads;
        NameClosure names = isAtomic ? facts.LeadingNames(cancellation) : facts.InterestingNames(cancellation);
        return known.GetOrAdd(method, Bodies.RunsAtOnce(method) && Bodies.Of(method, compilation, cancellation) is { } code && names.IsMentionedIn(code.Node, cancellation));
    }

    /// <summary>Whether the body calls something with a contract, or blocks where that is minded.</summary>
    private bool ActsByContract(BodyCalls calls, bool mindsBlocking)
    {
        if (mindsBlocking && calls.Blocks) return true;
        foreach ((BodyUse use, ISymbol symbol, IOperation? receiver) in calls.All)
        {
            if (use is BodyUse.Setter or BodyUse.Disposable) continue;
            if (use is BodyUse.Method or BodyUse.Virtual && Matters((IMethodSymbol)symbol)) return true;
            if (use != BodyUse.Method && RunBy(use, symbol, receiver).Any(Matters)) return true;
        }

        return false;

        bool Matters(IMethodSymbol method) =>
            (facts.Model.Find(method) is { } contract && (contract.HasEffect || contract.ParameterContexts.Count > 0)) || (mindsBlocking && facts.Model.FindBlocking(method) is not null);
    }

    /// <summary>A method that is looked at, and what it calls.</summary>
    private sealed class Probe(IMethodSymbol? method, List<IMethodSymbol> callees)
    {
        internal IMethodSymbol? Method { get; } = method;

        internal List<IMethodSymbol> Callees { get; } = callees;

        internal int Next { get; set; }
    }
}
