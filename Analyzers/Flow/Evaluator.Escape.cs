// Letting go: what happens when a pointer becomes known to code outside of this body. From then on no claim is made about who frees it.

using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.FlowAnalysis;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class Evaluator
{
    /// <summary>Unknown code gets to know the value.</summary>
    private void Escape(Value value)
    {
        value = _state.Canonical(value);
        if (value.IsConstant) return;
        NoteEscape(value);
        LetOut(value);
    }

    /// <summary>Others own the memory from here on, whole or in parts: what is freed of it later is no longer what was allocated.</summary>
    private void GiveAway(Value value)
    {
        value = _state.Canonical(value);
        if (value.IsConstant) return;
        _state.Note(new Primitive(PrimitiveKind.Escape, value, Flag: true));
        LetOut(value);
        if (Symbols.AllocationOf(value) is var allocation and not 0) _state.RemoveAllocation(allocation);
    }

    /// <summary>The caller hears of what it can see: of a variable of this body, that is what is in there.</summary>
    private void NoteEscape(Value value)
    {
        if (_state.IsCondition(value)) return;
        int root = Symbols.Root(value);
        if (Symbols[root].Kind is not (SymbolKind.Local or SymbolKind.Stack or SymbolKind.Capture))
        {
            _state.Note(new Primitive(PrimitiveKind.Escape, value));
            return;
        }

        SmallMap<Value, Value> cells = _state.Cells;
        for (int i = 0; i < cells.Count; i++)
            if (Symbols.Root(cells.KeyAt(i)) == root && Symbols[Symbols.Root(cells.ValueAt(i))].Kind is not (SymbolKind.Zero or SymbolKind.Local or SymbolKind.Stack))
                _state.Note(new Primitive(PrimitiveKind.Escape, _state.Canonical(cells.ValueAt(i))));
    }

    private void LetOut(Value value)
    {
        value = _state.Canonical(value);
        if (value.IsConstant) return;
        analysis.Fields.Leak(Symbols, value);
        SymbolData data = Symbols.Of(value);
        if (data.Kind == SymbolKind.Binary && (Operator)data.Tag is not (Operator.Equal or Operator.Less or Operator.Not))
        {
            // A pointer may hide in arithmetic: (nint)p | tag.
            LetOut(data.A);
            LetOut(data.B);
        }

        if (data.Kind == SymbolKind.Function)
        {
            EscapeFunction(data.Item);
            LetOut(data.A);
        }

        int allocationSymbol = Symbols.AllocationOf(value);
        if (allocationSymbol != 0 && _state.TryGetAllocation(value, out Allocation allocation))
        {
            if (allocation.Status != AllocationStatus.Owned) return;
            _state.SetAllocation(allocation with { Status = AllocationStatus.Escaped });
            EscapeContents(new Value(allocationSymbol, 0));
            return;
        }

        int root = Symbols.Root(value);
        if (!Symbols.IsPrivate(root) || _state.IsExposed(root)) return;
        // Struct values are addresses: exposing one variable or temporary exposes what it holds.
        _state.Expose(root);
        EscapeContents(new Value(root, 0));
    }

    /// <summary>The callee keeps nothing of the pointer, but may read, write and hand on everything that is behind it.</summary>
    private void Lend(Value pointer)
    {
        pointer = _state.CanonicalAddress(pointer);
        if (pointer.IsConstant) return;
        analysis.Fields.Lend(Symbols, pointer);
        int allocation = Symbols.AllocationOf(pointer);
        Value region = new(allocation != 0 ? allocation : Symbols.Root(pointer), 0);
        EscapeContents(region);
        _state.ForgetRegion(region);
    }

    /// <summary>Whether the memory is still owned is open.</summary>
    internal void Escape(FlowState state, Value value)
    {
        (FlowState outer, _state) = (_state, state);
        Escape(value);
        _state = outer;
    }

    /// <summary>What a body returns belongs to its caller, who can also free what a span covers that is returned or was stored outside.</summary>
    internal void EscapeReturned(FlowState state, Value value)
    {
        (FlowState outer, _state) = (_state, state);
        foreach (Value covered in CoveredBy(value)) LetOut(covered);
        LetOut(value);
        _state = outer;
    }

    /// <summary>What functions capture that are returned, or are left in an object that may be: the caller gets them without it.</summary>
    internal void EscapeCaptured(FlowState state, Value value)
    {
        if (IsClosure(state.Canonical(value))) Escape(state, value);
        for (int i = 0; i < state.Cells.Count; i++)
            if (IsClosure(state.Cells.ValueAt(i)) && Symbols[Symbols.Root(state.Cells.KeyAt(i))].Kind is not (SymbolKind.Local or SymbolKind.Capture)) Escape(state, state.Cells.ValueAt(i));
    }

    /// <summary>A variable ends that functions capture which are kept where they do not end with it: it goes on in them.</summary>
    internal void EscapeToFunctions(FlowState state, ISymbol variable, Value held, ControlFlowBranch ending)
    {
        for (int i = 0; i < state.Cells.Count; i++)
            if (!(Symbols.Of(state.Cells.KeyAt(i)).Item is ILocalSymbol holder && ending.LeavingRegions.Any(region => region.Locals.Contains(holder))) && Symbols.Of(state.Cells.ValueAt(i)) is { Kind: SymbolKind.Function, Item: FunctionValue { Captures: { Count: > 0 } captures } } && captures.Contains(variable, SymbolEqualityComparer.Default))
            {
                Escape(state, held);
                return;
            }
    }

    private bool IsClosure(Value value) => Symbols.Of(value) is { Kind: SymbolKind.Function, Item: FunctionValue { Captures.Count: > 0 } };

    /// <summary>Everything stored inside of a region gets out with it.</summary>
    private void EscapeContents(Value region)
    {
        foreach (Value value in ContentsOf(region)) LetOut(value);
    }

    private List<Value> ContentsOf(Value region)
    {
        var values = new List<Value>();
        SmallMap<Value, Value> cells = _state.Cells;
        for (int i = 0; i < cells.Count; i++)
            if (!KeepsOut(cells.KeyAt(i), cells.ValueAt(i), region) && (Symbols.Root(cells.KeyAt(i)) == region.Symbol || _state.IsInside(cells.KeyAt(i), region))) values.Add(cells.ValueAt(i));
        return values;
    }

    /// <summary>Native memory that a span covers which is in the region, or in none of this body's own. What only Dispose gives back no span leads to.</summary>
    private List<Value> CoveredBy(Value region)
    {
        var values = new List<Value>();
        region = _state.CanonicalAddress(region);
        SmallMap<Value, Value> cells = _state.Cells;
        for (int i = 0; i < cells.Count; i++)
        {
            (Value place, Value covered) = (cells.KeyAt(i), cells.ValueAt(i));
            if (CoversNative(place, covered) && (_state.IsInside(place, region) || !Symbols.IsPrivate(Symbols.Root(place)))
                && _state.TryGetAllocation(covered, out Allocation block) && TypeShapes.IsPointer(block.Method.ReturnType)) values.Add(covered);
        }

        return values;
    }

    /// <summary>A span hands on nothing of native memory; of an array or stackalloc, what is in there. A struct that holds the only way to memory in a span owns it.</summary>
    private bool KeepsOut(Value place, Value covered, Value region) =>
        CoversNative(place, covered) && (Symbols.Of(place).A == region || Reachability.IsReachable(_state, Symbols.AllocationOf(_state.Canonical(covered))));

    private bool CoversNative(Value place, Value covered) => Symbols.IsSpanSlot(place) && !Symbols.IsOwnMemory(Symbols.Root(_state.Canonical(covered)));

    /// <summary>Struct passed or returned by value: its parts get out, the variable itself does not.</summary>
    private void EscapeStruct(Value region, ITypeSymbol? type)
    {
        region = _state.CanonicalAddress(region);
        if (IsFilledByCaller(Symbols.Root(region)))
        {
            ReadPointers(region, type);
            // The caller knows what is in there.
            if (StructParts.IsOpaque(type)) _state.Note(new Primitive(PrimitiveKind.Escape, region));
        }

        var values = new List<Value>();
        SmallMap<Value, Value> cells = _state.Cells;
        for (int i = 0; i < cells.Count; i++)
            if (!KeepsOut(cells.KeyAt(i), cells.ValueAt(i), region) && _state.IsInside(cells.KeyAt(i), region)) values.Add(cells.ValueAt(i));
        foreach (Value value in values) Escape(value);
    }

    private bool IsFilledByCaller(int root) => Symbols[root] is { Kind: SymbolKind.Local, Item: IParameterSymbol } || !Symbols.IsPrivate(root);

    private static ITypeSymbol? TypeOfVariable(ISymbol variable) => (variable as ILocalSymbol)?.Type ?? (variable as IParameterSymbol)?.Type;

    /// <summary>A lambda that may run at any time: what it captures may be read and, if it assigns, written at any time.</summary>
    private void EscapeFunction(object? function)
    {
        if (function is not FunctionValue { Captures: { } captures }) return;
        foreach (ISymbol captured in captures)
        {
            Value place = analysis.PlaceOf(captured);
            if (Symbols.KindOf(place) == SymbolKind.Captured && TypeOfVariable(captured) is { } held && TypeShapes.IsPointer(held)) Escape(LoadAt(place, held));
            if (!Symbols.IsPrivate(place.Symbol) || _state.IsExposed(place.Symbol)) continue;
            if (TypeOfVariable(captured) is { } type && !TypeShapes.IsScalar(type)) EscapeStruct(place, type);
            _state.Expose(place.Symbol);
            // Callers get the function without what it captures: they hear of each value.
            foreach (Value value in ContentsOf(place)) Escape(value);
        }
    }
}
