// What all bodies of one compilation share: contracts, the names worth looking for, and which methods are registered as handlers. Made lazily,
// dies with the compilation; every fact that needs all files is a per-file cache plus a union.

using System.Collections.Concurrent;
using KAlloc.Analyzers.Flow;
using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KAlloc.Analyzers.Host;

internal sealed class CompilationFacts(Compilation compilation, System.Collections.Immutable.ImmutableArray<AdditionalText> files = default)
{
    private static readonly NameSet s_spinLock = NameSet.Of(["SpinLock"]);

    private readonly Lazy<ContractModel> _model = new(() =>
        new ContractModel(compilation, files.IsDefaultOrEmpty ? [] : ContractFiles.Of(files, CancellationToken.None), static (tree, names) => TreeScan.Of(tree, CancellationToken.None).Mentions(names)));
    private readonly ConcurrentDictionary<IMethodSymbol, EntryContext> _contexts = new(SymbolEqualityComparer.Default);
    private readonly ConcurrentDictionary<IMethodSymbol, bool> _leavers = new(SymbolEqualityComparer.Default);
    private BodyResults? _results;
    private Demand? _demand;
    private FieldOwners? _fields;
    private SectionReliance? _reliance;
    private List<TreeScan>? _scans;
    private HashSet<string>? _names;
    private NameClosure? _interesting, _leading, _leaving;
    private readonly object _closing = new();
    private int _atomic, _spinLocks, _callsStated;
    private List<(SyntaxTree Tree, InvocationExpressionSyntax Call)>? _registrations;

    internal ContractModel Model => _model.Value;

    /// <summary>What the walk of each body gave.</summary>
    internal BodyResults Results => _results ?? Interlocked.CompareExchange(ref _results, new BodyResults(compilation, this), null) ?? _results;

    /// <summary>Whether a method that returns with a section open has callers who leave it.</summary>
    internal SectionReliance Reliance => _reliance ?? Interlocked.CompareExchange(ref _reliance, new SectionReliance(compilation, this), null) ?? _reliance;

    /// <summary>Which bodies calls run.</summary>
    internal Dispatch Dispatch { get; } = new(compilation, (tree, name) => TreeScan.Of(tree, CancellationToken.None).Identifiers.Contains(name));

    /// <summary>Which calls are looked into.</summary>
    internal Demand Demand => _demand ?? Interlocked.CompareExchange(ref _demand, new Demand(compilation, this), null) ?? _demand;

    /// <summary>What all bodies together do to fields.</summary>
    internal FieldOwners Fields => _fields ?? Interlocked.CompareExchange(ref _fields, new FieldOwners(compilation, this), null) ?? _fields;

    /// <summary>The simple names of everything with a contract, from references and from this compilation's own files.</summary>
    internal HashSet<string> NamesOf(CancellationToken cancellation)
    {
        if (_names is { } known) return known;
        var names = new HashSet<string>(Model.DescribedNames);
        if (MayCallStated(cancellation)) names.UnionWith(Model.StatedNames);
        foreach (TreeScan scan in Scans(cancellation))
            if (scan.ContractMembers.Count > 0) names.UnionWith(scan.ContractMembers);
        if (HasSpinLocks(cancellation)) names.UnionWith(BclContext.Sections.EffectNames);
        return _names = names;
    }

    /// <summary>Whether any code of the compilation may run where it must not block.</summary>
    internal bool MayBeAtomic(CancellationToken cancellation)
    {
        if (_atomic != 0) return _atomic > 0;
        return AnyFile(ref _atomic, NameSet.Of(Model.AtomicNames), cancellation);
    }

    /// <summary>Whether any code may call methods of assemblies that state contracts: they are referenced by many who use nothing of them, and name "Dispose".</summary>
    private bool MayCallStated(CancellationToken cancellation)
    {
        if (Model.StatingSpaces is not { } spaces) return true;
        return AnyFile(ref _callsStated, NameSet.Of(spaces), cancellation);
    }

    private bool HasSpinLocks(CancellationToken cancellation) => AnyFile(ref _spinLocks, s_spinLock, cancellation);

    private bool AnyFile(ref int known, NameSet names, CancellationToken cancellation)
    {
        if (known == 0) known = Scans(cancellation).Exists(scan => scan.MentionsAny(names)) ? 1 : -1;
        return known > 0;
    }

    /// <summary>The scans of all files, in order.</summary>
    private List<TreeScan> Scans(CancellationToken cancellation)
    {
        if (_scans is { } known) return known;
        var scans = new List<TreeScan>();
        foreach (SyntaxTree tree in compilation.SyntaxTrees) scans.Add(TreeScan.Of(tree, cancellation));
        return _scans = scans;
    }

    /// <summary>The names of everything with a contract and of the methods that lead there: a body that names none of them is left alone.</summary>
    internal NameClosure InterestingNames(CancellationToken cancellation) =>
        _interesting ?? Once(ref _interesting, token => Closure(NamesOf(token), token), cancellation);

    /// <summary>
    /// The same and what leads to a blocking call of .NET: what is looked for below code that must not block. In a compilation without such code, nothing more.
    /// </summary>
    internal NameClosure LeadingNames(CancellationToken cancellation)
    {
        if (_leading is { } known) return known;
        if (!MayBeAtomic(cancellation)) return _leading = InterestingNames(cancellation);
        NameClosure interesting = InterestingNames(cancellation);
        return Once(ref _leading, token => new NameClosure(interesting, [Words.LockStatement, .. BclContext.Blocking.EffectNames], token), cancellation);
    }

