// The path condition: intervals and non-nullness of symbols, and equalities. There is no solver: an equality substitutes, everything is
// brought to canonical form when it is read, and a condition once decided stays decided because it is itself a symbol.

using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Flow;

internal readonly record struct Fact(long Low, long High, bool NonZero)
{
    internal static readonly Fact None = new(long.MinValue, long.MaxValue, false);
}

internal sealed partial class FlowState
{
    private const int MaximalDepth = 24;

    /// <summary>Every allocator aligns to eight bytes at least.</summary>
    private const long BelowAlignment = 7;

    private LongMap<int, Fact> _facts;
    private LongMap<int, Value> _equal;

    internal SmallMap<int, Fact> Facts => _facts.All();

    internal Value Canonical(Value value) => Canonical(value, 0);

    private Value Canonical(Value value, int depth)
    {
        while (value.Symbol != 0)
        {
            SymbolData data = Symbols.Of(value);
            if (data.IsReplaced && _equal.TryGet(value.Symbol, out Value same))
            {
                value = same.Plus(value.Offset);
                continue;
            }

            if (data.Kind != SymbolKind.Binary || depth > MaximalDepth) return value;
            Value a = Canonical(data.A, depth + 1), b = Canonical(data.B, depth + 1);
            Value folded = Binary((Operator)data.Tag, a, b, depth + 1);
            if (folded.Symbol == value.Symbol) return value;
            value = folded.Plus(value.Offset);
        }

        return value;
    }

    private void Replace(int symbol, Value value)
    {
        Symbols[symbol].IsReplaced = true;
        _equal.Set(symbol, value);
    }

    private void Bound(int symbol, Fact fact)
    {
        Symbols[symbol].IsBounded = true;
        _facts.Set(symbol, fact);
    }

    internal Value CanonicalAddress(Value address)
    {
        address = Canonical(address);
        SymbolData data = Symbols.Of(address);
        if (data.Kind is not (SymbolKind.Field or SymbolKind.Element)) return address;
        Value container = CanonicalAddress(data.A), index = Canonical(data.B);
        return container == data.A && index == data.B ? address : Symbols.Make(data.Kind, container, index, data.Tag, data.Item).Plus(address.Offset);
    }

    /// <summary>The operation over canonical values, decided where the path condition decides it.</summary>
    internal Value Binary(Operator op, Value a, Value b) => Binary(op, a, b, 0);

    private Value Binary(Operator op, Value a, Value b, int depth)
    {
        if (a.IsConstant && b.IsConstant && Fold(op, a.Offset, b.Offset) is { } number) return Value.Constant(number);
        switch (op)
        {
            case Operator.Add:
                if (b.IsConstant) return a.Plus(b.Offset);
                if (a.IsConstant) return b.Plus(a.Offset);
                return Computed(op, a with { Offset = 0 }, b with { Offset = 0 }).Plus(unchecked(a.Offset + b.Offset));
            case Operator.Subtract:
                if (b.IsConstant) return a.Plus(unchecked(-b.Offset));
                if (a.Symbol == b.Symbol) return Value.Constant(unchecked(a.Offset - b.Offset));
                // What is taken from the rest is no more than there is.
                if (IsBinary(b, Operator.Min, out SymbolData taken) && (taken.A == a || taken.B == a)) return Binary(Operator.Max, Binary(op, a, taken.A == a ? taken.B : taken.A, depth + 1), Value.Zero, depth + 1);
                break;
            case Operator.Multiply:
                if (b == Value.One) return a;
                if (a == Value.One) return b;
                if (a.IsZero || b.IsZero) return Value.Zero;
                break;
            case Operator.And:
                if (a.IsZero || b.IsZero) return Value.Zero;
                if (a == b) return a;
                if (a.IsConstant) (a, b) = (b, a);
                if (b.IsConstant && Masked(a, b.Offset, depth) is { } masked) return masked;
                break;
            case Operator.Or:
                if (b.IsZero || a == b) return a;
                if (a.IsZero) return b;
                if (a.IsConstant) (a, b) = (b, a);
                break;
            case Operator.Divide or Operator.ShiftLeft or Operator.ShiftRight:
                if (op != Operator.Divide && b.IsZero) return a;
                if (op == Operator.Divide && b == Value.One) return a;
                break;
            case Operator.UnsignedShiftRight:
                if (b.IsZero) return a;
                // What is not negative is shifted in one way only.
                if (!a.IsConstant && Range(a).Low >= 0) return Binary(Operator.ShiftRight, a, b, depth);
                break;
            case Operator.Remainder:
                // Of a power of two the rest is zero where the low bits are, and is those bits of what is not negative.
                if (IsPowerOfTwo(b) && Range(a).Low >= 0) return Binary(Operator.And, a, b.Plus(-1), depth);
                break;
            case Operator.Min or Operator.Max:
                if (IsLess(a, b, depth) is { } less) return less == (op == Operator.Min) ? a : b;
                if (IsLess(b, a, depth) is { } greater) return greater == (op == Operator.Min) ? b : a;
                break;
            case Operator.Not:
                if (IsBinary(a, Operator.Not, out SymbolData negated)) return negated.A;
                break;
            case Operator.Equal:
                return Equality(a, b, depth);
            case Operator.Less:
                return Ordering(a, b);
        }

        return Computed(op, a, b);
    }

