// Locks and sections: entering, leaving, and which open section a call means to leave. A lock is known by its address; what cannot be told from
// an open one is taken for it, so that code the engine does not follow is never called unbalanced.

using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class Evaluator
{
    private const int SavedTag = 6;

    private void Enter(CallSite call, EnterContract contract, Value result)
    {
        bool isWritten = contract.Saves.Kind == OperandKind.Parameter && call.IsByReference(contract.Saves.Ordinal);
        Value saved = isWritten ? UnknownOf(call.Syntax, SavedTag) : contract.Saves.Kind == OperandKind.Result ? result : Value.Zero;
        Enter(call, contract, Identity(call, contract.Lock), saved);
        if (isWritten) _state.Store(call.Arguments[contract.Saves.Ordinal], saved);
    }

    private void Enter(CallSite call, EnterContract contract, Value identity, Value saved, bool told = false)
    {
        bool twice = false, everyTurn = false;
        if (Open(identity) is { Site: not null } held && contract.When == ReturnCondition.Always)
        {
            everyTurn = held.Site == call.Syntax;
            // Sections without a lock nest, or are merely on already.
            if (identity.IsZero && !contract.Nests)
            {
                if (everyTurn && !held.EveryTurn) _state.Sections = _state.Sections!.Replace(held, held with { EveryTurn = true });
                return;
            }

            twice = !identity.IsZero && !contract.Nests && !(contract.Shared && held.IsShared);
            if (twice && !held.Uncertain) told |= analysis.Raise(new LockedTwiceEvent(_state, call, contract, held));
            if (twice) _state.Sections = _state.Sections!.Replace(held, held with { Uncertain = true });
        }

        Released? given = Released.Find(_state.Released, identity) ?? FindSimilar(identity);
        if (given is not null) _state.Released = Released.Without(_state.Released, given);
        _state.Sections = new Section(contract.Kind, identity, call.DisplayName, call.Syntax, contract, EntryContext.Unknown, _state.Sections)
        {
            Saved = saved,
            Inherited = given is { WasCallers: true },
            // What was told of once is not claimed again.
            Uncertain = twice || told,
            EveryTurn = everyTurn && !twice && !told,
        };
        if (!saved.IsZero) analysis.NoteSaved(saved);
        _state.Note(new Primitive(PrimitiveKind.Enter, identity, saved) { Contract = contract, Site = call.Chain, Told = told });
        if (contract.IsScope) return;
        // Others may have written shared memory before the lock was had. Whoever applies the log enters, too.
        FlowState state = _state;
        state.Havoc(address => analysis.IsImmutable(address) || analysis.IsOwnStore(state, address), isNoted: false);
        return;

        Section? Open(Value lockOf)
        {
            Section? section = _state.Sections;
            while (section is not null && (section.Site is null || section.Identity != lockOf || (lockOf.IsZero && section.Kind != contract.Kind))) section = section.Outer;
            return section;
        }
    }

    private Released? FindSimilar(Value identity)
    {
        for (Released? released = _state.Released; released is not null; released = released.Before)
            if (!identity.IsZero && LockIdentity.AreSimilar(Symbols, released.Identity, identity)) return released;
        return null;
    }

    private void Leave(CallSite call, LeaveContract contract) => Leave(call, contract, Identity(call, contract.Lock), Operand(call, contract.Restores));

    private void Leave(CallSite call, LeaveContract contract, Value identity, Value? restored)
    {
        bool isCallers = FindOpen(contract, identity, restored, out _) is null, told = CheckLeft(call, contract, identity, restored);
        _state.Note(new Primitive(PrimitiveKind.Leave, identity, restored ?? default, Flag: isCallers) { Contract = contract, Site = call.Chain, Told = told });
    }

    /// <summary>Leaves the section that is meant; true if a rule spoke.</summary>
    private bool CheckLeft(CallSite call, LeaveContract contract, Value identity, Value? restored)
    {
        if (FindOpen(contract, identity, restored, out bool certain) is not { } section)
        {
            if (identity.IsZero) return false;
            if (Released.Find(_state.Released, identity) is { } before)
                return before.IsSure && analysis.Raise(new UnlockEvent(_state, call, contract, UnlockFault.NotHeld, null, before.Site));
            _state.Released = new Released(identity, call.Syntax, true, true, _state.Released);
            return false;
        }

        analysis.NoteLeft(section.Site!, call.Syntax);
        _state.Sections = _state.Sections!.Without(section);
        if (!certain || section.Uncertain)
        {
            // Whoever held it: to take it back claims nothing.
            if (!identity.IsZero) _state.Released = new Released(identity, call.Syntax, true, false, _state.Released);
            return false;
        }

        if (!identity.IsZero) _state.Released = new Released(identity, call.Syntax, section.Inherited, true, _state.Released);
        if (section.IsShared != contract.Shared)
            return analysis.Raise(new UnlockEvent(_state, call, contract, UnlockFault.WrongKind, section, null));
        bool told = IsForeign(section, restored) && analysis.Raise(new UnlockEvent(_state, call, contract, UnlockFault.ForeignFlags, section, SiteOfSaved(restored!.Value)));
        const SectionKind Switches = SectionKind.HardIrq | SectionKind.SoftIrq;
        SectionKind missing = section.Kind & ~contract.Kind & Switches, excess = contract.Kind & ~section.Kind & Switches;
        if (missing != 0)
            _state.Sections = section with { Kind = missing, Identity = Value.Zero, LeftOverBy = call.Syntax, Outer = _state.Sections };
        if (excess != 0) told |= SwitchOn(call, contract, section, excess);
        return told;
    }

    /// <summary>A release switches on more than the lock switched off: right if another section of the body, or a caller's, switched it off.</summary>
    private bool SwitchOn(CallSite call, LeaveContract contract, Section section, SectionKind excess)
    {
        for (Section? open = _state.Sections; open is not null; open = open.Outer)
        {
            if (open.Site is null || !open.Identity.IsZero || open.Kind != excess) continue;
            _state.Sections = _state.Sections!.Without(open);
            return false;
        }

        for (Released? released = _state.Released; released is not null; released = released.Before)
            if (released.WasCallers) return false;
        return !contract.Restores.IsPresent && analysis.Raise(new UnlockEvent(_state, call, contract, UnlockFault.WrongKind, section, null));
    }

    private bool IsForeign(Section section, Value? restored) =>
        restored is { } flags && !section.Saved.IsZero && flags != _state.Canonical(section.Saved) && (flags.IsConstant || SiteOfSaved(flags) is not null);

    private SyntaxNode? SiteOfSaved(Value flags) => flags.Offset == 0 && analysis.IsSaved(flags) ? Symbols.Of(flags).Item as SyntaxNode : null;

    /// <summary>
    /// The section that a call leaves: the same lock, best of the same kind; else a lock reached by the same path from memory that changed since;
    /// else, uncertain, one that may be the same.
    /// </summary>
    private Section? FindOpen(LeaveContract contract, Value identity, Value? restored, out bool certain)
    {
        certain = true;
        Section? best = null;
        int bestRank = 0;
        for (Section? section = _state.Sections; section is not null; section = section.Outer)
        {
            if (section.Site is null) continue;
            bool sameKind = section.Kind == contract.Kind && section.IsShared == contract.Shared;
            int rank = section.Identity == identity ? (identity.IsZero && section.Kind != contract.Kind ? 0 : sameKind ? 5 : 4)
                : identity.IsZero || section.Identity.IsZero ? 0
                : LockIdentity.AreSimilar(Symbols, section.Identity, identity) ? 3
                : sameKind && !LockIdentity.AreApart(_state, section.Identity, identity) ? 2 : 0;
            if (rank == 5 && restored is { } flags && !section.Saved.IsZero && _state.Canonical(section.Saved) == flags) rank = 6;
            if (rank <= bestRank) continue;
            (best, bestRank, certain) = (section, rank, rank > 2);
        }

        return best;
    }

    private Value Identity(CallSite call, OperandReference @lock) => @lock.Kind switch
    {
        OperandKind.Parameter => _state.CanonicalAddress(call.Arguments[@lock.Ordinal]),
        OperandKind.Receiver => _state.CanonicalAddress(call.Receiver),
        _ => Value.Zero,
    };
}

