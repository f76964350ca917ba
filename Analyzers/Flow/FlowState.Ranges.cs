// How large a value may be: what the path bounds it by, and what the operation that it is computed by makes of the bounds of its operands. "n / 8" is positive from
// 8 on, "Math.Max(n, 0)" is n where n is, and what is shifted right by 63 is a sign or a bit.

namespace KAlloc.Analyzers.Flow;

internal sealed partial class FlowState
{
    internal (long Low, long High) Range(Value value)
    {
        if (value.IsConstant) return (value.Offset, value.Offset);
        SymbolData data = Symbols.Of(value);
        long low = data.Low, high = data.High;
        if (data.Kind == SymbolKind.Binary)
        {
            switch ((Operator)data.Tag)
            {
                case Operator.Equal or Operator.Less or Operator.Not:
                    (low, high) = (0, 1);
                    break;
                case Operator.And when data.B is { IsConstant: true, Offset: >= 0 }:
                    (low, high) = (0, data.B.Offset);
                    break;
                case Operator.And when data.A is { IsConstant: true, Offset: >= 0 }:
                    (low, high) = (0, data.A.Offset);
                    break;
                case >= Operator.Add:
                    (low, high) = RangeOf((Operator)data.Tag, data.A, data.B);
                    break;
            }
        }

        if (data.IsBounded && _facts.TryGet(value.Symbol, out Fact fact))
        {
            low = Math.Max(low, fact.Low);
            high = Math.Min(high, fact.High);
            // Addresses of user code are of the lower half, and so positive.
            if (fact.NonZero && data.Kind == SymbolKind.Allocation) low = Math.Max(low, 1);
        }

        return (Saturate(low, value.Offset), Saturate(high, value.Offset));
    }

    private static long Saturate(long bound, long offset)
    {
        if (bound is long.MinValue or long.MaxValue) return bound;
        long sum = unchecked(bound + offset);
        if (offset > 0 && sum < bound) return long.MaxValue;
        return offset < 0 && sum > bound ? long.MinValue : sum;
    }

    /// <summary>Bounds of an operation with a constant that keeps the order, or of the smaller or larger of two values.</summary>
    private (long Low, long High) RangeOf(Operator op, Value a, Value b)
    {
        (long Low, long High) all = (long.MinValue, long.MaxValue);
        if (op is Operator.Min or Operator.Max)
        {
            ((long lowA, long highA), (long lowB, long highB)) = (Range(a), Range(b));
            return op == Operator.Min ? (Math.Min(lowA, lowB), Math.Min(highA, highB)) : (Math.Max(lowA, lowB), Math.Max(highA, highB));
        }

        if (op is Operator.Add or Operator.Subtract)
        {
            ((long lowA, long highA), (long lowB, long highB)) = (Range(a), Range(b));
            // A sum of ints may begin anew, unless it cannot be so large.
            if (Math.Min(lowA, lowB) < int.MinValue || Math.Max(highA, highB) > int.MaxValue) return all;
            (long least, long most) = op == Operator.Add ? (lowA + lowB, highA + highB) : (lowA - highB, highA - lowB);
            if (least < int.MinValue || most > int.MaxValue) return all;
            // The other bound says that "used + n > room" and "room - used < n" do not come true in the turns of a loop that are walked: what a buffer that grows
            // leaves behind is seen in these turns or not at all.
            return op == Operator.Add ? (least, long.MaxValue) : (long.MinValue, most);
        }

        if (!b.IsConstant) return all;
        (long low, long high) = Range(a);
        long by = b.Offset;
        return op switch
        {
            // An int that is multiplied may begin anew, unless nothing so large comes out.
            Operator.Multiply when by > 0 && low >= int.MinValue / by && high <= int.MaxValue / by => (low * by, high * by),
            Operator.Divide when by > 0 => (low == long.MinValue ? low : low / by, high == long.MaxValue ? high : high / by),
            Operator.Remainder when by > 0 => (low >= 0 ? 0 : 1 - by, by - 1),
            Operator.ShiftRight when by is > 0 and < 64 => (low >> (int)by, high >> (int)by),
            Operator.UnsignedShiftRight when by is > 0 and < 64 => (0, (long)(ulong.MaxValue >> (int)by)),
            Operator.Negate when low > long.MinValue => (-high, -low),
            _ => all,
        };
    }

    private static bool IsPowerOfTwo(Value value) => value is { IsConstant: true, Offset: > 1 } && (value.Offset & (value.Offset - 1)) == 0;

    /// <summary>Whether the path has decided which of the two is smaller.</summary>
    private bool? IsLess(Value a, Value b, int depth) => Canonical(Ordering(a, b), depth + 1) is { IsConstant: true } known ? !known.IsZero : null;
}