    /// <summary>What a mask leaves of a value whose bits are known in part: tags that were set, and the low bits of addresses.</summary>
    private Value? Masked(Value value, long mask, int depth)
    {
        if (value.Offset == 0 && Symbols.KindOf(value) == SymbolKind.Allocation && _allocations.TryGet(value.Symbol, out Allocation block) && block.Family != "GCHandle")
        {
            if ((mask & ~BelowAlignment) == 0) return Value.Zero;
            if ((mask | BelowAlignment) == -1) return value;
        }

        if (IsBinary(value, Operator.Or, out SymbolData or) && or.B.IsConstant)
        {
            long tag = or.B.Offset;
            if ((mask & ~tag) == 0) return Value.Constant(mask);
            if (Binary(Operator.And, or.A, Value.Constant(mask), depth + 1) is var rest && ((mask & tag) == 0 || rest.IsConstant)) return Binary(Operator.Or, rest, Value.Constant(mask & tag), depth + 1);
        }

        if (IsBinary(value, Operator.Xor, out SymbolData other) && other.B.IsConstant && (mask & other.B.Offset) == 0) return Binary(Operator.And, other.A, Value.Constant(mask), depth + 1);
        return IsBinary(value, Operator.And, out SymbolData and) && and.B.IsConstant ? Binary(Operator.And, and.A, Value.Constant(and.B.Offset & mask), depth + 1) : null;
    }

    private static long? Fold(Operator op, long a, long b) => unchecked(op switch
    {
        Operator.Equal => a == b ? 1 : 0,
        Operator.Less => a < b ? 1 : 0,
        Operator.Not => a == 0 ? 1 : 0,
        Operator.And => a & b,
        Operator.Or => a | b,
        Operator.Xor => a ^ b,
        Operator.Add => a + b,
        Operator.Subtract => a - b,
        Operator.Multiply => a * b,
        Operator.Divide when b != 0 && !(a == long.MinValue && b == -1) => a / b,
        Operator.Remainder when b != 0 && !(a == long.MinValue && b == -1) => a % b,
        Operator.ShiftLeft when b is >= 0 and < 64 => a << (int)b,
        Operator.ShiftRight when b is >= 0 and < 64 => a >> (int)b,
        Operator.Complement => ~a,
        Operator.Negate => -a,
        Operator.UnsignedShiftRight when b is >= 0 and < 64 => (long)((ulong)a >> (int)b),
        Operator.Min => Math.Min(a, b),
        Operator.Max => Math.Max(a, b),
        _ => null,
    });

    private bool IsBinary(Value value, Operator op, out SymbolData data)
    {
        data = Symbols.Of(value);
        return value.Offset == 0 && data.Kind == SymbolKind.Binary && data.Tag == (int)op;
    }

    internal bool IsCondition(Value value) =>
        value.Offset == 0 && Symbols.Of(value) is { Kind: SymbolKind.Binary, Tag: (int)Operator.Equal or (int)Operator.Less or (int)Operator.Not };

