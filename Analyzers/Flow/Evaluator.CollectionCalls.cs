// What goes into the collections of a body and comes out of them. Items lie in the order in which they come out, except those of a stack; whatever is
// taken out of the midst moves those behind it.
//
//   all.Add(p), queue.Enqueue(p)      Item(all, count) = p, one more
//   queue.Dequeue()                   Item(queue, 0), the others move up
//   all.RemoveAt(1), map.Remove(7)    what was there may have been the last pointer

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class Evaluator
{
    /// <summary>Calls on collections and their enumerators whose outcome is known. Others are unknown code.</summary>
    private bool TryCollection(IInvocationOperation invocation, out Value value)
    {
        value = default;
        IMethodSymbol method = invocation.TargetMethod;
        if (invocation.Instance is not { } instance) return false;
        if (method is { Name: "GetEnumerator" or "MoveNext", Parameters.IsEmpty: true } && CallEffects.IsBcl(method)) return TryEnumerate(invocation, instance, out value);
        // The end of a loop over an array asks whether the enumerator is to be disposed.
        if (invocation.IsImplicit && method is { Name: "Dispose", ContainingType: { TypeKind: TypeKind.Interface, SpecialType: SpecialType.System_IDisposable } }) return TryEnumerate(invocation, instance, out value);
        if (!IsCollection(instance.Type) || method.Name == "ForEach") return false;
        var call = new CallSite(invocation, method, instance);
        EvalReceiver(call, instance);
        EvalArguments(call, invocation.Arguments);
        if (_dead) return true;
        value = ApplyToCollection(call);
        return true;
    }

    /// <summary>Does what the call does where it is known what is in the collection; else whoever calls this body may know.</summary>
    private Value ApplyToCollection(CallSite call)
    {
        Value value = Value.Zero;
        bool isKnown = TryCount(call.Receiver, out long count)
            && (IsDictionary(call.Method.ContainingType) ? TryEntry(call, out value) : (PartsIn(call) is null || MovesOne(call.Method)) && TryItems(call, count, out value));
        return isKnown ? value : ApplyOpen(call, []);
    }

    /// <summary>The struct that each item of the collection is; null if items are single values.</summary>
    private static ITypeSymbol? PartsIn(CallSite call) => HeldBy(call.Method.ContainingType) is { } held && !TypeShapes.IsScalar(held) ? held : null;

    private static bool MovesOne(IMethodSymbol method) =>
        method.Name is "Add" or "Push" or "Enqueue" or "Pop" or "TryPop" or "Dequeue" or "TryDequeue" or "Peek" or "TryPeek" or "EnsureCapacity" or "TrimExcess";

    private bool TryItems(CallSite call, long count, out Value value)
    {
        value = default;
        long at = call.Arguments.Length > 0 && _state.Canonical(call.Arguments[0]) is { IsConstant: true } index ? index.Offset : -1;
        switch (call.Method.Name)
        {
            case "Add" when call.Method.ContainingType.Name == "HashSet":
                // One that is there already is not put there again.
                for (int i = 0; i < count; i++)
                    if (!_state.Binary(Operator.Equal, _state.Load(ItemOf(call.Receiver, Value.Constant(i))), _state.Canonical(call.Arguments[0])).IsZero) return false;
                value = Value.One;
                PutItem(call, count, count, call.Arguments[0]);
                return true;
            case "Add" or "Push" or "Enqueue":
                PutItem(call, count, count, call.Arguments[0]);
                return true;
            // The node that it returns leads to the item.
            case "AddFirst" or "AddLast" when call.Arguments.Length == 1 && TypeShapes.IsPointer(call.Method.Parameters[0].Type) && call.Operation.Parent is IExpressionStatementOperation:
                PutItem(call, call.Method.Name == "AddFirst" ? 0 : count, count, call.Arguments[0]);
                return true;
            case "Insert" when at >= 0 && at <= count:
                PutItem(call, at, count, call.Arguments[1]);
                return true;
            case "RemoveAt" when at >= 0 && at < count:
                CheckRemoved(call, TakeItem(call, at, count));
                return true;
            case "RemoveFirst" or "RemoveLast" when count > 0:
                CheckRemoved(call, TakeItem(call, call.Method.Name == "RemoveFirst" ? 0 : count - 1, count));
                return true;
            case "Pop" or "TryPop" or "Dequeue" or "TryDequeue" when count > 0:
                value = Given(call, TakeItem(call, call.Method.Name.EndsWith("Pop", StringComparison.Ordinal) ? count - 1 : 0, count));
                return true;
            case "Peek" or "TryPeek" when count > 0 && call.Method.ContainingType.Name != "ConcurrentBag":
                value = Given(call, Item(call, call.Method.ContainingType.Name.EndsWith("Stack", StringComparison.Ordinal) ? count - 1 : 0));
                return true;
            case "TryPop" or "TryDequeue" or "TryPeek" when count == 0:
                if (PartsIn(call) is { } parts) BeginZero(call.Arguments[0], parts);
                else _state.Store(call.Arguments[0], Value.Zero);
                return true;
            case "Remove" when call.Method.ReturnType.SpecialType == SpecialType.System_Boolean:
                for (int i = 0; i < count; i++)
                {
                    Value same = _state.Binary(Operator.Equal, _state.Load(ItemOf(call.Receiver, Value.Constant(i))), _state.Canonical(call.Arguments[0]));
                    if (same.IsZero) continue;
                    if (same == Value.One) TakeItem(call, i, count);
                    value = same;
                    return same == Value.One;
                }

                return true;
            case "Contains" or "IndexOf" or "EnsureCapacity" or "TrimExcess":
                value = Unknown(call.Operation);
                return true;
            case "Clear":
                var removed = new List<Value>();
                while (count > 0) removed.Add(TakeItem(call, --count, count + 1));
                foreach (Value item in removed) CheckRemoved(call, item);
                return true;
            default:
                return false;
        }
    }

    private bool TryEntry(CallSite call, out Value value)
    {
        value = default;
        if (call.Arguments.Length == 0 || KeyOf(call.Arguments[0]) is not { IsConstant: true } key) return false;
        Value place = ItemOf(call.Receiver, key);
        bool isThere = _state.TryPeek(place, out Value item);
        value = isThere ? Value.One : Value.Zero;
        switch (call.Method.Name)
        {
            case "Add" when !isThere:
                PutItem(place, call.Arguments[1]);
                return true;
            case "TryAdd":
                value = isThere ? Value.Zero : Value.One;
                if (!isThere) PutItem(place, call.Arguments[1]);
                return true;
            case "ContainsKey":
                return true;
            case "TryGetValue":
                _state.Store(call.Arguments[1], item);
                return true;
            case "Remove":
                _state.Clear(place);
                if (call.Arguments.Length > 1) _state.Store(call.Arguments[1], item);
                else CheckRemoved(call, item);
                return true;
            default:
                return false;
        }
    }

    /// <summary>Who has the collection may free what is in it.</summary>
    private void PutItem(Value item, Value pointer)
    {
        if (ReachesOutside(item)) Escape(pointer);
        _state.Store(item, pointer);
    }

    private void PutItem(CallSite call, long at, long count, Value pointer)
    {
        for (long i = count; i > at; i--) MoveItem(call, i - 1, i);
        Value place = ItemOf(call.Receiver, Value.Constant(at));
        if (PartsIn(call) is { } parts) StoreStruct(place, pointer, parts);
        else PutItem(place, pointer);
        _state.Store(CountSlot(call.Receiver), Value.Constant(count + 1));
    }

    private Value TakeItem(CallSite call, long at, long count)
    {
        Value taken = Item(call, at);
        for (long i = at; i < count - 1; i++) MoveItem(call, i + 1, i);
        _state.Clear(ItemOf(call.Receiver, Value.Constant(count - 1)));
        _state.Store(CountSlot(call.Receiver), Value.Constant(count - 1));
        return taken;
    }

    private void MoveItem(CallSite call, long from, long to)
    {
        Value source = ItemOf(call.Receiver, Value.Constant(from)), target = ItemOf(call.Receiver, Value.Constant(to));
        SetItem(call, target, PartsIn(call) is null ? _state.Load(source) : source);
    }

    /// <summary>Puts a single value, or the parts of a struct, where the call puts one.</summary>
    private void SetItem(CallSite call, Value place, Value item)
    {
        if (PartsIn(call) is { } parts) CopyStruct(place, item, parts);
        else _state.Store(place, item);
    }

    /// <summary>The item itself, or a copy of its parts.</summary>
    private Value Item(CallSite call, long at)
    {
        Value place = ItemOf(call.Receiver, Value.Constant(at));
        return PartsIn(call) is { } parts ? CopyOf(place, parts, call.Operation) : _state.Load(place);
    }

    /// <summary>What the call returns, or writes to where it is told to.</summary>
    private Value Given(CallSite call, Value item)
    {
        if (call.Arguments.Length == 0) return item;
        SetItem(call, call.Arguments[0], item);
        return Value.One;
    }

    private void CheckRemoved(CallSite call, Value item) => analysis.CheckLost(_state, item, CodePlace.Of(call.Syntax), LossKind.Removed, null);
}
