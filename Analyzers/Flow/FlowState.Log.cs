// The state's own share of its log: what it reads from and writes to memory that the caller of the body can see.

namespace KAlloc.Analyzers.Flow;

internal sealed partial class FlowState
{
    private SmallMap<int, bool> _touched;

    /// <summary>What this path did that the caller of the body can see.</summary>
    internal Log? Log { get; private set; }

    internal void Note(Primitive primitive) => Log = Log.Add(Log, primitive);

    /// <summary>Puts one primitive in the place of all that were noted since.</summary>
    internal void Rewind(Log? since, Primitive primitive) => Log = Log.Add(since, primitive);

    /// <summary>Goes on where the condition is as stated; false if it cannot be. The caller may know better: it is noted.</summary>
    internal bool Decide(Value condition, bool truth)
    {
        condition = Canonical(condition);
        if (condition.IsConstant) return (condition.Offset != 0) == truth;
        Note(new Primitive(PrimitiveKind.Assume, condition, Flag: truth));
        return Assume(condition, truth);
    }

    /// <summary>Memory behind a pointer of the caller's is used, which the path has not noted of that pointer yet.</summary>
    internal bool IsFirstTouch(Value address)
    {
        int root = Symbols.Origin(Canonical(address));
        return (Symbols[root].Kind is SymbolKind.Argument or SymbolKind.Load or SymbolKind.This || Symbols.IsOpen(root)) && !_touched.Contains(root);
    }

    internal void NoteTouch(Value address, LogSite site)
    {
        int root = Symbols.Origin(Canonical(address));
        _touched.Set(root, true);
        Note(new Primitive(PrimitiveKind.Touch, new Value(root, 0)) { Site = site });
    }

    private bool IsVisible(Value address) => Symbols[Symbols.Root(address)].Kind is not (SymbolKind.Local or SymbolKind.Capture or SymbolKind.Stack or SymbolKind.Zero);

    private void NoteAt(PrimitiveKind kind, Value address, Value operand = default, bool isUndone = false)
    {
        if (IsVisible(address)) Note(new Primitive(kind, address, operand, isUndone));
    }
}