    private Value Equality(Value a, Value b, int depth)
    {
        if (a.IsConstant || (!b.IsConstant && a.Symbol > b.Symbol)) (a, b) = (b, a);
        if (a.Symbol == b.Symbol) return Value.Constant(a.Offset == b.Offset ? 1 : 0);
        if (b.IsConstant)
        {
            if (IsCondition(a)) return b.Offset == 1 ? a : b.Offset == 0 ? Binary(Operator.Not, a, Value.Zero, depth) : Value.Zero;
            if (b.IsZero && IsBinary(a, Operator.Remainder, out SymbolData rest) && IsPowerOfTwo(rest.B)) return Equality(Binary(Operator.And, rest.A, rest.B.Plus(-1), depth + 1), b, depth);
            // A pointer into a block is no more null than the block.
            if (b.IsZero && IsLiveAllocation(a.Symbol)) return Value.Zero;
            b = b.Plus(unchecked(-a.Offset));
            a = a with { Offset = 0 };
            (long low, long high) = Range(a);
            if (b.Offset < low || b.Offset > high) return Value.Zero;
            if (b.Offset == 0 && IsNonZero(a)) return Value.Zero;
        }
        else if (AreApart(a, b))
        {
            return Value.Zero;
        }

        return Symbols.Make(SymbolKind.Binary, a, b, (int)Operator.Equal);
    }

    /// <summary>Addresses of different regions differ, whatever their offsets.</summary>
    private bool AreApart(Value a, Value b)
    {
        int x = Symbols.Root(a), y = Symbols.Root(b);
        if (x == y) return false;
        // An object that is made here is none that the caller had.
        if ((IsMadeHere(x) && Symbols[b.Symbol].Kind == SymbolKind.Argument) || (IsMadeHere(y) && Symbols[a.Symbol].Kind == SymbolKind.Argument)) return true;
        bool regionX = Symbols.IsDistinctRegion(x) || IsLiveAllocation(x), regionY = Symbols.IsDistinctRegion(y) || IsLiveAllocation(y);
        return regionX && regionY && !(Symbols[x].Kind == SymbolKind.This || Symbols[y].Kind == SymbolKind.This);
    }

    private bool IsMadeHere(int symbol) => Symbols[symbol] is { Kind: SymbolKind.New, Item: SyntaxNode };

    private bool IsLiveAllocation(int symbol) => Symbols[symbol].Kind == SymbolKind.Allocation && IsNonZero(new Value(symbol, 0));

    private Value Ordering(Value a, Value b)
    {
        if (a.Symbol == b.Symbol) return Value.Constant(a.Offset < b.Offset ? 1 : 0);
        (long lowA, long highA) = Range(a);
        (long lowB, long highB) = Range(b);
        if (highA < lowB) return Value.One;
        if (lowA >= highB) return Value.Zero;
        if (b.IsConstant && a.Offset != 0 && TryShift(b, -a.Offset, out Value shifted)) (a, b) = (a with { Offset = 0 }, shifted);
        else if (a.IsConstant && b.Offset != 0 && TryShift(a, -b.Offset, out shifted)) (b, a) = (b with { Offset = 0 }, shifted);
        return Symbols.Make(SymbolKind.Binary, a, b, (int)Operator.Less);
    }

    private static bool TryShift(Value constant, long by, out Value shifted)
    {
        long sum = unchecked(constant.Offset + by);
        shifted = Value.Constant(sum);
        return (by >= 0) == (sum >= constant.Offset);
    }

    internal bool IsNonZero(Value value)
    {
        if (value.IsConstant) return value.Offset != 0;
        SymbolData data = Symbols.Of(value);
        if (Symbols.IsDistinctRegion(value.Symbol)) return true;
        if (data.Kind is SymbolKind.Field or SymbolKind.Element) return true;
        if (data.Kind == SymbolKind.View) return IsNonZero(Canonical(data.A));
        if (data.Kind == SymbolKind.Binary && (Operator)data.Tag == Operator.Or && (IsNonZero(data.A) || IsNonZero(data.B))) return true;
        if (data.IsBounded && _facts.TryGet(value.Symbol, out Fact fact) && fact.NonZero && (value.Offset == 0 || data.Kind == SymbolKind.Allocation)) return true;
        (long low, long high) = Range(value);
        return low > 0 || high < 0;
    }

