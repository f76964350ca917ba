// Drops from a log what no caller can see: memory that is allocated and freed inside, stores to own objects that never get out, assumptions over
// hidden values, reads that nothing uses. What a later primitive or the result mentions stays, and so does a free that is right or wrong by what the
// caller passes. The measured effect is a third of the records.

using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Flow;

internal sealed class Compaction
{
    /// <summary>A node that holds a box that holds what was passed: more were never seen.</summary>
    private const int MaximalNesting = 3;

    private readonly SymbolTable _symbols;
    private readonly List<Primitive> _log = [];
    private readonly List<Primitive> _compact = [];

    // What would be nothing new at this point of the path: a long one has thousands.
    private readonly HashSet<Primitive> _sleeps = new(PrimitiveComparer.Instance);
    private readonly HashSet<Primitive> _forgotten = new(PrimitiveComparer.Instance);
    private bool[] _kept = [];
    private SymbolSet _needed = null!;
    private bool _grew;

    /// <summary>Of the logs of one body, one after the other.</summary>
    internal Compaction(SymbolTable symbols) => _symbols = symbols;

    /// <summary>What a caller can see of a path that returns <paramref name="result"/>.</summary>
    internal IReadOnlyList<Primitive> Compact(IReadOnlyList<Primitive> log, Value result)
    {
        _log.Clear();
        _log.AddRange(log);
        using SymbolSet needed = _needed = SymbolSet.Take();
        Need(result);
        Run();
        return [.. _compact];
    }

    /// <summary>The same for a path that is still under way and may yet use <paramref name="live"/>, which grows.</summary>
    internal Log? Compact(Log? log, SymbolSet live)
    {
        _log.Clear();
        for (Log? node = log; node is not null; node = node.Before) _log.Add(node.Last);
        _log.Reverse();
        _needed = live;
        Run();
        return _compact.Count == _log.Count ? log : Log.Shrink(log, _log, _compact);
    }

    private void Run()
    {
        if (_kept.Length < _log.Count) _kept = new bool[2 * _log.Count];
        else Array.Clear(_kept, 0, _log.Count);
        do
        {
            _grew = false;
            for (int i = _log.Count - 1; i >= 0; i--)
            {
                if (_kept[i] || !Matters(_log[i])) continue;
                _kept[i] = true;
                NeedOperands(_log[i]);
            }
        }
        while (_grew);

        _compact.Clear();
        _sleeps.Clear();
        _forgotten.Clear();
        for (int i = 0; i < _log.Count; i++)
            if (_kept[i] && !IsAgain(_log[i])) _compact.Add(_log[i]);
    }

    /// <summary>The path did so before and nothing has changed since: another turn of a loop.</summary>
    private bool IsAgain(Primitive primitive)
    {
        switch (primitive.Kind)
        {
            case PrimitiveKind.Sleep:
                return !_sleeps.Add(primitive);
            case PrimitiveKind.Havoc or PrimitiveKind.Forget:
                if (!_forgotten.Add(primitive)) return true;
                if (primitive is { Kind: PrimitiveKind.Havoc, Flag: true }) _sleeps.Clear();
                return false;
            case PrimitiveKind.Assume or PrimitiveKind.Touch:
                return false;
            case PrimitiveKind.Enter or PrimitiveKind.Leave or PrimitiveKind.Call:
                _sleeps.Clear();
                break;
        }

        _forgotten.Clear();
        return false;
    }

    private bool Matters(Primitive primitive) => primitive.Kind switch
    {
        PrimitiveKind.Havoc or PrimitiveKind.Sleep or PrimitiveKind.Enter or PrimitiveKind.Leave or PrimitiveKind.Call => true,
        PrimitiveKind.Load when IsWrittenByCall(primitive) => true,
        PrimitiveKind.Load or PrimitiveKind.Allocate => _needed.Contains(primitive.Kind == PrimitiveKind.Load ? primitive.B.Symbol : primitive.A.Symbol),
        PrimitiveKind.Store or PrimitiveKind.Copy when HandsOn(primitive) => true,
        PrimitiveKind.Store or PrimitiveKind.Copy or PrimitiveKind.Forget => IsSeen(_symbols.Root(primitive.A)),
        PrimitiveKind.Assume => IsKnown(primitive.A),
        PrimitiveKind.Free when IsOpen(primitive) => true,
        PrimitiveKind.Escape when Holds(RegionOf(primitive.A), 0) => true,
        _ => IsSeen(RegionOf(primitive.A)),
    };

    /// <summary>What a call that is performed again writes to a variable: all that is known of it is that it is read there.</summary>
    private bool IsWrittenByCall(Primitive load) => _symbols.KindOf(load.B) == SymbolKind.Unknown;

    private int RegionOf(Value value) => _symbols.AllocationOf(value) is var allocation and not 0 ? allocation : _symbols.Root(value);

