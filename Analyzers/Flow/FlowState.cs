// What is known at one point of one path: the content of memory, facts about symbols, what became of allocations, which sections are open.
//
//   Cells         address -> value           created on first read or on a write
//   Facts/Equal   the path condition (PathCondition.cs)
//   Allocations   symbol -> Allocation
//   Sections      innermost first
//
// Invariant: a state is owned by one step of the walk; Fork() makes another that shares arrays until one of them writes.

using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class FlowState(SymbolTable symbols)
{
    private SmallMap<Value, Value> _cells;
    private SmallMap<int, Allocation> _allocations;
    private SmallMap<int, bool> _exposed;

    internal SymbolTable Symbols { get; } = symbols;

    /// <summary>Turns of the loops that this path is in, by header block.</summary>
    internal SmallMap<int, LoopTurn> Loops;

    internal Section? Sections { get; set; }

    /// <summary>Locks that this body released on the way.</summary>
    internal Released? Released { get; set; }

    internal Continuation? Pending { get; set; }

    internal Trail? Trail { get; private set; }

    /// <summary>Rises whenever unknown code may have written memory: a load after it is a new symbol.</summary>
    internal int Epoch { get; private set; }

    /// <summary>Tells the turns of the loops around apart: the same call in the next turn returns another value.</summary>
    internal int Turn
    {
        get
        {
            int turn = 0;
            for (int i = 0; i < Loops.Count; i++) turn = (turn * 4) + Loops.ValueAt(i).Count;
            return turn;
        }
    }

    internal SmallMap<Value, Value> Cells => _cells;

    internal int AllocationCount => _allocations.Count;

    internal Allocation AllocationAt(int index) => _allocations.ValueAt(index);

    internal FlowState Fork() => new(Symbols)
    {
        _cells = _cells.Fork(),
        _allocations = _allocations.Fork(),
        _exposed = _exposed.Fork(),
        _facts = _facts.Fork(),
        _equal = _equal.Fork(),
        Loops = Loops.Fork(),
        Sections = Sections,
        Released = Released,
        Pending = Pending,
        Trail = Trail,
        Log = Log,
        _touched = _touched.Fork(),
        Epoch = Epoch,
    };

    // Memory

    /// <summary>What the address holds; memory seen for the first time gets a symbol of its own.</summary>
    internal Value Load(Value address, long low = long.MinValue, long high = long.MaxValue)
    {
        address = CanonicalAddress(address);
        if (_cells.TryGet(address, out Value value)) return Canonical(value);
        Value loaded = Symbols.Make(SymbolKind.Load, address, tag: Epoch, low: low, high: high);
        _cells.Set(address, loaded);
        NoteAt(PrimitiveKind.Load, address, loaded);
        return Canonical(loaded);
    }

    internal bool TryPeek(Value address, out Value value)
    {
        bool found = _cells.TryGet(CanonicalAddress(address), out value);
        if (found) value = Canonical(value);
        return found;
    }

    internal void Store(Value address, Value value)
    {
        address = CanonicalAddress(address);
        if (Symbols.KindOf(address) == SymbolKind.Element || !Symbols.IsPrivate(Symbols.Root(address))) ForgetAliases(address);
        _cells.Set(address, value);
        NoteAt(PrimitiveKind.Store, address, value);
    }

    /// <summary>A write through an address that may equal another: what the other held is no longer known.</summary>
    private void ForgetAliases(Value address)
    {
        int root = Symbols.Root(address);
        SymbolData target = Symbols.Of(address);
        for (int i = _cells.Count - 1; i >= 0; i--)
        {
            Value other = _cells.KeyAt(i);
            if (other == address) continue;
            int otherRoot = Symbols.Root(other);
            if (Symbols.IsPrivate(otherRoot) && otherRoot != root) continue;
            SymbolData data = Symbols.Of(other);
            bool mayAlias = (data.Kind == target.Kind && data.Kind switch
            {
                // Two fields alias only if they are the same field of objects that may be the same.
                SymbolKind.Field => SymbolEqualityComparer.Default.Equals(data.Item as ISymbol, target.Item as ISymbol) && other.Offset == address.Offset && !Apart(data.A, target.A),
                SymbolKind.Element => !Apart(data.A, target.A) && !Apart(data.B, target.B),
                _ => false,
            }) || (IsPlainPointer(data) && IsPlainPointer(target) && !Apart(other, address));
            if (!mayAlias) continue;
            // A later load sees what was written through the other name, not what was loaded before.
            Epoch++;
            Drop(i);
        }
    }

    private static bool IsPlainPointer(in SymbolData data) => data.Kind is SymbolKind.Argument or SymbolKind.Load or SymbolKind.Unknown;

    /// <summary>Forgets what a cell held: an owned pointer that was there may still be, so no claim about it is made any more.</summary>
    private void Drop(int index)
    {
        Value value = _cells.ValueAt(index);
        _cells.RemoveAt(index);
        if (TryGetAllocation(value, out Allocation held) && held.Status == AllocationStatus.Owned) SetAllocation(held with { Status = AllocationStatus.Escaped });
    }

    private bool Apart(Value a, Value b) => Binary(Operator.Equal, Canonical(a), Canonical(b)).IsZero;

    /// <summary>Forgets the cell and everything inside of it: somebody wrote there.</summary>
    internal void Forget(Value address)
    {
        Epoch++;
        address = CanonicalAddress(address);
        NoteAt(PrimitiveKind.Forget, address);
        for (int i = _cells.Count - 1; i >= 0; i--)
            if (IsInside(_cells.KeyAt(i), address)) Drop(i);
    }

    /// <summary>Removes the cell and everything inside of it.</summary>
    internal void Clear(Value address)
    {
        address = CanonicalAddress(address);
        for (int i = _cells.Count - 1; i >= 0; i--)
            if (IsInside(_cells.KeyAt(i), address)) _cells.RemoveAt(i);
    }

    /// <summary>Copies a struct: what is known of the source's fields holds for the target's.</summary>
    internal void CopyStruct(Value target, Value source)
    {
        target = CanonicalAddress(target);
        source = CanonicalAddress(source);
        if (target == source) return;
        NoteAt(PrimitiveKind.Copy, target, source);
        var copies = new List<(Value, Value)>();
        for (int i = 0; i < _cells.Count; i++)
            if (Rebase(_cells.KeyAt(i), source, target) is { } address) copies.Add((address, _cells.ValueAt(i)));
        Clear(target);
        // What the source is not known to hold is not what the target held.
        Epoch++;
        foreach ((Value address, Value value) in copies)
        {
            _cells.Set(address, value);
            // The caller cannot see a local that was copied from.
            if (!IsVisible(source)) NoteAt(PrimitiveKind.Store, address, value);
        }
    }

    private Value? Rebase(Value address, Value source, Value target)
    {
        if (address == source) return target;
        SymbolData data = Symbols.Of(address);
        if (data.Kind is not (SymbolKind.Field or SymbolKind.Element)) return null;
        return Rebase(data.A, source, target) is { } container
            ? Symbols.Make(data.Kind, container, data.B, data.Tag, data.Item).Plus(address.Offset)
            : null;
    }

    internal bool IsInside(Value address, Value container)
    {
        while (address != container)
        {
            SymbolData data = Symbols.Of(address);
            if (data.Kind is not (SymbolKind.Field or SymbolKind.Element)) return false;
            address = data.A;
        }

        return true;
    }

    /// <summary>Unknown code ran: it may have written all memory that it can reach, except what <paramref name="keeps"/> holds.</summary>
    internal void Havoc(Func<Value, bool>? keeps = null, bool isNoted = true)
    {
        Epoch++;
        if (isNoted && Log is not { Last.Kind: PrimitiveKind.Havoc }) Note(new Primitive(PrimitiveKind.Havoc));
        for (int i = _cells.Count - 1; i >= 0; i--)
        {
            Value address = _cells.KeyAt(i);
            int root = Symbols.Root(address);
            bool reachable = !Symbols.IsPrivate(root) || _exposed.Contains(root) || (_allocations.TryGet(root, out Allocation owner) && owner.Status == AllocationStatus.Escaped);
            if (reachable && keeps?.Invoke(address) != true) Drop(i);
        }
    }

    /// <summary>The address of a private variable or object got out: unknown code may read and write it from now on.</summary>
    internal void Expose(int root)
    {
        if (Symbols.IsPrivate(root)) _exposed.Set(root, true);
    }

    internal bool IsExposed(int root) => _exposed.Contains(root);

    // Allocations

    internal bool TryGetAllocation(Value pointer, out Allocation allocation)
    {
        int symbol = Symbols.AllocationOf(Canonical(pointer));
        if (symbol != 0 && _allocations.TryGet(symbol, out allocation)) return true;
        allocation = null!;
        return false;
    }

    /// <summary>The freed memory that a pointer points to or into: of an allocation of this body, or of a pointer that came from elsewhere.</summary>
    internal bool TryGetFreed(Value pointer, out Allocation freed)
    {
        pointer = Canonical(pointer);
        int symbol = Symbols.AllocationOf(pointer);
        if (symbol == 0) symbol = Symbols.Origin(pointer);
        return _allocations.TryGet(symbol, out freed) && freed.Status == AllocationStatus.Freed;
    }

    internal bool IsFreed(int symbol) => _allocations.TryGet(symbol, out Allocation allocation) && allocation.Status == AllocationStatus.Freed;

    internal void SetAllocation(Allocation allocation) => _allocations.Set(allocation.Symbol, allocation);

    internal void RemoveAllocation(int symbol) => _allocations.Remove(symbol);

    // History

    internal void Branch(SyntaxNode condition, bool taken) => Trail = new Trail(condition, taken, Trail);

    /// <summary>Equal in all but the way that led here and in mere assumptions.</summary>
    internal bool SameContent(FlowState other) =>
        Log.SameEffects(Log, other.Log) && Section.Same(Sections, other.Sections) && Released.Same(Released, other.Released) && Continuation.Same(Pending, other.Pending)
        && (Epoch == other.Epoch ? SameMemory(other) : _cells.SameAs(other._cells)) && _allocations.SameAs(other._allocations) && _exposed.SameAs(other._exposed) && Loops.SameAs(other.Loops);

    /// <summary>The same memory is owned and freed, the same sections are open, and the path goes on to the same place.</summary>
    internal bool SameOwnership(FlowState other) =>
        _allocations.SameAs(other._allocations) && Section.Same(Sections, other.Sections) && Continuation.Same(Pending, other.Pending);

    /// <summary>Equal cells. Memory that was read and is unchanged is like memory that was not read yet.</summary>
    private bool SameMemory(FlowState other)
    {
        for (int i = 0, j = 0; ; i++, j++)
        {
            while (i < _cells.Count && IsUnchanged(i)) i++;
            while (j < other._cells.Count && other.IsUnchanged(j)) j++;
            if (i == _cells.Count || j == other._cells.Count) return i == _cells.Count && j == other._cells.Count;
            if (_cells.KeyAt(i) != other._cells.KeyAt(j) || _cells.ValueAt(i) != other._cells.ValueAt(j)) return false;
        }
    }

    private bool IsUnchanged(int index) =>
        Symbols.Of(_cells.ValueAt(index)) is { Kind: SymbolKind.Load } load && load.Tag == Epoch && load.A == _cells.KeyAt(index) && _cells.ValueAt(index).Offset == 0;
}

/// <summary>How often a path went round a loop, and what held when it came in.</summary>
internal sealed record LoopTurn(int Count, FlowState OnEntry);