    /// <summary>Adds the condition to the path; false if the path is then impossible.</summary>
    internal bool Assume(Value condition, bool truth)
    {
        condition = Canonical(condition);
        if (condition.IsConstant) return (condition.Offset != 0) == truth;
        SymbolData data = Symbols.Of(condition);
        if (condition.Offset == 0 && data.Kind == SymbolKind.Binary)
        {
            switch ((Operator)data.Tag)
            {
                case Operator.Not:
                    return Assume(data.A, !truth);
                case Operator.Equal:
                    AsksElements |= data.B.IsZero && Loops.Count > 0 && IsPointerOfElement(data.A);
                    return truth ? AssumeEqual(data.A, data.B) : AssumeDifferent(condition, data.A, data.B);
                case Operator.Less:
                    return AssumeOrder(condition, data.A, data.B, truth);
                case Operator.And when truth && (IsCondition(data.A) || IsCondition(data.B)):
                    return Assume(data.A, true) && Assume(data.B, true);
                case Operator.Or when !truth:
                    return Assume(data.A, false) && Assume(data.B, false);
            }
        }

        return truth ? AssumeDifferent(Binary(Operator.Equal, condition, Value.Zero), condition, Value.Zero) : AssumeEqual(condition, Value.Zero);
    }

    internal bool AssumeEqual(Value a, Value b)
    {
        a = Canonical(a);
        b = Canonical(b);
        Value equal = Binary(Operator.Equal, a, b);
        if (equal.IsConstant) return equal.Offset != 0;
        // Keep the side that is an address of something; replace the other.
        if (a.IsConstant || (!b.IsConstant && Weight(a) > Weight(b))) (a, b) = (b, a);
        if (!b.IsConstant)
        {
            (long low, long high) = Range(a);
            if (!Narrow(b, low, high) || (IsNonZero(a) && !AssumeNonZero(b))) return false;
            Share(a, b);
        }
        else if (Symbols.KindOf(a) == SymbolKind.View && b.IsZero && a.Offset == 0)
        {
            // A view of nothing is nothing, and the other way round.
            if (!AssumeEqual(Symbols.Of(a).A, Value.Zero)) return false;
        }

        if (Mentions(b, a.Symbol))
        {
            // x == x & mask: to replace x by what mentions it would never end.
            Replace(equal.Symbol, Value.One);
            return true;
        }

        Replace(a.Symbol, b.Plus(unchecked(-a.Offset)));
        if (b.IsZero && a.Offset == 0) _allocations.Remove(a.Symbol);
        Rekey(a.Symbol);
        return true;
    }

    /// <summary>The value is computed from the symbol. What memory held is a symbol of its own.</summary>
    private bool Mentions(Value value, int symbol)
    {
        if (value.Symbol == symbol) return true;
        SymbolData data = Symbols.Of(value);
        return data.Kind is SymbolKind.Binary or SymbolKind.Field or SymbolKind.Element or SymbolKind.View && (Mentions(data.A, symbol) || Mentions(data.B, symbol));
    }

    private int Weight(Value value) => Symbols.KindOf(value) switch
    {
        SymbolKind.Unknown or SymbolKind.Load => 0,
        SymbolKind.Binary => 1,
        SymbolKind.Argument => 2,
        _ => 3,
    };

    /// <summary>Cells under addresses that mention the replaced symbol move to their canonical address.</summary>
    private void Rekey(int symbol)
    {
        for (int i = _cells.Count - 1; i >= 0; i--)
        {
            Value address = _cells.KeyAt(i);
            if (Symbols.Root(address) != symbol) continue;
            Value value = _cells.ValueAt(i), moved = CanonicalAddress(address);
            _cells.RemoveAt(i);
            if (!_cells.Contains(moved)) _cells.Set(moved, value);
        }
    }

    private bool AssumeDifferent(Value condition, Value a, Value b)
    {
        if (condition.IsConstant) return condition.Offset == 0;
        Replace(condition.Symbol, Value.Zero);
        if (!b.IsConstant || a.IsConstant) return true;
        long excluded = unchecked(b.Offset - a.Offset);
        a = a with { Offset = 0 };
        if (excluded == 0) return AssumeNonZero(a);
        (long low, long high) = Range(a);
        if (low == excluded) return Narrow(a, low + 1, high);
        return high != excluded || Narrow(a, low, high - 1);
    }