    /// <summary>
    /// What the caller knows is put where nobody knows who reads it: behind a pointer that some loop or some call came to, or that was found in memory which
    /// nobody here wrote.
    /// </summary>
    private bool HandsOn(Primitive store)
    {
        int root = _symbols.Root(store.A);
        return !store.B.IsConstant && (_symbols[root].Kind == SymbolKind.Unknown || (_symbols[root].Kind == SymbolKind.Load && !IsSeen(root))) && IsSeen(RegionOf(store.B));
    }

    /// <summary>Memory of this body holds what the caller knows: a node that it made and linked where others find it.</summary>
    private bool Holds(int region, int depth)
    {
        if (_symbols[region].Kind is not (SymbolKind.New or SymbolKind.Allocation)) return false;
        foreach (Primitive store in _log)
        {
            if (store.Kind is not (PrimitiveKind.Store or PrimitiveKind.Copy) || store.B.IsConstant || RegionOf(store.A) != region) continue;
            int held = RegionOf(store.B);
            if (IsSeen(held) || (depth < MaximalNesting && held != region && Holds(held, depth + 1))) return true;
        }

        return false;
    }

    /// <summary>Memory of this body is freed with an order, or to a cache, that the caller decides.</summary>
    private bool IsOpen(Primitive free)
    {
        if (free.Order is null && free.Cache is null) return false;
        int allocation = _symbols.AllocationOf(free.A);
        foreach (Primitive made in _log)
            if (made.Kind == PrimitiveKind.Allocate && made.A.Symbol == allocation) return Differ(made.Order, free.Order) || Differ(made.Cache, free.Cache);
        return false;

        bool Differ(Value? x, Value? y) => x is { } a && y is { } b && a != b && !(a.IsConstant && b.IsConstant) && IsKnown(a) && IsKnown(b);
    }

    private void NeedOperands(Primitive primitive)
    {
        Need(primitive.A);
        if (primitive.Kind != PrimitiveKind.Load || IsWrittenByCall(primitive)) Need(primitive.B);
        if (primitive.Size is { } size) Need(size);
        if (primitive.Order is { } order) Need(order);
        if (primitive.Cache is { } cache) Need(cache);
        if (primitive.Flags is { } flags) Need(flags);
        foreach (Value argument in primitive.Arguments) Need(argument);
    }

    /// <summary>The value and all that it is made of.</summary>
    private void Need(Value value)
    {
        if (value.IsConstant || !_needed.Add(value.Symbol)) return;
        _grew = true;
        SymbolData data = _symbols.Of(value);
        Need(data.A);
        Need(data.B);
    }

    /// <summary>Memory that the caller can reach, before the call or through what it gets.</summary>
    private bool IsSeen(int root) => _symbols[root].Kind switch
    {
        SymbolKind.Argument or SymbolKind.This or SymbolKind.Static or SymbolKind.Captured or SymbolKind.Function => true,
        SymbolKind.Load => IsSeen(_symbols.Root(_symbols[root].A)),
        // A struct that is returned is a local until then.
        SymbolKind.Local => _symbols[root].Item is IParameterSymbol || _needed.Contains(root),
        SymbolKind.Zero => false,
        SymbolKind.Binary or SymbolKind.View or SymbolKind.Unknown => IsKnown(new Value(root, 0)) || _needed.Contains(root),
        _ => _needed.Contains(root),
    };

    /// <summary>Made of nothing but what the caller knows.</summary>
    private bool IsKnown(Value value)
    {
        if (value.IsConstant) return true;
        SymbolData data = _symbols.Of(value);
        return data.Kind switch
        {
            SymbolKind.Argument or SymbolKind.This or SymbolKind.Static or SymbolKind.Captured or SymbolKind.Function => true,
            // A type, or a text.
            SymbolKind.New when data.Item is not SyntaxNode => true,
            SymbolKind.Load or SymbolKind.Field or SymbolKind.View => IsKnown(data.A),
            SymbolKind.Element or SymbolKind.Binary => IsKnown(data.A) && IsKnown(data.B),
            SymbolKind.Unknown when data.Item is Evaluator.IQuestion => (IsKnown(data.A) && IsKnown(data.B)) || _needed.Contains(value.Symbol),
            SymbolKind.Local => data.Item is IParameterSymbol,
            _ => _needed.Contains(value.Symbol),
        };
    }

    /// <summary>The same as the primitives' own, by a hash that asks no contract.</summary>
    private sealed class PrimitiveComparer : IEqualityComparer<Primitive>
    {
        internal static readonly PrimitiveComparer Instance = new();

        public bool Equals(Primitive x, Primitive y) => x.Equals(y);

        public int GetHashCode(Primitive primitive) =>
            unchecked((((((int)primitive.Kind * 31) + primitive.A.GetHashCode()) * 31) + primitive.B.GetHashCode()) * 31 + (primitive.Site?.Syntax.GetHashCode() ?? 0));
    }
}
