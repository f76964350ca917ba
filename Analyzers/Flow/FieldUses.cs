// What one body does to closed fields: what it stores there, frees from there, and lets out. The union over a type's bodies tells what a single
// body cannot: of which family and order the memory in a field is, and whether anything frees it.
//
// Invariant: a field of which the body holds a use that no path of the walk came by is open: nothing may be claimed about it.
// Kept with a body's result: syntax and symbols, no operations.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.FlowAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed class FieldUses
{
    private readonly Dictionary<IFieldSymbol, bool> _tracked = new(SymbolEqualityComparer.Default);
    private readonly HashSet<SyntaxNode> _seen = [];
    private readonly HashSet<(IFieldSymbol, SyntaxNode, SyntaxNode?)> _freed = [];
    private readonly HashSet<IMethodSymbol> _filling = new(SymbolEqualityComparer.Default);

    /// <summary>Each value that a statement of the body gives to a field.</summary>
    internal HashSet<FieldStore> Stores { get; } = [];

    /// <summary>Memory of fields that calls of the body free.</summary>
    internal List<FieldFree> Frees { get; } = [];

    /// <summary>Fields of which something is not known: their address is taken, or the walk did not see a use.</summary>
    internal HashSet<IFieldSymbol> Open { get; } = new(SymbolEqualityComparer.Default);

    /// <summary>Fields whose memory unknown code gets to know.</summary>
    internal HashSet<IFieldSymbol> LetOut { get; } = new(SymbolEqualityComparer.Default);

    /// <summary>Stores after which the field still holds its own memory when the body ends.</summary>
    internal HashSet<FieldStore> Kept { get; } = [];

    /// <summary>Fields whose memory is freed on some path that does not put new memory in its place.</summary>
    internal HashSet<IFieldSymbol> Released { get; } = new(SymbolEqualityComparer.Default);

    internal bool IsTracked(IFieldSymbol field)
    {
        if (!_tracked.TryGetValue(field, out bool tracked)) _tracked.Add(field, tracked = ClosedFields.IsTracked(field));
        return tracked;
    }

    internal void See(IFieldReferenceOperation reference)
    {
        if (IsTracked(Definition(reference))) _seen.Add(reference.Syntax);
    }

    /// <summary>Who takes an object's memory out of it and keeps it may free it there: that is no use of the field any more.</summary>
    internal void Take(FlowState state, IFieldReferenceOperation reference, Value value)
    {
        if (reference.Instance is null or IInstanceReferenceOperation || state.Symbols.AllocationOf(value) == 0 || !IsTracked(Definition(reference))) return;
        IOperation taken = reference;
        while (taken.Parent is IConversionOperation { OperatorMethod: null } or IParenthesizedOperation) taken = taken.Parent;
        // What a graph returns has no parent.
        if (taken.Parent is null or IVariableInitializerOperation or IFlowCaptureOperation
            || (taken.Parent is ISimpleAssignmentOperation assignment && ReferenceEquals(assignment.Value, taken))) LetOut.Add(Definition(reference));
    }

    internal void Store(FlowState state, Value target, Value value, SyntaxNode site)
    {
        if (FieldAt(state.Symbols, target) is not { } field) return;
        if (value.IsConstant) Stores.Add(new FieldStore(field, site) { Number = value.IsZero && ClosedFields.MayBeNull(field) ? null : value.Offset });
        // Nobody owns it any more.
        else if (state.TryGetFreed(value, out _)) Stores.Add(new FieldStore(field, site) { IsUnknown = true });
        else if (Held(state, value) is { } memory) Stores.Add(memory with { Field = field, Site = site });
        else if (FieldBehind(state.Symbols, value) is { } source) Stores.Add(new FieldStore(field, site) { Source = source });
        else Stores.Add(new FieldStore(field, site) { IsUnknown = true });
    }

    /// <summary>The value is freed, and no allocation of it was seen.</summary>
    internal void Free(FlowState state, CallSite call, Model.FreeContract contract, Value pointer, Value? order)
    {
        if (FieldBehind(state.Symbols, pointer) is not { } field) return;
        if (state.Symbols[state.Symbols.Root(state.Symbols.Of(pointer).A)].Kind == SymbolKind.Local) Released.Add(field);
        if (!_freed.Add((field, call.Syntax, call.Inner?.Innermost.Syntax))) return;
        Value? known = order is { } given ? state.Canonical(given) : null;
        Frees.Add(new FieldFree(field, call.Syntax, call.DisplayName, contract)
        {
            Name = call.SyntaxOf(contract.Target)?.Syntax.ToString() ?? field.Name,
            View = state.Symbols.Of(pointer) is { Kind: SymbolKind.View } view ? view.Item as string ?? "" : null,
            Order = known is { IsConstant: true } number ? number.Offset : null,
            OrderField = known is { IsConstant: false } read ? FieldBehind(state.Symbols, read) : null,
            OrderText = call.SyntaxOf(contract.Order)?.Syntax.ToString(),
            PointerParameter = NameOf(call, contract.Target),
            OrderParameter = NameOf(call, contract.Order),
        });
    }

    private static string? NameOf(CallSite call, Model.OperandReference operand) =>
        operand.Kind == Model.OperandKind.Parameter && operand.Ordinal < call.Method.Parameters.Length ? call.Method.Parameters[operand.Ordinal].Name : null;

    /// <summary>Unknown code gets to know the value: a field's address, or what a field holds.</summary>
    internal void Leak(SymbolTable symbols, Value value)
    {
        while (!value.IsConstant)
        {
            SymbolData data = symbols.Of(value);
            if (FieldAt(symbols, value) is { } field) Open.Add(field);
            if (data.Kind == SymbolKind.Load && FieldAt(symbols, data.A) is { } held) LetOut.Add(held);
            if (data.Kind is not (SymbolKind.View or SymbolKind.Element or SymbolKind.Field)) return;
            value = data.A;
        }
    }

    /// <summary>Code that keeps nothing of it gets a pointer: where that is a field's address, it may write there.</summary>
    internal void Lend(SymbolTable symbols, Value pointer)
    {
        for (; FieldAt(symbols, pointer) is { } field; pointer = symbols.Of(pointer).A) Open.Add(field);
    }

    /// <summary>Code that is not C# of this program may fill a struct that it is given the address of, or that it makes.</summary>
    internal void FillBy(IMethodSymbol method)
    {
        if (!_filling.Add(method) || (method.DeclaringSyntaxReferences.Length > 0 && !method.IsExtern)) return;
        foreach (ITypeSymbol argument in method.TypeArguments) Fill(argument);
        if (method.IsExtern) Fill(method.ReturnType);
        foreach (IParameterSymbol parameter in method.Parameters)
        {
            if (parameter.Type is IPointerTypeSymbol pointer) Fill(pointer.PointedAtType);
            else if (parameter.RefKind != RefKind.None) Fill(parameter.Type);
        }
    }

    private void Fill(ITypeSymbol type)
    {
        if (type is not INamedTypeSymbol { TypeKind: TypeKind.Struct, DeclaringSyntaxReferences.Length: > 0 } filled) return;
        foreach (ISymbol member in filled.OriginalDefinition.GetMembers())
            if (member is IFieldSymbol { IsStatic: false } field && IsTracked(field)) Open.Add(field);
    }

    /// <summary>The body came by a tracked field.</summary>
    internal bool AnyIn(SymbolTable symbols)
    {
        for (int i = 0; i < symbols.Count; i++)
            if (FieldAt(symbols, new Value(i, 0)) is not null) return true;
        return false;
    }

    /// <summary>What a path leaves behind in fields when it ends. The log is walked backwards once: a path can hold thousands of frees.</summary>
    internal void End(FlowState state, Value result)
    {
        List<Primitive>? log = null;
        Dictionary<int, IFieldSymbol>? filled = null;
        // Of each field, whether the last store so far gave it memory, even if that turned out to be null.
        Dictionary<IFieldSymbol, bool>? later = null;
        for (Log? node = state.Log; node is not null; node = node.Before)
        {
            Primitive primitive = node.Last;
            if (primitive.Kind == PrimitiveKind.Store && FieldAt(state.Symbols, primitive.A) is { } field)
            {
                bool isMemory = state.Symbols.AllocationOf(primitive.B) != 0;
                if (isMemory) Keep(state, primitive, field, result, log ??= Log.ToList(state.Log));
                later ??= new(SymbolEqualityComparer.Default);
                if (!later.ContainsKey(field)) later.Add(field, isMemory);
            }
            else if (primitive.Kind == PrimitiveKind.Free && (FieldBehind(state.Symbols, primitive.A) ?? FilledByCallee(state, primitive, ref filled)) is { } source)
            {
                if (later is null || !later.TryGetValue(source, out bool isReplaced) || !isReplaced) Released.Add(source);
            }
        }
    }

    /// <summary>
    /// Memory that the body put there itself is freed by a loop: what that does to later elements is not seen one by one. Or by whoever has the struct in a variable
    /// of his own, of which the log says nothing.
    /// </summary>
    internal void Release(FlowState state, int allocation, bool ofVariables = false)
    {
        SmallMap<Value, Value> cells = state.Cells;
        for (int i = 0; i < cells.Count; i++)
        {
            if (cells.ValueAt(i).Symbol != allocation || (ofVariables && state.Symbols[state.Symbols.Root(cells.KeyAt(i))].Kind != SymbolKind.Local)) continue;
            if (FieldAt(state.Symbols, cells.KeyAt(i)) is { } field) Released.Add(field);
        }
    }

    /// <summary>The field that holds the freed memory, if a callee put it there: to its own body that memory is the field's.</summary>
    private IFieldSymbol? FilledByCallee(FlowState state, Primitive free, ref Dictionary<int, IFieldSymbol>? filled)
    {
        int allocation = state.Symbols.AllocationOf(free.A);
        if (allocation == 0) return null;
        filled ??= FilledByCallees(state);
        return filled.TryGetValue(allocation, out IFieldSymbol? field) ? field : null;
    }

    private Dictionary<int, IFieldSymbol> FilledByCallees(FlowState state)
    {
        var filled = new Dictionary<int, IFieldSymbol>();
        for (Log? node = state.Log; node is not null; node = node.Before)
        {
            if (node.Last.Kind != PrimitiveKind.Store || FieldAt(state.Symbols, node.Last.A) is not { } field) continue;
            int allocation = state.Symbols.AllocationOf(node.Last.B);
            if (allocation != 0 && !filled.ContainsKey(allocation) && StoreOf(field, allocation) is null) filled.Add(allocation, field);
        }

        return filled;
    }

    private FieldStore? StoreOf(IFieldSymbol field, int allocation)
    {
        foreach (FieldStore known in Stores)
            if (SymbolEqualityComparer.Default.Equals(known.Field, field) && known.Memory is { } own && own.Symbol == allocation) return known;
        return null;
    }

    private void Keep(FlowState state, Primitive store, IFieldSymbol field, Value result, List<Primitive> log)
    {
        if (Held(state, store.B) is not { } memory || memory.Memory!.Status == AllocationStatus.Freed || state.Canonical(store.B).IsZero) return;
        int allocation = memory.Memory.Symbol;
        bool isShared = state.Symbols.AllocationOf(state.Canonical(result)) == allocation;
        foreach (Primitive primitive in log)
        {
            isShared |= primitive.Kind == PrimitiveKind.Escape && state.Symbols.AllocationOf(primitive.A) == allocation;
            isShared |= primitive.Kind == PrimitiveKind.Store && primitive.A != store.A && state.Symbols.AllocationOf(primitive.B) == allocation;
        }

        SmallMap<Value, Value> cells = state.Cells;
        for (int i = 0; i < cells.Count && !isShared; i++)
            isShared = state.IsExposed(state.Symbols.Root(cells.KeyAt(i))) && state.Symbols.AllocationOf(cells.ValueAt(i)) == allocation;
        if (isShared) LetOut.Add(field);
        if (StoreOf(field, allocation) is { } own) Kept.Add(own);
    }

    /// <summary>The walk is over: what it did not see makes a field open.</summary>
    internal void Complete(IOperation body)
    {
        foreach (IOperation operation in body.DescendantsAndSelf())
        {
            if (operation is not IFieldReferenceOperation reference || !IsTracked(Definition(reference)) || reference.Parent is INameOfOperation) continue;
            if (!_seen.Contains(reference.Syntax) || reference.Parent is IAddressOfOperation || (IsWritten(reference) && !HasStore(reference))) Open.Add(Definition(reference));
        }
    }

    private static bool IsWritten(IFieldReferenceOperation reference) => reference.Parent switch
    {
        IAssignmentOperation assignment => ReferenceEquals(assignment.Target, reference),
        IIncrementOrDecrementOperation or ITupleOperation => true,
        IArgumentOperation { Parameter.RefKind: RefKind.Ref or RefKind.Out } => true,
        _ => false,
    };

    private bool HasStore(IFieldReferenceOperation reference)
    {
        foreach (FieldStore store in Stores)
            if (SymbolEqualityComparer.Default.Equals(store.Field, Definition(reference)) && store.Site.Span.Contains(reference.Syntax.Span)) return true;
        return false;
    }

    private static IFieldSymbol Definition(IFieldReferenceOperation reference) => reference.Field.OriginalDefinition;

    /// <summary>The tracked field at an address.</summary>
    private IFieldSymbol? FieldAt(SymbolTable symbols, Value address) =>
        address.Offset == 0 && symbols.Of(address) is { Kind: SymbolKind.Field or SymbolKind.Static, Item: IFieldSymbol field } && IsTracked(field) ? field : null;

    /// <summary>The field that a value was read from, or the value that it is a view of.</summary>
    private IFieldSymbol? FieldBehind(SymbolTable symbols, Value value)
    {
        if (value.Offset == 0 && symbols.Of(value) is { Kind: SymbolKind.View } view) value = view.A;
        return value.Offset == 0 && symbols.Of(value) is { Kind: SymbolKind.Load } load ? FieldAt(symbols, load.A) : null;
    }

    /// <summary>The memory whose start the value is.</summary>
    private static FieldStore? Held(FlowState state, Value value)
    {
        SymbolData data = state.Symbols.Of(value);
        string? view = value.Offset == 0 && data.Kind == SymbolKind.View ? data.Item as string : null;
        if (view is not null) value = data.A;
        if (value.Offset != 0 || state.Symbols.KindOf(value) != SymbolKind.Allocation || !state.TryGetAllocation(value, out Allocation allocation) || allocation.IsAdopted) return null;
        return new FieldStore(null!, null!) { Memory = allocation, Family = view ?? allocation.Family, Order = allocation.Order is { } order && state.Canonical(order) is { IsConstant: true } number ? number.Offset : null };
    }
}

