// Bits that a path has found set or clear one after the other: "(flags & (Own | Big)) == (Own | Big)" is so if both "flags & Own" and "flags & Big" were found to be.
// As orders, they are looked at together only before something is told of the path.

namespace KAlloc.Analyzers.Flow;

internal sealed partial class FlowState
{
    /// <summary>False if what was decided of some value's bits contradicts itself.</summary>
    private bool AgreeInBits(List<(Value Condition, Value Decided)> conditions)
    {
        var known = new Dictionary<int, (long Mask, long Bits)>();
        var excluded = new List<(int Of, long Mask, long Bits)>();
        foreach ((Value condition, Value decided) in conditions)
        {
            SymbolData data = Symbols.Of(condition);
            (Value masked, long bits, bool holds) = (condition, decided.Offset, true);
            if ((Operator)data.Tag == Operator.Equal && data.B.IsConstant) (masked, bits, holds) = (data.A, data.B.Offset, !decided.IsZero);
            if (!IsBinary(masked, Operator.And, out SymbolData and) || !and.B.IsConstant || Canonical(and.A) is not { IsConstant: false, Offset: 0, Symbol: var of }) continue;
            long mask = and.B.Offset;
            // One bit that is not clear is set.
            if (!holds && (mask & (mask - 1)) == 0 && (bits & ~mask) == 0) (bits, holds) = (bits ^ mask, true);
            if (!holds)
            {
                excluded.Add((of, mask, bits));
                continue;
            }

            known.TryGetValue(of, out (long Mask, long Bits) before);
            if (((before.Bits ^ bits) & before.Mask & mask) != 0) return false;
            known[of] = (before.Mask | mask, before.Bits | bits);
        }

        return !excluded.Exists(one => known.TryGetValue(one.Of, out (long Mask, long Bits) all) && (one.Mask & ~all.Mask) == 0 && (all.Bits & one.Mask) == one.Bits);
    }
}
