// Whether a path that something is to be told of can be taken. A condition is decided by what is known when the path comes to it: "k < n" says nothing of k until n is
// known to be 1, and "lo <= hi", "lo != hi" and "hi < lo + 1" contradict each other only together. What was decided is looked at again only here, since findings
// are rare and states are not.
//
//   a < b + c      an edge from a to b of c - 1; zero is a node like others, bounded by what is known of each symbol
//   infeasible     a condition, or a number, is computed otherwise than it was decided, or a circle of edges has a negative sum

namespace KAlloc.Analyzers.Flow;

internal sealed partial class FlowState
{
    /// <summary>Bounds go through so many values in a row: an index, a count and a size.</summary>
    private const int MaximalRounds = 3;

    /// <summary>A path that decided more than this is taken as it is: to look at it would cost as much as many statements.</summary>
    private const int MaximalConditions = 64;

    /// <summary>Of more values than this the order is not looked at.</summary>
    private const int MaximalOrdered = 16;

    /// <summary>No bound: so far from the largest number that two of them have a sum.</summary>
    private const long Unbounded = long.MaxValue / 4;

    /// <summary>False if what the path decided contradicts itself.</summary>
    internal bool IsFeasible()
    {
        var conditions = new List<(Value Condition, Value Decided)>();
        SmallMap<int, Value> equal = _equal.All();
        for (int i = 0; i < equal.Count; i++)
            if (equal.ValueAt(i).IsConstant && Symbols[equal.KeyAt(i)].Kind == SymbolKind.Binary) conditions.Add((new Value(equal.KeyAt(i), 0), equal.ValueAt(i)));
        if (conditions.Count is 0 or > MaximalConditions) return true;
        FlowState bounded = Fork();
        for (int round = 0; round < MaximalRounds; round++)
            foreach ((Value condition, Value decided) in conditions)
            {
                SymbolData data = Symbols.Of(condition);
                Value a = bounded.Canonical(data.A), b = bounded.Canonical(data.B);
                if ((Operator)data.Tag == Operator.Less ? !bounded.AssumeOrder(condition, a, b, !decided.IsZero) : bounded.Binary(Operator.Equal, bounded.Binary((Operator)data.Tag, a, b), decided).IsZero) return false;
            }

        return bounded.AgreeInBits(conditions) && bounded.CanBeOrdered(conditions);
    }

    private bool CanBeOrdered(List<(Value Condition, Value Decided)> conditions)
    {
        var nodes = new List<int> { 0 };
        var different = new List<(int From, int To, long By)>();
        var edges = new List<(int From, int To, long By)>();
        foreach ((Value condition, Value decided) in conditions)
        {
            SymbolData data = Symbols.Of(condition);
            Value a = Canonical(data.A), b = Canonical(data.B);
            bool isDifference = (Operator)data.Tag == Operator.Subtract;
            if (!isDifference && (Operator)data.Tag is not (Operator.Less or Operator.Equal)) continue;
            // "a - b < 0" says what "a < b" does.
            if (isDifference) b = b.Plus(decided.Offset);
            else if (a.IsConstant && IsBinary(b with { Offset = 0 }, Operator.Subtract, out SymbolData taken)) (a, b) = (taken.B.Plus(a.Offset), taken.A.Plus(b.Offset));
            else if (b.IsConstant && IsBinary(a with { Offset = 0 }, Operator.Subtract, out taken)) (a, b) = (taken.A.Plus(a.Offset), taken.B.Plus(b.Offset));
            if (a.IsConstant || b.IsConstant) continue;
            int from = NodeOf(a.Symbol), to = NodeOf(b.Symbol);
            long by = unchecked(b.Offset - a.Offset);
            if (nodes.Count > MaximalOrdered || Math.Abs(by) >= Unbounded) return true;
            if (isDifference) edges.AddRange([(from, to, by), (to, from, -by)]);
            else if ((Operator)data.Tag == Operator.Equal && decided.IsZero) different.Add((from, to, by));
            else if ((Operator)data.Tag == Operator.Less) edges.Add(!decided.IsZero ? (from, to, by - 1) : (to, from, -by));
        }

        if (edges.Count == 0) return true;
        var bounds = new long[nodes.Count, nodes.Count];
        for (int i = 0; i < nodes.Count; i++)
            for (int k = 0; k < nodes.Count; k++) bounds[i, k] = i == k ? 0 : Unbounded;
        for (int i = 1; i < nodes.Count; i++)
        {
            (long low, long high) = Range(new Value(nodes[i], 0));
            if (high < Unbounded) bounds[i, 0] = Math.Max(high, -Unbounded);
            if (low > -Unbounded) bounds[0, i] = -Math.Min(low, Unbounded);
        }

        foreach ((int from, int to, long by) in edges) bounds[from, to] = Math.Min(bounds[from, to], by);
        for (int round = 0; round < MaximalRounds; round++)
        {
            if (!Close(bounds, nodes.Count)) return false;
            // What is at most as large and is not the same is smaller.
            foreach ((int from, int to, long by) in different)
            {
                if (bounds[from, to] == by) bounds[from, to]--;
                if (bounds[to, from] == -by) bounds[to, from]--;
            }
        }

        return Close(bounds, nodes.Count);

        int NodeOf(int symbol)
        {
            int known = nodes.IndexOf(symbol);
            if (known >= 0) return known;
            nodes.Add(symbol);
            return nodes.Count - 1;
        }
    }

    /// <summary>Sums along all ways; false if one that comes back to where it began is negative.</summary>
    private static bool Close(long[,] bounds, int count)
    {
        for (int via = 0; via < count; via++)
            for (int from = 0; from < count; from++)
                for (int to = 0; to < count; to++)
                    if (bounds[from, via] < Unbounded && bounds[via, to] < Unbounded) bounds[from, to] = Math.Max(-Unbounded, Math.Min(bounds[from, to], bounds[from, via] + bounds[via, to]));
        for (int i = 0; i < count; i++)
            if (bounds[i, i] < 0) return false;
        return true;
    }
}