/// <summary>A statement gives a value to a field: null, unless one of the others says what.</summary>
internal sealed record FieldStore(IFieldSymbol Field, SyntaxNode Site)
{
    internal Allocation? Memory { get; init; }

    /// <summary>What the stored pointer stands for, which a view changes.</summary>
    internal string? Family { get; init; }

    internal long? Order { get; init; }

    /// <summary>The value is a number.</summary>
    internal long? Number { get; init; }

    /// <summary>The value is another field's.</summary>
    internal IFieldSymbol? Source { get; init; }

    internal bool IsUnknown { get; init; }

    internal bool IsNull => Memory is null && Number is null && Source is null && !IsUnknown;

    /// <summary>Both give the field the same kind of value, as far as a rule can tell.</summary>
    internal bool SameValue(FieldStore other) =>
        IsUnknown == other.IsUnknown && Number == other.Number && SymbolEqualityComparer.Default.Equals(Source, other.Source)
        && Family == other.Family && Order == other.Order && (Memory is null) == (other.Memory is null) && Memory?.Site == other.Memory?.Site;
}

/// <summary>A call of a body frees what a field holds.</summary>
internal sealed record FieldFree(IFieldSymbol Field, SyntaxNode Call, string Deallocator, Model.FreeContract Contract)
{
    /// <summary>What is freed, as the user writes it.</summary>
    internal string Name { get; init; } = "";

    /// <summary>The family that the freed pointer is a view of the field's memory as.</summary>
    internal string? View { get; init; }

    internal long? Order { get; init; }

    internal IFieldSymbol? OrderField { get; init; }

    internal string? PointerParameter { get; init; }

    /// <summary>The order, as the user writes it.</summary>
    internal string? OrderText { get; init; }

    internal string? OrderParameter { get; init; }
}
