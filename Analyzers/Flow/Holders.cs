// Which variable a fix may free where memory is lost: one that holds the pointer, and on every other path to the same place null or memory that
// the same call frees. A path on which the memory was freed or handed on would else be given a double free.

using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Flow;

internal sealed class Holders
{
    private readonly HashSet<(CodePlace, ISymbol)> _spoiled = new(PlaceComparer.Instance);

    /// <summary>The variable that holds the allocation at an exit.</summary>
    internal static ISymbol? AtExit(FlowState state, Allocation allocation, IEnumerable<FlowState> arriving)
    {
        SmallMap<Value, Value> cells = state.Cells;
        for (int i = 0; i < cells.Count; i++)
        {
            Value place = cells.KeyAt(i);
            SymbolData data = state.Symbols.Of(Evaluator.StructAround(state.Symbols, place));
            if (data is not { Kind: SymbolKind.Local, Item: ILocalSymbol or IParameterSymbol } || state.Canonical(cells.ValueAt(i)) != new Value(allocation.Symbol, 0)) continue;
            bool right = true;
            foreach (FlowState other in arriving) right &= MayFree(other, place, allocation);
            if (right) return (ISymbol)data.Item!;
        }

        return null;
    }

    private static bool MayFree(FlowState state, Value place, Allocation allocation)
    {
        if (!state.TryPeek(place, out Value value)) return false;
        if (value.IsZero || IsWidened(state, value)) return true;
        return state.TryGetAllocation(value, out Allocation other) && value == new Value(other.Symbol, 0) && other.Status == AllocationStatus.Owned
            && other.Family == allocation.Family && other.Order == allocation.Order && other.Cache == allocation.Cache;
    }

    /// <summary>What a variable holds after many turns of a loop: the first turns were seen one by one and speak for it.</summary>
    internal static bool IsWidened(FlowState state, Value value) => state.Symbols.Of(value) is { Kind: SymbolKind.Unknown, Item: ISymbol };

    /// <summary>At the place the variable held something that must not be freed there.</summary>
    internal void Spoil(in CodePlace place, ISymbol variable) => _spoiled.Add((place, variable));

    internal bool IsSpoiled(in CodePlace place, ISymbol variable) => _spoiled.Contains((place, variable));

    private sealed class PlaceComparer : IEqualityComparer<(CodePlace Place, ISymbol Variable)>
    {
        internal static readonly PlaceComparer Instance = new();

        public bool Equals((CodePlace Place, ISymbol Variable) x, (CodePlace Place, ISymbol Variable) y) =>
            x.Place.Equals(y.Place) && SymbolEqualityComparer.Default.Equals(x.Variable, y.Variable);

        public int GetHashCode((CodePlace Place, ISymbol Variable) key) => unchecked((key.Place.GetHashCode() * 31) + SymbolEqualityComparer.Default.GetHashCode(key.Variable));
    }
}
