// Applies a summary: performs the primitives of one outcome again on the caller's state. The callee's symbols are mapped to the caller's as they
// come: a parameter is what was passed, a read is what memory holds here, an allocation is one of this call, a value that the callee could not
// know is unknown here too.

using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class Evaluator
{
    private Value ApplySummary(CallSite call, Summary summary)
    {
        int count = summary.Outcomes.Count, ways = summary.IsPartial ? count + 1 : count;
        if (ways == 0)
        {
            _dead = true;
            return Value.Zero;
        }

        PassFreed(call, null);
        PassSpans(call);
        PassStructs(call);
        int way = ways == 1 ? 0 : _choices.Next(ways);
        if (way == count) return ApplyUnknown(call);
        List<Value>? outer = _overwritten;
        List<Value> overwritten = _overwritten = [];
        Outcome outcome = summary.Outcomes[way];
        analysis.Work(outcome.Log.Count);
        using SymbolMap mapped = SymbolMap.Take();
        Value result = new Replay(this, call, summary.Symbols, mapped).Run(outcome);
        _overwritten = outer;
        if (_dead) return Value.Zero;
        if (outer is not null) outer.AddRange(overwritten);
        else CheckOverwritten(call, overwritten, result);
        return result;
    }

    /// <summary>To the callee a struct of a type that it does not know is one value, which nothing changes that it does.</summary>
    private void PassStructs(CallSite call)
    {
        for (int i = 0; i < call.Arguments.Length; i++)
        {
            ITypeSymbol type = call.Method.Parameters[i].Type;
            if (call.Method.OriginalDefinition.Parameters[i] is not { RefKind: RefKind.None, Type: ITypeParameterSymbol } || TypeShapes.IsScalar(type)) continue;
            call.Arguments[i] = CopyTo(Symbols.Make(SymbolKind.Stack, tag: Tag(call, ~i), item: call.Syntax), call.Arguments[i], type);
        }
    }

    /// <summary>The call may have overwritten the last pointer to memory; what it returns is one too.</summary>
    private void CheckOverwritten(CallSite call, List<Value> overwritten, Value result)
    {
        if (overwritten.Count == 0) return;
        Value held = Symbols.Make(SymbolKind.Capture, tag: int.MinValue);
        _state.Store(held, result);
        foreach (Value old in overwritten) analysis.CheckLost(_state, old, CodePlace.Of(call.Syntax), LossKind.Overwritten, null);
        _state.Clear(held);
    }

    private sealed class Replay(Evaluator evaluator, CallSite call, SymbolTable from, SymbolMap mapped)
    {
        private FlowState State => evaluator._state;

        private SymbolTable Symbols => evaluator.Symbols;

        internal Value Run(Outcome outcome)
        {
            ITypeSymbol type = TypeShapes.ResultOf(call.Method);
            bool isStruct = !call.Method.ReturnsVoid && call.Method.RefKind == RefKind.None && call.Method.MethodKind != MethodKind.Constructor && !TypeShapes.IsScalar(type);
            Value region = isStruct ? evaluator.FreshRegion(call.Operation) : Value.Zero;
            bool isOwn = isStruct && from.KindOf(outcome.Result) is SymbolKind.Local or SymbolKind.Stack && from.Of(outcome.Result).Item is not IParameterSymbol;
            if (isOwn) mapped[outcome.Result.Symbol] = region;
            foreach (Primitive primitive in outcome.Log)
            {
                evaluator.Analysis.IsMuted = primitive.Told;
                Perform(primitive);
                evaluator.Analysis.IsMuted = false;
                if (evaluator._dead) return Value.Zero;
            }

            if (call.Method.ReturnsVoid || call.Method.MethodKind == MethodKind.Constructor) return Value.Zero;
            if (isOwn) return region;
            Value result = Map(outcome.Result);
            if (isStruct && result.IsConstant) evaluator.BeginZero(region, type);
            else if (isStruct) evaluator.CopyStruct(region, result, type);
            return isStruct ? region : result;
        }

        private void Perform(Primitive primitive)
        {
            switch (primitive.Kind)
            {
                case PrimitiveKind.Load:
                    mapped[primitive.B.Symbol] = Read(primitive.B.Symbol, Map(primitive.A));
                    break;
                case PrimitiveKind.Store:
                    evaluator._isCalleesField = from.KindOf(primitive.A) is SymbolKind.Field or SymbolKind.Static;
                    if (Map(primitive.A) is { IsConstant: false } target) Write(target, Map(primitive.B), TypeShapes.Given(primitive.Type, call.Method));
                    evaluator._isCalleesField = false;
                    break;
                case PrimitiveKind.Copy:
                    if (Map(primitive.A) is { IsConstant: false } copy) evaluator.StoreStruct(copy, Map(primitive.B), primitive.Type, primitive.Flag);
                    break;
                case PrimitiveKind.Forget:
                    State.Forget(Map(primitive.A));
                    break;
                case PrimitiveKind.Havoc:
                    State.Havoc(evaluator.Analysis.IsImmutable);
                    State.Released = Released.AfterUnknownCode(State.Released);
                    if (primitive.Flag) evaluator.LoseSections();
                    break;
                case PrimitiveKind.Assume:
                    evaluator._dead |= !State.Decide(Map(primitive.A), primitive.Flag);
                    break;
                case PrimitiveKind.Allocate:
                    mapped[primitive.A.Symbol] = evaluator.Allocate(
                        call.Through(primitive.Site!), (AllocationContract)primitive.Contract!, 8191 * primitive.A.Symbol, Map(primitive.Size), Map(primitive.Order), Map(primitive.Cache), Map(primitive.Flags));
                    break;
                case PrimitiveKind.Sleep:
                    evaluator.Sleep(call.Through(primitive.Site!), primitive.Promises!, (SleepContract)primitive.Contract!, Map(primitive.A));
                    break;
                case PrimitiveKind.Escape when primitive.Flag:
                    evaluator.GiveAway(Map(primitive.A));
                    break;
                case PrimitiveKind.Escape:
                    evaluator.Escape(Map(primitive.A));
                    break;
                case PrimitiveKind.Zero:
                    Value zeroed = State.CanonicalAddress(Map(primitive.A));
                    if (zeroed.IsConstant) break;
                    if (primitive.Flag) State.Fill(zeroed, isNoted: true);
                    else if (primitive.Type is { IsValueType: true } type) ZeroStruct(zeroed, type);
                    else if (primitive.Size is { } length) evaluator.ZeroBytes(zeroed, Map(length), null, call.Operation);
                    else if (Symbols.KindOf(zeroed) is SymbolKind.New || (primitive.Type is null && Symbols.KindOf(zeroed) == SymbolKind.Allocation)) State.SetZeroed(zeroed.Symbol, primitive.Type);
                    break;
                case PrimitiveKind.Share:
                    evaluator.Share(Map(primitive.A));
                    break;
                case PrimitiveKind.Touch:
                    Touch(primitive);
                    break;
                case PrimitiveKind.Call:
                    Value[] arguments = [.. primitive.Arguments.Select(argument => Map(argument))];
                    CallSite inner = call.Through(primitive.Site!, primitive.B.Symbol);
                    mapped[primitive.B.Symbol] = primitive.Contract is DeferredCall deferred
                        ? evaluator.ApplyDeferred(inner, deferred, Map(primitive.A), arguments)
                        : evaluator.CallValue(inner, primitive.Site!.Innermost.Method, Map(primitive.A), arguments);
                    break;
                case PrimitiveKind.Free:
                    var free = (FreeContract)primitive.Contract!;
                    free = free with { Target = NameOf(free.Target, primitive.A), Order = NameOf(free.Order, primitive.Order), Cache = NameOf(free.Cache, primitive.Cache) };
                    evaluator._isCalleesField = from.KindOf(primitive.A) is SymbolKind.Load or SymbolKind.View;
                    evaluator.Free(call.Through(primitive.Site!), free, Map(primitive.A), Map(primitive.Order), Map(primitive.Cache));
                    evaluator._isCalleesField = false;
                    break;
                case PrimitiveKind.Enter:
                    var enter = (EnterContract)primitive.Contract!;
                    enter = enter with { Lock = NameOf(enter.Lock, primitive.A), Saves = OperandReference.None };
                    evaluator.AssumeUsable(Map(primitive.A));
                    evaluator.Enter(call.Through(primitive.Site!), enter, State.CanonicalAddress(Map(primitive.A)), Map(primitive.B), primitive.Told);
                    break;
                case PrimitiveKind.Leave:
                    var leave = (LeaveContract)primitive.Contract!;
                    evaluator.AssumeUsable(Map(primitive.A));
                    leave = leave with { Lock = NameOf(leave.Lock, primitive.A), Restores = NameOf(leave.Restores, primitive.B) };
                    evaluator.Leave(call.Through(primitive.Site!), leave, State.CanonicalAddress(Map(primitive.A)), leave.Restores.IsPresent ? Map(primitive.B) : null);
                    break;
            }
        }

        /// <summary>What memory holds, as the callee read it. Of a type that it does not know that may be a struct, which the caller may change afterwards.</summary>
        private Value Read(int symbol, Value address)
        {
            SymbolData loaded = from[symbol];
            if (TypeShapes.Given(loaded.Item as ITypeSymbol, call.Method) is not { } type) return evaluator.LoadAt(address, loaded.Low, loaded.High);
            return TypeShapes.IsScalar(type) ? evaluator.LoadAt(address, type) : CopyOf(symbol, address, type);
        }

        private void Write(Value target, Value value, ITypeSymbol? type)
        {
            if (TypeShapes.IsScalar(type)) evaluator.StoreValue(target, value, call.Operation, type);
            else if (value.IsConstant) evaluator.AssignZero(target, type!, call.Operation);
            else evaluator.StoreStruct(target, value, type);
        }

        private Value CopyOf(int symbol, Value source, ITypeSymbol type) => evaluator.CopyTo(Fresh(SymbolKind.Stack, symbol), source, type);

        private void ZeroStruct(Value place, ITypeSymbol type)
        {
            if (evaluator.Analysis.Parts.AreAll(type))
            {
                evaluator.ClearStruct(place, type);
                return;
            }

            State.BeginStruct(place, type);
            State.ZeroStruct(place, type);
        }

        private void Touch(Primitive primitive)
        {
            Value address = Map(primitive.A);
            SyntaxNode place = (from.Of(primitive.A).Item is IParameterSymbol parameter ? call.ArgumentSyntax[parameter.Ordinal]?.Syntax : null) ?? call.Syntax;
            evaluator.AssumeUsable(address);
            if (State.TryGetFreed(address, out Allocation freed)) evaluator.Use(freed, UseKind.Pass, place);
            else if (State.IsFirstTouch(address)) State.NoteTouch(address, call.Through(primitive.Site!).Chain);
        }

        /// <summary>How this call names an operand of the primitive: by its own parameter, or as something that has no name here.</summary>
        private OperandReference NameOf(OperandReference operand, Value? value)
        {
            if (!operand.IsPresent || value is not { } known) return operand;
            if (known.IsConstant) return new OperandReference(OperandKind.Number, known.Offset);
            if (known.Offset != 0) return new OperandReference(OperandKind.Number);
            return from.Of(known) switch
            {
                { Kind: SymbolKind.Argument, Item: IParameterSymbol parameter } => OperandReference.Parameter(parameter.Ordinal),
                { Kind: SymbolKind.This } => OperandReference.Receiver,
                _ => new OperandReference(OperandKind.Number),
            };
        }

        private Value? Map(Value? value) => value is { } known ? Map(known) : null;

        private Value Map(Value value)
        {
            if (value.IsConstant) return value;
            if (!mapped.TryGetValue(value.Symbol, out Value here)) mapped[value.Symbol] = here = MapSymbol(value.Symbol, from.Of(value));
            return State.Canonical(here.Plus(value.Offset));
        }

        private Value MapSymbol(int symbol, SymbolData data)
        {
            switch (data.Kind)
            {
                case SymbolKind.Argument when data.Item is IParameterSymbol parameter && parameter.Ordinal < call.Arguments.Length:
                    return call.Arguments[parameter.Ordinal];
                case SymbolKind.This:
                    return call.Receiver;
                case SymbolKind.Local when data.Item is IParameterSymbol parameter && parameter.Ordinal < call.Arguments.Length && !TypeShapes.IsScalar(parameter.Type):
                    Value snapshot = CopyOf(symbol, call.Arguments[parameter.Ordinal], parameter.Type);
                    // The callee may have written there, which its log does not say.
                    State.Scribble(snapshot.Symbol);
                    return snapshot;
                case SymbolKind.Captured when Symbols.KindOf(call.Receiver) == SymbolKind.New && call.Method.MethodKind == MethodKind.AnonymousFunction:
                    return Symbols.Field(call.Receiver, (ISymbol)data.Item!);
                case SymbolKind.Static:
                    return Symbols.Make(SymbolKind.Static, item: data.Item);
                case SymbolKind.Load:
                    return Read(symbol, Map(data.A));
                case SymbolKind.Field:
                    return Symbols.Field(State.CanonicalAddress(Map(data.A)), (ISymbol)data.Item!);
                case SymbolKind.Element:
                    return Element(data);
                case SymbolKind.Binary:
                    return State.Binary((Operator)data.Tag, Map(data.A), Map(data.B));
                case SymbolKind.Unknown when data.Item is IQuestion:
                    return evaluator.AskAgain(data, Map(data.A), Map(data.B), call.Method);
                case SymbolKind.View:
                    Value of = Map(data.A);
                    return of.IsZero ? of : Symbols.Make(SymbolKind.View, of, item: data.Item);
                case SymbolKind.Function when data.Item is FunctionValue function:
                    return Symbols.Make(SymbolKind.Function, Map(data.A), item: function.Lambda is null ? function : new FunctionValue(function.Method, null, []));
                case SymbolKind.New:
                    if (data.Item is not SyntaxNode) return Symbols.Make(SymbolKind.New, tag: data.Tag, item: data.Item);
                    Value made = Fresh(SymbolKind.New, symbol);
                    if (from.ClassOf(new Value(symbol, 0)) is { } type) Symbols.SetClass(made, type);
                    return made;
                case SymbolKind.Stack or SymbolKind.Local or SymbolKind.Capture:
                    return Fresh(SymbolKind.Stack, symbol);
                default:
                    return Symbols.Unknown(call.Syntax, Tag(symbol), data.Low, data.High);
            }
        }

        /// <summary>An index that is known here makes the offset exact.</summary>
        private Value Element(SymbolData data)
        {
            Value container = Map(data.A), index = Map(data.B);
            if (!data.B.IsConstant && data.Tag is 0 or -1) evaluator.NoteWalk(container, null, data.Item as ITypeSymbol);
            if (index.IsConstant && data.Tag is 0 or -1 && data.Item is ITypeSymbol type) return evaluator.Advance(container, index, type, data.Tag == -1);
            return Symbols.Make(SymbolKind.Element, State.CanonicalAddress(container), index, data.Tag, data.Item);
        }

        private Value Fresh(SymbolKind kind, int symbol) => Symbols.Make(kind, tag: Tag(symbol), item: call.Syntax);

        private int Tag(int symbol) => evaluator.Tag(call, unchecked(0x5bd1e995 * symbol));
    }
}