/// <summary>Which lock an address means.</summary>
internal static class LockIdentity
{
    /// <summary>Reached by the same path, of which a pointer may have been read anew: <c>queue-&gt;lock</c> before and after unknown code ran.</summary>
    internal static bool AreSimilar(SymbolTable symbols, Value a, Value b)
    {
        if (a == b) return true;
        SymbolData x = symbols.Of(a), y = symbols.Of(b);
        if (a.Offset != b.Offset || x.Kind != y.Kind || x.Kind is not (SymbolKind.Field or SymbolKind.Element or SymbolKind.Load)) return false;
        if (x.Kind != SymbolKind.Load && (x.Tag != y.Tag || !Equals(x.Item, y.Item))) return false;
        return AreSimilar(symbols, x.A, y.A) && (x.B == y.B || AreSimilar(symbols, x.B, y.B));
    }

    /// <summary>Surely two locks.</summary>
    internal static bool AreApart(FlowState state, Value a, Value b)
    {
        SymbolData x = state.Symbols.Of(a), y = state.Symbols.Of(b);
        if (x.Kind == SymbolKind.Field && y.Kind == SymbolKind.Field && !SymbolEqualityComparer.Default.Equals(x.Item as ISymbol, y.Item as ISymbol)) return true;
        if (x.Kind == SymbolKind.Element && y.Kind == SymbolKind.Element && x.A == y.A && x.B.IsConstant && y.B.IsConstant) return x.B != y.B;
        return state.Binary(Operator.Equal, a, b).IsZero;
    }
}
