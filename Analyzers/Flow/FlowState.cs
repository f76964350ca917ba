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
    private SmallMap<int, int> _counted;

    internal SymbolTable Symbols { get; } = symbols;

    /// <summary>Turns of the loops that this path is in, by header block.</summary>
    internal SmallMap<int, LoopTurn> Loops;

    internal Section? Sections { get; set; }

    /// <summary>Locks that this body released on the way.</summary>
    internal Released? Released { get; set; }

    internal Continuation? Pending { get; set; }

    internal Trail? Trail { get; private set; }

    /// <summary>A loop asked an element of an array whether it is null: what was freed of the array, and how long that is, hangs on the answer.</summary>
    internal bool AsksElements { get; private set; }

    /// <summary>Rises whenever unknown code may have written memory: a load after it is a new symbol.</summary>
    internal int Epoch { get; private set; }

    /// <summary>Tells the turns of the loops around apart: the same call in the next turn returns another value.</summary>
    internal int Turn
    {
        get
        {
            int turn = 0;
            for (int i = 0; i < Loops.Count; i++) turn = (turn * 8) + Loops.ValueAt(i).Count;
            return turn;
        }
    }

    internal SmallMap<Value, Value> Cells => _cells;

    internal int AllocationCount => _allocations.Count;

    /// <summary>Something is owned or held, and what was assumed may say when that ends.</summary>
    internal bool HoldsAny
    {
        get
        {
            for (int i = 0; i < _allocations.Count; i++)
                if (_allocations.ValueAt(i).Status == AllocationStatus.Owned) return true;
            return Sections is { Site: not null };
        }
    }

    /// <summary>Memory was allocated or freed, or a lock taken or released: what comes can be right or wrong by it.</summary>
    internal bool IsAtStake => _allocations.Count > 0 || Sections is { Site: not null } || Released is not null;

    /// <summary>Callers see that the path did something by contract, or may have.</summary>
    internal bool Acts => Log is { Acts: true };

    internal Allocation AllocationAt(int index) => _allocations.ValueAt(index);

    internal FlowState Fork() => new(Symbols)
    {
        _cells = _cells.Fork(),
        _allocations = _allocations.Fork(),
        _exposed = _exposed.Fork(),
        _counted = _counted.Fork(),
        _zeroed = _zeroed.Fork(),
        _facts = _facts.Fork(),
        _equal = _equal.Fork(),
        Loops = Loops.Fork(),
        Sections = Sections,
        Released = Released,
        Pending = Pending,
        Trail = Trail,
        AsksElements = AsksElements,
        Log = Log,
        _touched = _touched.Fork(),
        Epoch = Epoch,
        _tidyAbove = _tidyAbove,
    };

    // Memory

    /// <summary>What the address holds; memory seen for the first time gets a symbol of its own.</summary>
    internal Value Load(Value address, long low = long.MinValue, long high = long.MaxValue, ITypeParameterSymbol? open = null)
    {
        address = CanonicalAddress(address);
        if (_cells.TryGet(address, out Value value)) return Canonical(value);
        if (TryGetInitial(address, out value, out bool isObject)) return value;
        if (TryPeekRenamed(address, out value)) return value;
        Value loaded = Symbols.Make(SymbolKind.Load, address, tag: Epoch, item: open, low: low, high: high);
        _cells.Set(address, loaded);
        NoteAt(PrimitiveKind.Load, address, loaded);
        if (isObject) AssumeNonZero(loaded);
        return Canonical(loaded);
    }

    /// <summary>A block that is kept at the same place under another name: a struct and its first field have one address.</summary>
    private bool TryPeekRenamed(Value address, out Value value)
    {
        SymbolData data = Symbols.Of(address);
        bool isFirst = address.Offset == 0 && data is { Kind: SymbolKind.Field, Item: IFieldSymbol field } && TypeShapes.IsFirst(field);
        if (isFirst && _cells.TryGet(data.A, out value) && TryGetAllocation(value, out _)) return true;
        value = default;
        if (_allocations.Count == 0) return false;
        for (int i = 0; i < _cells.Count; i++)
        {
            Value other = _cells.KeyAt(i);
            if (other.Offset != 0 || Symbols.Of(other) is not { Kind: SymbolKind.Field, Item: IFieldSymbol first } inner || inner.A != address || !TypeShapes.IsFirst(first)) continue;
            value = _cells.ValueAt(i);
            return TryGetAllocation(value, out _);
        }

        return false;
    }

    internal bool TryPeek(Value address, out Value value)
    {
        bool found = _cells.TryGet(CanonicalAddress(address), out value);
        if (found) value = Canonical(value);
        return found;
    }

    internal void Store(Value address, Value value, ITypeParameterSymbol? open = null)
    {
        address = CanonicalAddress(address);
        if (HasUnknownIndex(address)) Scribble(Symbols.Root(address));
        if (Symbols.KindOf(address) == SymbolKind.Element || !Symbols.IsPrivate(Symbols.Root(address))) ForgetAliases(address);
        _cells.Set(address, value);
        if (IsVisible(address)) Note(new Primitive(PrimitiveKind.Store, address, value) { Type = open });
    }

    /// <summary>The address is somewhere in an array.</summary>
    internal bool HasUnknownIndex(Value address)
    {
        while (Symbols.Of(address) is { Kind: SymbolKind.Field or SymbolKind.Element } data)
        {
            if (data.Kind == SymbolKind.Element && !data.B.IsConstant) return true;
            address = data.A;
        }

        return false;
    }

    /// <summary>What an element of an array was found to hold, as wide as a pointer.</summary>
    private bool IsPointerOfElement(Value value)
    {
        if (value.Offset != 0 || Symbols.Of(value) is not { Kind: SymbolKind.Load, Low: long.MinValue } read) return false;
        SymbolData place = Symbols.Of(read.A);
        while (place.Kind == SymbolKind.Field) place = Symbols.Of(place.A);
        return place is { Kind: SymbolKind.Element, Tag: 0 };
    }

    /// <summary>A write through an address that may equal another: what the other held is no longer known.</summary>
    private void ForgetAliases(Value address)
    {
        int root = Symbols.Root(address);
        SymbolData target = Symbols.Of(address);
        for (int i = _cells.Count - 1; i >= 0; i--)
        {
            Value other = _cells.KeyAt(i);
            SymbolData data = Symbols.Of(other);
            if (data.Kind != target.Kind && !(IsPlainPointer(data) && IsPlainPointer(target))) continue;
            if (other == address || Symbols.IsLength(other)) continue;
            int otherRoot = data.Root;
            if (Symbols.IsPrivate(otherRoot) && otherRoot != root) continue;
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
        Scribble(Symbols.Root(_cells.KeyAt(index)));
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
        Scribble(Symbols.Root(address));
        for (int i = _cells.Count - 1; i >= 0; i--)
            if (IsInside(_cells.KeyAt(i), address) && !Symbols.IsLength(_cells.KeyAt(i))) Drop(i);
    }

    /// <summary>Forgets everything in a block, an object or a variable, whatever its parts are called.</summary>
    internal void ForgetRegion(Value region)
    {
        Epoch++;
        NoteAt(PrimitiveKind.Forget, region);
        Scribble(region.Symbol);
        for (int i = _cells.Count - 1; i >= 0; i--)
        {
            int root = Symbols.Root(_cells.KeyAt(i));
            if ((root == region.Symbol || Symbols.AllocationOf(new Value(root, 0)) == region.Symbol) && !Symbols.IsLength(_cells.KeyAt(i))) Drop(i);
        }
    }

    /// <summary>Removes the cell and everything inside of it: of a struct, if its type is told.</summary>
    internal void Clear(Value address, ITypeSymbol? type = null)
    {
        address = CanonicalAddress(address);
        if (address == new Value(Symbols.Root(address), 0)) Scribble(address.Symbol);
        RemoveInside(address, type);
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
        if (!Symbols.IsPrivate(root)) return;
        _exposed.Set(root, true);
        // Callers hear of what got out, or find the object where it was put: there, too, that ends what is known of it if it must.
        _zeroed.Remove(root);
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

    /// <summary>
    /// A count in the block is changed: from what it was read as, a symbol, or by code that is not seen, 0. Others that hold the block are in that count.
    /// </summary>
    internal void Count(int block, int read) => _counted.Set(block, read);

    /// <summary>A count of which only the caller could tell where it stands has decided that the memory is freed now.</summary>
    internal bool IsCounted(Value pointer)
    {
        int block = Symbols.Origin(Canonical(pointer));
        while (block != 0)
        {
            if (_counted.TryGet(block, out int read) && (read == 0 || _equal.Contains(read) || _facts.Contains(read))) return true;
            if (Symbols[block] is not { Kind: SymbolKind.Load } held) return false;
            block = Symbols.Root(held.A);
        }

        return false;
    }

    internal bool IsFreed(int symbol) => _allocations.TryGet(symbol, out Allocation allocation) && allocation.Status == AllocationStatus.Freed;

    internal void SetAllocation(Allocation allocation) => _allocations.Set(allocation.Symbol, allocation);

    internal void RemoveAllocation(int symbol) => _allocations.Remove(symbol);

    /// <summary>A value made of two, of which one may lead to memory.</summary>
    private Value Computed(Operator op, Value a, Value b)
    {
        Value computed = Symbols.Make(SymbolKind.Binary, a, b, (int)op);
        if (!Symbols.IsCut(computed) || !(TryGetAllocation(a, out Allocation held) || TryGetAllocation(b, out held)) || held.Status != AllocationStatus.Owned) return computed;
        // The pointer is in there, and cannot be seen any more.
        SetAllocation(held with { Status = AllocationStatus.Escaped });
        Note(new Primitive(PrimitiveKind.Escape, new Value(held.Symbol, 0)));
        return computed;
    }

    // History

    internal void Branch(SyntaxNode condition, bool isTrue) => Trail = new Trail(condition, isTrue, Trail);

    internal void Throw(SyntaxNode call) => Trail = new Trail(call, null, Trail);

    /// <summary>Equal in all but the way that led here and in mere assumptions.</summary>
    internal bool SameContent(FlowState other) =>
        Log.SameEffects(Log, other.Log) && Section.Same(Sections, other.Sections) && Released.Same(Released, other.Released) && Continuation.Same(Pending, other.Pending)
        && (Epoch == other.Epoch ? SameMemory(other) : _cells.SameAs(other._cells)) && _allocations.SameAs(other._allocations) && _exposed.SameAs(other._exposed) && _counted.SameAs(other._counted) && _zeroed.SameAs(other._zeroed) && Loops.SameAs(other.Loops);

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
internal sealed record LoopTurn(int Count, FlowState OnEntry, bool IsWidened = false);
