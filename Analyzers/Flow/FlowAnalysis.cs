// The analysis of one body: entry state, walk, exits, and the lambdas and local functions inside of it. Its result is a function of the body
// and of contracts only: no order, no clock, no other body decides it.

using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.FlowAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class FlowAnalysis
{
    private const int MaximalNesting = 3;

    private readonly FlowScope _scope;
    private readonly List<FlowIssue> _issues = [];
    private readonly Holders _holders = new();
    private readonly Dictionary<(string, Location, SyntaxNode?), int> _told = [];
    private readonly Dictionary<ISymbol, Value> _places = new(SymbolEqualityComparer.Default);
    private readonly Dictionary<IMethodSymbol, (IFlowAnonymousFunctionOperation Lambda, GraphRunner Owner)> _lambdas = new(SymbolEqualityComparer.Default);
    private readonly HashSet<CodePlace> _firstFrees = [];
    private readonly Dictionary<SyntaxNode, HashSet<SyntaxNode>> _leftSites = [];
    private readonly HashSet<Value> _saved = [];
    private readonly HashSet<(int Loop, Value Container)> _walked = [];
    private readonly HashSet<SyntaxNode> _toldSections = [];
    private readonly List<LossEvent> _doubted = [];
    private readonly ISymbol _root;
    private readonly SyntaxNode _body;

    /// <summary>How many functions run in place inside of a finally block that an exception of some call reached.</summary>
    private int _unwinding;

    private FlowAnalysis(FlowScope scope, ISymbol root, SyntaxNode body, int blocks, FieldUses fields)
    {
        _scope = scope;
        Fields = fields;
        _root = root;
        _body = body;
        Budget = new Budget(scope, blocks);
        Evaluator = new Evaluator(this);
        Compaction = new Compaction(Symbols);
    }

    internal SymbolTable Symbols { get; } = new();

    internal Evaluator Evaluator { get; }

    internal Compaction Compaction { get; }

    /// <summary>What the body does to fields that only its own part of the program can name.</summary>
    internal FieldUses Fields { get; }

    /// <summary>The structs that are followed part by part.</summary>
    internal StructParts Parts { get; } = new();

    /// <summary>The body may give readonly fields of its type their values.</summary>
    internal bool Constructs => _root is not IMethodSymbol { MethodKind: not (MethodKind.Constructor or MethodKind.StaticConstructor), IsInitOnly: false };

    /// <summary>The body is a struct's, and may not change that.</summary>
    internal bool OnlyReads => _root is IMethodSymbol { IsReadOnly: true };

    internal ContractModel Model => _scope.Model;

    /// <summary>The compilation has code that must not block: calls that do are noted.</summary>
    internal bool MindsBlocking => _scope.MindsBlocking;

    internal Dispatch Dispatch => _scope.Dispatch;

    internal CancellationToken Cancellation => _scope.Cancellation;

    internal FlowTrace? Trace => _scope.Trace;

    internal Budget Budget { get; }

    /// <summary>The budget is used up: nothing that was found counts.</summary>
    internal bool GaveUp => Budget.IsSpent;

    /// <summary>There were more paths than could be kept: the body may turn out in ways that were not seen.</summary>
    internal bool HasLostPaths { get; private set; }

    internal void LosePaths() => HasLostPaths = true;

    /// <summary>In the place of a loop: it may be around a function that runs in place.</summary>
    internal const int AnyLoop = -1;

    internal void NoteWalked(int loop, Value container) => _walked.Add((loop, container));

    /// <summary>What a loop goes through by index, on whichever path.</summary>
    internal SortedSet<Value> WalkedIn(int loop)
    {
        var containers = new SortedSet<Value>();
        foreach ((int around, Value container) in _walked)
            if (around == loop || around == AnyLoop) containers.Add(container);
        return containers;
    }

    /// <summary>All that a function can capture.</summary>
    internal List<ISymbol> FindVariables()
    {
        // Nobody may have asked for a parameter yet: of a struct, or of the method around a function.
        for (ISymbol? around = _root; around is IMethodSymbol method; around = around.ContainingSymbol)
            foreach (IParameterSymbol parameter in method.Parameters) PlaceOf(parameter);
        return [.. _places.Keys];
    }

    /// <summary>Analyses a body and all functions inside of it.</summary>
    internal static BodyResult Run(FlowScope scope, ISymbol root, ControlFlowGraph graph, SyntaxNode body)
    {
        var issues = new List<FlowIssue>();
        var fields = new FieldUses();
        bool complete = RunOne(scope, root, graph, body, issues, fields, out Summary? summary);
        complete &= RunInner(scope, graph, issues, fields);
        fields.Complete(graph.OriginalOperation);
        return new BodyResult(issues, summary) { Fields = complete ? fields : null };
    }

    /// <summary>False if the body was given up.</summary>
    private static bool RunOne(FlowScope scope, ISymbol root, ControlFlowGraph graph, SyntaxNode body, List<FlowIssue> issues, FieldUses fields, out Summary? summary)
    {
        summary = null;
        var analysis = new FlowAnalysis(scope, root, body, graph.Blocks.Length, fields);
        var runner = new GraphRunner(analysis, graph, null, null, body, root as IMethodSymbol);
        bool gaveUp = !analysis.TryWalk(runner) || analysis.GaveUp;
        scope.Spend(analysis.Budget.Visits, analysis.Budget.Work);
        if (gaveUp)
        {
            scope.Trace?.End(root, runner, null);
            // Once for a body: what its functions take together may have been too much for all that come after.
            foreach (FlowRule rule in scope.IsMover || scope.HasToldGivenUp ? [] : scope.Rules)
                if (rule.OnGivenUp(body, root) is { } issue) issues.Add(issue);
            scope.HasToldGivenUp = true;
            return false;
        }

        if (fields.AnyIn(analysis.Symbols))
        {
            foreach ((FlowState state, Value value, _) in runner.Returns) fields.End(state, value);
            foreach ((FlowState state, _) in runner.Throws) fields.End(state, Value.Zero);
        }

        List<BodyExit> exits = analysis.CheckSections(runner);
        foreach ((FlowState state, Value value, _) in runner.Returns)
        {
            analysis.Evaluator.EscapeCaptured(state, value);
            analysis.NoteLost(state, value);
        }

        summary = Summary.Of(analysis, root as IMethodSymbol, runner, analysis._toldSections);
        scope.Trace?.End(root, runner, summary);
        analysis.CheckLosses(runner, exits);
        analysis.Finish(issues);
        return true;
    }

    /// <summary>False if an expression is deeper than this thread's stack, as one that was generated can be.</summary>
    private bool TryWalk(GraphRunner runner)
    {
        try
        {
            runner.Run(EntryState(_root as IMethodSymbol));
            return true;
        }
        catch (InsufficientExecutionStackException)
        {
            return false;
        }
    }

    /// <summary>Functions that are called in place were seen there too; on their own they show what holds for every caller.</summary>
    private static bool RunInner(FlowScope scope, ControlFlowGraph graph, List<FlowIssue> issues, FieldUses fields)
    {
        bool complete = true;
        foreach (IMethodSymbol function in graph.LocalFunctions)
            if (function.DeclaringSyntaxReferences is [{ } reference, ..])
                RunFunction(function, graph.GetLocalFunctionControlFlowGraph(function, scope.Cancellation), reference.GetSyntax(scope.Cancellation));
        foreach (IFlowAnonymousFunctionOperation lambda in LambdasOf(graph))
            RunFunction(lambda.Symbol, graph.GetAnonymousFunctionControlFlowGraph(lambda, scope.Cancellation), lambda.Syntax);
        return complete;

        void RunFunction(IMethodSymbol function, ControlFlowGraph inner, SyntaxNode body)
        {
            complete &= RunOne(scope, function, inner, body, issues, fields, out _);
            complete &= RunInner(scope, inner, issues, fields);
        }
    }

    internal static IEnumerable<IFlowAnonymousFunctionOperation> LambdasOf(ControlFlowGraph graph)
    {
        var lambdas = new List<IFlowAnonymousFunctionOperation>();
        foreach (BasicBlock block in graph.Blocks)
            foreach (IOperation operation in block.AllOperations())
                foreach (IOperation inner in operation.DescendantsAndSelf())
                    if (inner is IFlowAnonymousFunctionOperation lambda) lambdas.Add(lambda);
        return lambdas;
    }

    /// <summary>What is known when the body is entered: its arguments and the context it runs in.</summary>
    private FlowState EntryState(IMethodSymbol? method)
    {
        var state = new FlowState(Symbols);
        if (method is not null)
        {
            foreach (IParameterSymbol parameter in method.Parameters)
            {
                (long low, long high) = TypeShapes.RangeOf(parameter.Type);
                if (parameter.RefKind != RefKind.None || TypeShapes.IsScalar(parameter.Type))
                    state.Store(PlaceOf(parameter), Symbols.Make(SymbolKind.Argument, item: parameter, low: parameter.RefKind == RefKind.None ? low : long.MinValue, high: parameter.RefKind == RefKind.None ? high : long.MaxValue));
            }

            EntryContext context = _scope.EntryContextOf(method);
            if (context is not (EntryContext.Unknown or EntryContext.Process))
                state.Sections = new Section(SectionKind.Preempt, Value.Zero, method.Name, null, null, context, null);
        }

        return state;
    }

    /// <summary>Runs a lambda or local function on the caller's state; the outcomes are its normal returns.</summary>
    internal List<(FlowState State, Value Value)> RunNested(ControlFlowGraph graph, GraphRunner owner, GraphRunner caller, IMethodSymbol method, FlowState entry)
    {
        SyntaxNode body = method.DeclaringSyntaxReferences is [{ } reference, ..] ? reference.GetSyntax(Cancellation) : graph.OriginalOperation.Syntax;
        var runner = new GraphRunner(this, graph, owner, caller, body, method);
        FlowState state = entry.Fork();
        state.Loops = default;
        state.Pending = null;
        bool unwinds = IsUnwinding(entry);
        if (unwinds) _unwinding++;
        runner.Run(state);
        if (unwinds) _unwinding--;
        var outcomes = new List<(FlowState State, Value Value)>();
        foreach ((FlowState returned, Value value, _) in runner.Returns)
        {
            LeaveNested(method, body, returned, value);
            outcomes.Add((returned, value));
        }

        // A section that the function leaves open on some paths only is its own finding.
        foreach ((FlowState returned, _) in outcomes) returned.Sections = Settle(returned.Sections, body, outcomes);
        return outcomes;
    }

    private static Section? Settle(Section? sections, SyntaxNode body, List<(FlowState State, Value Value)> outcomes)
    {
        if (sections is null) return null;
        Section? outer = Settle(sections.Outer, body, outcomes);
        bool uncertain = sections.Site is { } site && body.Span.Contains(site.Span) && outcomes.Exists(outcome => !Section.IsOpen(outcome.State.Sections, site));
        return uncertain || !ReferenceEquals(outer, sections.Outer) ? sections with { Uncertain = sections.Uncertain || uncertain, Outer = outer } : sections;
    }

    /// <summary>What is lost at an exit is told there: a caller who gets something that was computed from it hears of no allocation of its own.</summary>
    private void NoteLost(FlowState state, Value returned)
    {
        if (!state.HoldsAny) return;
        FlowState gone = state.Fork();
        Evaluator.EscapeReturned(gone, returned);
        for (int i = 0; i < gone.AllocationCount; i++)
            if (gone.AllocationAt(i) is { Status: AllocationStatus.Owned, DoubtedIn: 0 } lost) state.Note(new Primitive(PrimitiveKind.Escape, new Value(lost.Symbol, 0)));
    }

    /// <summary>The inner function's variables are gone. What it allocated and lost is its own finding, reported where it stands.</summary>
    private void LeaveNested(IMethodSymbol method, SyntaxNode body, FlowState state, Value result)
    {
        foreach (KeyValuePair<ISymbol, Value> place in _places)
            if (SymbolEqualityComparer.Default.Equals(place.Key.ContainingSymbol, method) && !state.IsExposed(place.Value.Symbol)) state.Clear(place.Value);
        int returned = Symbols.AllocationOf(state.Canonical(result));
        for (int i = 0; i < state.AllocationCount; i++)
        {
            Allocation allocation = state.AllocationAt(i);
            if (allocation.Status == AllocationStatus.Owned && allocation.Symbol != returned && body.Span.Contains(allocation.Site.Span) && !Reachability.IsReachable(state, allocation.Symbol))
                state.SetAllocation(allocation with { Status = AllocationStatus.Escaped });
        }
    }

    internal bool CanNest(IMethodSymbol method, GraphRunner runner)
    {
        int depth = 0;
        for (GraphRunner? inner = runner; inner is not null; inner = inner.Caller, depth++)
            if (SymbolEqualityComparer.Default.Equals(inner.Method, method)) return false;
        return depth <= MaximalNesting && !method.IsAsync && !method.IsIterator();
    }

    internal void NoteLambda(IFlowAnonymousFunctionOperation lambda, GraphRunner owner) => _lambdas[lambda.Symbol] = (lambda, owner);

    internal bool HasLambdas => _lambdas.Count > 0;

    internal GraphRunner? OwnerOf(IFlowAnonymousFunctionOperation lambda) => _lambdas.TryGetValue(lambda.Symbol, out var noted) ? noted.Owner : null;

    /// <summary>Counts a block visit against the budget; false when the body must be given up.</summary>
    internal bool Visit()
    {
        Cancellation.ThrowIfCancellationRequested();
        Budget.Visits++;
        return !GaveUp;
    }

    /// <summary>Counts other work against the budget.</summary>
    internal void Work(int amount)
    {
        // One statement can be as much work as the budget has: it is left in the midst.
        Cancellation.ThrowIfCancellationRequested();
        Budget.Work += amount;
        Trace?.Work(amount);
    }

    /// <summary>The address of a variable: one of this body and its inner functions, or one that an enclosing method owns.</summary>
    internal Value PlaceOf(ISymbol variable)
    {
        if (_places.TryGetValue(variable, out Value place)) return place;
        if (PrimaryConstructors.Captures(variable, _root))
        {
            _places.Add(variable, place = Symbols.Field(Symbols.Make(SymbolKind.This), variable));
            return place;
        }

        bool own = false;
        for (ISymbol? container = variable.ContainingSymbol; container is not null and not INamedTypeSymbol && !own; container = container.ContainingSymbol)
            own = SymbolEqualityComparer.Default.Equals(container, _root);
        place = Symbols.Make(own ? SymbolKind.Local : SymbolKind.Captured, item: variable);
        _places.Add(variable, place);
        return place;
    }

    /// <summary>Memory that nobody writes once it is set: havoc leaves it alone. What can only be read is taken not to change while it is.</summary>
    internal bool IsImmutable(Value address) => Symbols.IsLength(address) || IsSetOnce(address) || Symbols.Of(address) is
    {
        Kind: SymbolKind.Field or SymbolKind.Static,
        Item: string or IFieldSymbol { IsReadOnly: true } or IPropertySymbol { Name: "Length", ContainingType.SpecialType: SpecialType.System_String }
            or IPropertySymbol { Name: "Count" or "Length", ContainingType: { ContainingNamespace.Name: "Generic" or "Immutable" or "System", Name: "IReadOnlyCollection" or "ReadOnlySpan" or "ImmutableArray" } },
    };

    /// <summary>A static property that its declaration alone sets, or that tells what machine this is.</summary>
    private bool IsSetOnce(Value address) =>
        Symbols.Of(address) is { Kind: SymbolKind.Static, Item: IPropertySymbol { SetMethod: null } property } && (TypeShapes.IsAutomatic(property) || IsOfMachine(property));

    private static bool IsOfMachine(IPropertySymbol property) => property switch
    {
        { Name: "Size", ContainingType.SpecialType: SpecialType.System_IntPtr or SpecialType.System_UIntPtr } => true,
        { Name: "ProcessorCount" or "SystemPageSize" or "Is64BitProcess" or "Is64BitOperatingSystem", ContainingType: { Name: "Environment", ContainingNamespace.Name: "System" } } => true,
        { Name: "IsSupported" or "IsHardwareAccelerated", ContainingNamespace: { Name: "X86" or "Arm" or "Wasm" or "Intrinsics" or "Numerics" } } => true,
        _ => false,
    };

    /// <summary>Memory of this path that it put into a static which one body writes.</summary>
    internal bool IsOwnStore(FlowState state, Value address) =>
        Symbols.Of(address) is { Kind: SymbolKind.Static, Item: IFieldSymbol field } && state.TryPeek(address, out Value held) && state.TryGetAllocation(held, out _) && Dispatch.Writers.HasOneWriter(field);

    /// <summary>
    /// Calls itself, by whatever way. What tells its paths apart is how deep they go: to take two for one would lose that, and a caller who says how deep
    /// would be told of ways that it cannot take.
    /// </summary>
    internal bool IsInCircle => _scope.IsInCircle;

    internal bool IsSkipped(IMethodSymbol method) => _scope.IsSkipped(method);

    internal Loans LoansOf(IMethodSymbol method) => _scope.LoansOf(method);

    /// <summary>What a call does by the time that it returns. What an async method does may come later.</summary>
    internal Summary? SummaryOf(IMethodSymbol method) => method.IsAsync ? null : _scope.SummaryOf(method);

    /// <summary>What a call of an async method has done when its task has ended.</summary>
    internal Summary? SummaryOfAwaited(IMethodSymbol method) => _scope.SummaryOf(method);

    /// <summary>Some path leaves the section that the call opens.</summary>
    internal void NoteLeft(SyntaxNode site, SyntaxNode leaving)
    {
        if (!_leftSites.TryGetValue(site, out HashSet<SyntaxNode>? all)) _leftSites.Add(site, all = []);
        all.Add(leaving);
    }

    /// <summary>What an opening call saved for its counterpart to restore.</summary>
    internal void NoteSaved(Value flags) => _saved.Add(flags);

    internal bool IsSaved(Value flags) => _saved.Contains(flags);

    internal bool MayLeaveSections(IMethodSymbol method) => _scope.MayLeaveSections(method);

    private static bool IsUnwinding(FlowState state)
    {
        for (Continuation? running = state.Pending; running is not null; running = running.Outer)
            if (running.Exception is { IsImplicit: true }) return true;
        return false;
    }
}