    /// <summary>All files are asked about at once, and everybody wants the same closure first: one makes it, and the others wait.</summary>
    private NameClosure Once(ref NameClosure? closure, Func<CancellationToken, NameClosure> make, CancellationToken cancellation)
    {
        Claim.Enter(_closing, cancellation);
        try
        {
            return closure ??= make(cancellation);
        }
        finally
        {
            Monitor.Exit(_closing);
        }
    }

    private NameClosure Closure(HashSet<string> names, CancellationToken cancellation) => new(Scans(cancellation), names, Model.StatedNames, cancellation);

    /// <summary>
    /// The context a method is entered in: by its attributes, else by what it is registered as. A body asks "am I a handler?"; callers are
    /// never enumerated.
    /// </summary>
    internal EntryContext EntryContextOf(IMethodSymbol method, CancellationToken cancellation) =>
        _contexts.TryGetValue(method, out EntryContext known) ? known : _contexts.GetOrAdd(method, FindEntryContext(method, cancellation));

    private EntryContext FindEntryContext(IMethodSymbol method, CancellationToken cancellation)
    {
        EntryContext stated = AttributeContracts.ReadContext(method);
        if (stated != EntryContext.Unknown) return stated;
        if (method.MethodKind == MethodKind.AnonymousFunction)
        {
            if (method.DeclaringSyntaxReferences is not [{ } reference, ..]) return EntryContext.Unknown;
            SyntaxNode lambda = reference.GetSyntax(cancellation);
            return lambda.Parent is ArgumentSyntax { Parent.Parent: InvocationExpressionSyntax call } argument
                ? ContextOfArgument(call, argument, cancellation) : EntryContext.Unknown;
        }

        foreach ((_, InvocationExpressionSyntax call) in RegistrationsOf(cancellation))
        {
            foreach (ArgumentSyntax argument in call.ArgumentList.Arguments)
            {
                if (NameOf(argument.Expression) != method.Name || !Names(argument.Expression, method, cancellation)) continue;
                EntryContext context = ContextOfArgument(call, argument, cancellation);
                if (context != EntryContext.Unknown) return context;
            }
        }

        return EntryContext.Unknown;
    }

    private List<(SyntaxTree Tree, InvocationExpressionSyntax Call)> RegistrationsOf(CancellationToken cancellation)
    {
        if (_registrations is { } known) return known;
        var found = new List<(SyntaxTree, InvocationExpressionSyntax)>();
        NameSet registering = NameSet.Of(Model.RegisteringNames);
        foreach (SyntaxTree tree in compilation.SyntaxTrees)
        {
            TreeScan scan = TreeScan.Of(tree, cancellation);
            if (!scan.MentionsAny(registering) && scan.ContractMembers.Count == 0) continue;
            foreach (SyntaxNode node in tree.GetRoot(cancellation).DescendantNodes())
                if (node is InvocationExpressionSyntax call && call.ArgumentList.Arguments.Any(argument => NameOf(argument.Expression) is not null) && Registers(NameOf(call.Expression)))
                    found.Add((tree, call));
        }

        return _registrations = found;

        bool Registers(string? name) => name is not null && (registering.Names.Contains(name) || NamesOf(cancellation).Contains(name));
    }

    private static string? NameOf(ExpressionSyntax expression) => expression switch
    {
        IdentifierNameSyntax name => name.Identifier.ValueText,
        GenericNameSyntax name => name.Identifier.ValueText,
        MemberAccessExpressionSyntax access => access.Name.Identifier.ValueText,
        PrefixUnaryExpressionSyntax { RawKind: (int)SyntaxKind.AddressOfExpression } address => NameOf(address.Operand),
        _ => null,
    };

    private bool Names(ExpressionSyntax expression, IMethodSymbol method, CancellationToken cancellation)
    {
        while (expression is PrefixUnaryExpressionSyntax address) expression = address.Operand;
        SymbolInfo info = ModelOf(expression.SyntaxTree).GetSymbolInfo(expression, cancellation);
        return SymbolEqualityComparer.Default.Equals(info.Symbol?.OriginalDefinition, method.OriginalDefinition);
    }

    private EntryContext ContextOfArgument(InvocationExpressionSyntax call, ArgumentSyntax argument, CancellationToken cancellation)
    {
        if (ModelOf(call.SyntaxTree).GetSymbolInfo(call, cancellation).Symbol is not IMethodSymbol target || Model.Find(target) is not { } contract) return EntryContext.Unknown;
        int ordinal = call.ArgumentList.Arguments.IndexOf(argument);
        if (argument.NameColon is { } named)
            foreach (IParameterSymbol parameter in target.Parameters)
                if (parameter.Name == named.Name.Identifier.ValueText) ordinal = parameter.Ordinal;
        return contract.ParameterContexts.TryGetValue(ordinal, out EntryContext context) ? context : EntryContext.Unknown;
    }

    /// <summary>Whether a source method may release a lock that its caller holds: it names a releasing call, or what leads to one.</summary>
    internal bool MayLeaveSections(IMethodSymbol method, CancellationToken cancellation)
    {
        if (_leavers.TryGetValue(method, out bool known)) return known;
        if (method.DeclaringSyntaxReferences.Length == 0) return false;
        NameClosure names = _leaving ??
            Once(ref _leaving, token => Closure([.. Model.LeavingNames, .. HasSpinLocks(token) ? (string[])["Exit"] : []], token), cancellation);
        bool leaves = false;
        foreach (SyntaxReference reference in method.DeclaringSyntaxReferences) leaves |= names.IsMentionedIn(reference.GetSyntax(cancellation), cancellation);
        return _leavers.GetOrAdd(method, leaves);
    }

    // Inside an analyzer the driver hands out its own cached model for a tree of the same compilation, so this binds nothing twice.
#pragma warning disable RS1030
    internal SemanticModel ModelOf(SyntaxTree tree) => compilation.GetSemanticModel(tree);
#pragma warning restore RS1030
}
