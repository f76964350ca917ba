// Calls of .NET that are known by what they do to a value: they change its type, or read and write a variable as an assignment does.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class Evaluator
{
    /// <summary>BCL calls that only change the type of a pointer.</summary>
    private bool TryIdentity(IInvocationOperation invocation, out Value value)
    {
        value = default;
        IMethodSymbol method = invocation.TargetMethod;
        INamedTypeSymbol type = method.ContainingType;
        if (type?.SpecialType is SpecialType.System_IntPtr or SpecialType.System_UIntPtr)
        {
            switch (method.Name)
            {
                case "ToPointer" or "ToInt64" or "ToInt32" or "ToUInt64" or "ToUInt32" when invocation.Instance is not null:
                    value = Eval(invocation.Instance);
                    return true;
                case "Add" or "Subtract" when invocation.Arguments.Length == 2:
                    Value pointer = Eval(invocation.Arguments[0].Value), offset = Eval(invocation.Arguments[1].Value);
                    value = _state.Binary(method.Name == "Add" ? Operator.Add : Operator.Subtract, _state.Canonical(pointer), _state.Canonical(offset));
                    return true;
            }
        }

        if (method.Name == "HasFlag" && type?.SpecialType == SpecialType.System_Enum && invocation is { Instance: { } flags, Arguments.Length: 1 })
        {
            Value all = Eval(Unboxed(flags)), asked = _state.Canonical(Eval(Unboxed(invocation.Arguments[0].Value)));
            value = _state.Binary(Operator.Equal, _state.Binary(Operator.And, _state.Canonical(all), asked), asked);
            return true;
        }

        if (method is { Name: "Add" or "Subtract", RefKind: RefKind.Ref, TypeArguments: [var element] } && type is { Name: "Unsafe", ContainingNamespace.Name: "CompilerServices" })
        {
            Value start = Address(invocation.Arguments[0].Value), index = Eval(invocation.Arguments[1].Value);
            NoteWalk(start, invocation.Arguments[1].Value, element);
            value = Advance(start, index, element, method.Name == "Subtract");
            return true;
        }

        if (type is { Name: "Unsafe", ContainingNamespace.Name: "CompilerServices" } && invocation.Arguments.Length == 1)
        {
            IOperation argument = invocation.Arguments[0].Value;
            switch (method.Name)
            {
                case "AsPointer":
                    value = Address(argument);
                    return true;
                case "AsRef" or "As":
                    value = method.Parameters[0].RefKind == RefKind.None ? Eval(argument) : Address(argument);
                    return true;
            }
        }

        if (method is { Name: "GetReference", RefKind: RefKind.Ref or RefKind.RefReadOnly } && type is { Name: "MemoryMarshal", ContainingNamespace.Name: "InteropServices" })
        {
            value = Eval(invocation.Arguments[0].Value);
            if (!_dead) value = _state.Load(SpanSlot(value));
            return true;
        }

        if (method.Name is "GetArrayDataReference" or "UnsafeAddrOfPinnedArrayElement" && type is { Name: "MemoryMarshal" or "Marshal", ContainingNamespace.Name: "InteropServices" })
        {
            value = Pinned(invocation.Arguments[0].Value);
            if (invocation.Arguments.Length > 1) value = Advance(value, Eval(invocation.Arguments[1].Value), ElementTypeOf(invocation.Arguments[0].Value.Type));
            return true;
        }

        if (type is { Name: "Linux", ContainingNamespace: { Name: "KAlloc", ContainingNamespace.IsGlobalNamespace: true } } && (TryErrorPointer(invocation, out value) || TryOrder(invocation, out value) || TryContext(invocation, out value))) return true;
        if (type is { Name: "Volatile" or "Interlocked", ContainingNamespace.Name: "Threading" }) return TryExchange(invocation, out value) || TryCompareExchange(invocation, out value);
        if (method.Name != "<Clone>$" || invocation.Instance is not { Type: INamedTypeSymbol { IsRecord: true } record }) return false;
        Value original = Eval(invocation.Instance);
        value = FreshObject(invocation);
        Symbols.SetClass(value, Symbols.ClassOf(_state.Canonical(original)) ?? record);
        _state.CopyStruct(value, _state.Canonical(original), null);
        return true;
    }

    /// <summary>The order of a size that is written as a number.</summary>
    private bool TryOrder(IInvocationOperation invocation, out Value value)
    {
        value = default;
        if (invocation is not { TargetMethod: { Name: "get_order", ContainingType: var linux }, Arguments: [{ Value: var size }] }) return false;
        while (size is IConversionOperation conversion) size = conversion.Operand;
        if (!TypeShapes.TryNumber(size.ConstantValue.HasValue ? size.ConstantValue.Value : null, out long bytes) || bytes <= 0 || linux.GetMembers("PAGE_SHIFT") is not [IFieldSymbol { ConstantValue: int shift }]) return false;
        int order = 0;
        while ((1L << (shift + order)) < bytes) order++;
        value = Value.Constant(order);
        return true;
    }

    /// <summary>Error numbers as pointers: the last page of the address space, where no memory lies; and who gave memory, where both may have.</summary>
    private bool TryErrorPointer(IInvocationOperation invocation, out Value value)
    {
        const int MaximalError = 4095;
        value = default;
        if (invocation.TargetMethod.Name is not ("ERR_PTR" or "PTR_ERR" or "IS_ERR" or "is_vmalloc_addr") || invocation.Arguments.Length != 1) return false;
        value = _state.Canonical(Eval(invocation.Arguments[0].Value));
        if (_dead || invocation.TargetMethod.Name is not ("IS_ERR" or "is_vmalloc_addr")) return true;
        if (invocation.TargetMethod.Name == "is_vmalloc_addr")
        {
            value = IsOfFamily(value, "vmalloc");
            return true;
        }

        // Memory that was allocated is never among them, also where the allocation may have failed.
        value = Symbols.AllocationOf(value) != 0 ? Value.Zero
            : And(Not(_state.Binary(Operator.Less, value, Value.Constant(-MaximalError))), _state.Binary(Operator.Less, value, Value.Zero));
        return true;
    }

    private static IOperation Unboxed(IOperation value) => value is IConversionOperation { OperatorMethod: null, Operand.Type.IsValueType: true } boxing ? boxing.Operand : value;

    /// <summary>Reads and writes of one variable, which other threads see as a whole.</summary>
    private bool TryExchange(IInvocationOperation invocation, out Value value)
    {
        value = default;
        string name = invocation.TargetMethod.Name;
        int count = invocation.Arguments.Length;
        if (!(name == "Read" && count == 1) && !(name is "Write" or "Exchange" && count == 2) || !TypeShapes.IsScalar(invocation.TargetMethod.Parameters[0].Type)) return false;
        IOperation variable = invocation.Arguments[0].Value;
        Value place = Address(variable), given = count == 2 ? Eval(invocation.Arguments[1].Value) : Value.Zero;
        if (_dead) return true;
        Touch(place, variable);
        // Another thread may have written since the last read: that is what the call is for.
        if (name == "Read" && IsShared(place)) value = Unknown(invocation);
        else if (name != "Write") value = LoadAt(place, variable.Type);
        if (count == 2) Exchange(place, value, given, invocation);
        return true;
    }

    /// <summary>What was there goes to whoever asked for it.</summary>
    private void Exchange(Value place, Value old, Value given, IOperation site)
    {
        Value held = Symbols.Make(SymbolKind.Capture, tag: int.MinValue + 1);
        _state.Store(held, old);
        StoreValue(place, given, site);
        _state.Clear(held);
    }

    /// <summary>
    /// The variable changes if it holds what is expected. If it does not, whoever wanted to put memory there still has it. What a thread read or wrote before,
    /// another one may have changed.
    /// </summary>
    private bool TryCompareExchange(IInvocationOperation invocation, out Value value)
    {
        value = default;
        IMethodSymbol method = invocation.TargetMethod;
        if (method is not { Name: "CompareExchange", Parameters: [{ Type: var type }, _, _] } || !TypeShapes.IsScalar(type) || IsFloating(type)) return false;
        var call = new CallSite(invocation, method, null);
        EvalArguments(call, invocation.Arguments);
        if (_dead) return true;
        if (invocation.Parent is IExpressionStatementOperation && Symbols.KindOf(_state.Canonical(call.Arguments[1])) is not (SymbolKind.Allocation or SymbolKind.Argument))
        {
            // Nobody asks what happened, and no memory is lost by it.
            value = Apply(call);
            return true;
        }

        Value place = call.Arguments[0], expected = _state.Canonical(call.Arguments[2]);
        Touch(place, call.ArgumentSyntax[0] ?? invocation);
        value = LoadAt(place, type);
        Value same = _state.Binary(Operator.Equal, _state.Canonical(value), expected);
        bool isShared = IsShared(place), isSame = same.IsConstant && !isShared ? !same.IsZero : _choices.Next(2) == 0;
        if (same.IsConstant && same.IsZero == isSame)
        {
            _state.Forget(place);
            value = LoadAt(place, type);
            same = _state.Binary(Operator.Equal, _state.Canonical(value), expected);
        }

        if (!_state.Decide(same, isSame)) _dead = true;
        if (_dead || !isSame) return true;
        if (isShared) Escape(call.Arguments[1]);
        Exchange(place, value = expected, call.Arguments[1], invocation);
        return true;
    }

    private bool IsShared(Value place)
    {
        int root = Symbols.Root(_state.CanonicalAddress(place));
        return !Symbols.IsPrivate(root) || _state.IsExposed(root);
    }
}