    internal bool AssumeNonZero(Value value)
    {
        value = Canonical(value);
        if (value.IsConstant) return value.Offset != 0;
        if (value.Offset != 0) return true;
        Fact fact = _facts.TryGet(value.Symbol, out Fact known) ? known : Fact.None;
        Bound(value.Symbol, fact with { NonZero = true });
        if (Symbols.KindOf(value) == SymbolKind.View) AssumeNonZero(Symbols.Of(value).A);
        (long low, long high) = Range(value);
        if (low == 0 && high == 0) return false;
        return low != 0 || Narrow(value, 1, high);
    }

    private bool AssumeOrder(Value condition, Value a, Value b, bool truth)
    {
        Replace(condition.Symbol, truth ? Value.One : Value.Zero);
        (long lowA, long highA) = Range(a);
        (long lowB, long highB) = Range(b);
        return truth
            ? Narrow(a, long.MinValue, highB == long.MaxValue ? highB : highB - 1) && Narrow(b, lowA == long.MinValue ? lowA : lowA + 1, long.MaxValue)
            : Narrow(a, lowB, long.MaxValue) && Narrow(b, long.MinValue, highA);
    }

    /// <summary>Bounds a value; false if nothing is left.</summary>
    internal bool Narrow(Value value, long low, long high)
    {
        if (value.IsConstant) return value.Offset >= low && value.Offset <= high;
        low = low == long.MinValue ? low : Saturate(low, unchecked(-value.Offset));
        high = high == long.MaxValue ? high : Saturate(high, unchecked(-value.Offset));
        Fact fact = _facts.TryGet(value.Symbol, out Fact known) ? known : Fact.None;
        SymbolData data = Symbols.Of(value);
        low = Math.Max(Math.Max(low, fact.Low), data.Low);
        high = Math.Min(Math.Min(high, fact.High), data.High);
        if (fact.NonZero && low == 0) low = 1;
        if (fact.NonZero && high == 0) high = -1;
        // Nothing is left of a range of one number that the value was found not to be.
        if (low > high || (low == high && Canonical(Symbols.Make(SymbolKind.Binary, value with { Offset = 0 }, Value.Constant(low), (int)Operator.Equal)).IsZero)) return false;
        Bound(value.Symbol, fact with { Low = low, High = high });
        if (low == high && Symbols.KindOf(value) is not SymbolKind.Allocation) Replace(value.Symbol, Value.Constant(low));
        return true;
    }

    /// <summary>Whether every bit of the mask is set, is clear, or cannot be told.</summary>
    internal bool? HasBits(Value value, long mask)
    {
        value = Canonical(value);
        if (value.IsConstant) return (value.Offset & mask) == mask ? true : (value.Offset & mask) == 0 ? false : null;
        if (value.Offset != 0) return null;
        SymbolData data = Symbols.Of(value);
        if (data.Kind != SymbolKind.Binary) return null;
        bool? a = HasBits(data.A, mask), b = HasBits(data.B, mask);
        return (Operator)data.Tag switch
        {
            Operator.Or => a == true || b == true ? true : a == false && b == false ? false : null,
            Operator.And => a == false || b == false ? false : a == true && b == true ? true : null,
            Operator.Complement => !a,
            _ => null,
        };
    }

    /// <summary>Keeps only the assumptions that both paths share: two states of equal content become one.</summary>
    internal void IntersectAssumptions(FlowState other)
    {
        AsksElements |= other.AsksElements;
        // Memory that neither has read yet is new to both.
        if (Epoch != other.Epoch) Epoch = Math.Max(Epoch, other.Epoch) + 1;
        Log = Log.Intersect(Log, other.Log);
        SmallMap<int, Value> equal = _equal.All();
        for (int i = equal.Count - 1; i >= 0; i--)
            if (!other._equal.TryGet(equal.KeyAt(i), out Value value) || value != equal.ValueAt(i)) _equal.Remove(equal.KeyAt(i));
        SmallMap<int, Fact> facts = _facts.All();
        for (int i = facts.Count - 1; i >= 0; i--)
        {
            int symbol = facts.KeyAt(i);
            Fact own = facts.ValueAt(i);
            if (other._facts.TryGet(symbol, out Fact fact)) Bound(symbol, new Fact(Math.Min(own.Low, fact.Low), Math.Max(own.High, fact.High), own.NonZero && fact.NonZero));
            else _facts.Remove(symbol);
        }
    }
}
