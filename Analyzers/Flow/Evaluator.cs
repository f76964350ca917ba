// Evaluates operations on a state. Eval gives the value of an expression, Address the place of an lvalue; both perform the side effects in
// C#'s order. A struct's "value" is its address: assignment copies what is known of its fields.
//
// Unknown operation kinds evaluate their children and give an unknown value: new language features cost precision, never a crash.

using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.FlowAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class Evaluator(FlowAnalysis analysis)
{
    private Choices _choices = null!;
    private FlowState _state = null!;
    private GraphRunner _runner = null!;
    private bool _dead;
    private int _callPath;

    /// <summary>What is performed again is between a callee and fields that the callee names itself.</summary>
    private bool _isCalleesField;

    /// <summary>While a summary is applied: pointers that it has overwritten.</summary>
    private List<Value>? _overwritten;

    private FlowAnalysis Analysis => analysis;

    private SymbolTable Symbols => analysis.Symbols;

    /// <summary>Evaluates a statement or branch value on a fork of the state, once per way it can turn out.</summary>
    internal void Run(GraphRunner runner, IOperation operation, FlowState entry, List<(FlowState State, Value Value)> outcomes, Choices choices, bool isReference = false)
    {
        (FlowState outerState, GraphRunner outerRunner, bool outerDead, Choices outerChoices) = (_state, _runner, _dead, _choices);
        _runner = runner;
        _choices = choices;
        int before = outcomes.Count;
        do
        {
            analysis.Work(1 + (entry.Cells.Count / 10));
            _state = entry.Fork();
            _dead = false;
            Value value = isReference ? Address(operation) : Eval(operation);
            if (!_dead) outcomes.Add((_state, value));
        }
        while (!analysis.GaveUp && _choices.Advance(outcomes.Count - before));
        (_state, _runner, _dead, _choices) = (outerState, outerRunner, outerDead, outerChoices);
    }

    /// <summary>Evaluates, on the state itself, what can turn out in one way only; false if the path ends there.</summary>
    internal bool RunStraight(GraphRunner runner, IOperation operation, FlowState state, out Value value, bool isReference = false)
    {
        (FlowState outerState, GraphRunner outerRunner, bool outerDead) = (_state, _runner, _dead);
        analysis.Work(1);
        (_state, _runner, _dead) = (state, runner, false);
        value = isReference ? Address(operation) : Eval(operation);
        bool isAlive = !_dead;
        (_state, _runner, _dead) = (outerState, outerRunner, outerDead);
        return isAlive;
    }

    private Value Unknown(IOperation operation, int tag = 0)
    {
        (long low, long high) = TypeShapes.RangeOf(operation.Type);
        return UnknownOf(operation.Syntax, tag, low, high);
    }

    private Value UnknownOf(object site, int tag = 0, long low = long.MinValue, long high = long.MaxValue) =>
        Symbols.Unknown(site, unchecked((((_callPath * 31) + _state.Turn) * 64) + tag), low, high);

    internal Value Eval(IOperation? operation)
    {
        if (operation is null || _dead) return Value.Zero;
        RuntimeHelpers.EnsureSufficientExecutionStack();
        if (operation.ConstantValue is { HasValue: true } constant)
        {
            if (constant.Value is null && IsFollowed(operation.Type)) return NullableOf(operation, Value.Zero, false);
            if (TypeShapes.TryNumber(constant.Value, out long number)) return Value.Constant(number);
            return Symbols.Make(SymbolKind.New, item: constant.Value);
        }

        switch (operation)
        {
            case IExpressionStatementOperation statement: return EvalStatement(statement);
            case IParenthesizedOperation parenthesized: return Eval(parenthesized.Operand);
            case ILocalReferenceOperation or IParameterReferenceOperation or IFieldReferenceOperation or IArrayElementReferenceOperation
                or IInlineArrayAccessOperation: return LoadFrom(operation);
            case ICollectionExpressionOperation collection: return EvalCollection(collection);
            case IImplicitIndexerReferenceOperation indexer when IsSpan(indexer.Type): return SpanAt(Eval(indexer.Instance), UnknownOf(indexer.Argument.Syntax, 1), indexer);
            case IPropertyReferenceOperation { Property.RefKind: not RefKind.None } property: return LoadThrough(ReferenceOf(property), property);
            case IPropertyReferenceOperation property: return EvalProperty(property);
            case IInstanceReferenceOperation: return This(operation);
            case IConversionOperation conversion: return EvalConversion(conversion);
            case ISimpleAssignmentOperation assignment: return EvalAssignment(assignment);
            case ICompoundAssignmentOperation compound: return EvalCompound(compound);
            case IIncrementOrDecrementOperation increment: return EvalIncrement(increment);
            case IBinaryOperation binary: return EvalBinary(binary);
            case ITupleBinaryOperation binary: return EvalTupleBinary(binary);
            case ITypeOfOperation typeOf: return TypeOf(typeOf.TypeOperand);
            case IUnaryOperation unary: return EvalUnary(unary);
            case IIsNullOperation isNull: return IsNull(isNull.Operand);
            case IIsPatternOperation isPattern: return EvalPattern(Eval(isPattern.Value), isPattern.Pattern, isPattern);
            case IIsTypeOperation isType: return EvalIsType(Eval(isType.ValueOperand), isType);
            case IAddressOfOperation addressOf: return EvalAddressOf(addressOf);
            case IFlowCaptureOperation capture: return EvalCapture(capture);
            case IFlowCaptureReferenceOperation reference: return _state.Load(CaptureSlot(reference.Id, 0));
            case IInvocationOperation { TargetMethod.RefKind: not RefKind.None } invocation: return LoadThrough(EvalInvocation(invocation), invocation);
            case IInvocationOperation invocation: return EvalInvocation(invocation);
            case IFunctionPointerInvocationOperation pointerCall: return EvalFunctionPointer(pointerCall);
            case IObjectCreationOperation creation: return EvalCreation(creation);
            case IArrayCreationOperation array: return EvalArray(array);
            case IDelegateCreationOperation creation: return Eval(creation.Target);
            case IMethodReferenceOperation method: return EvalMethodReference(method);
            case IFlowAnonymousFunctionOperation lambda: return EvalLambda(lambda);
            case ISizeOfOperation sizeOf: return SizeOf(sizeOf.TypeOperand);
            case IDefaultValueOperation when IsFollowed(operation.Type): return NullableOf(operation, Value.Zero, false);
            case IDefaultValueOperation: return TypeShapes.IsScalar(operation.Type) ? Value.Zero : ZeroStruct(operation);
            case IArgumentOperation argument: return Eval(argument.Value);
            case IAwaitOperation await: return EvalAwait(await);
            case IReturnOperation yield: return EvalYield(yield);
            case IThrowOperation @throw: return EvalThrow(@throw);
            case ITupleOperation tuple: return EvalTuple(tuple);
            case IDeconstructionAssignmentOperation deconstruction: return EvalDeconstruction(deconstruction);
            case IDeclarationExpressionOperation declaration: return Eval(declaration.Expression);
            case ICaughtExceptionOperation: return EvalCaught(operation);
            case IInvalidOperation: return EvalChildren(operation);
            case IUtf8StringOperation: return SpanOver(operation, Symbols.Make(SymbolKind.Element, FreshObject(operation), default, PinnedTag));
            case IInterpolatedStringOperation { Type.SpecialType: SpecialType.System_String } text: return EvalText(text);
        }

        return operation.Kind == OperationKind.None ? EvalPointerOperation(operation) : EvalChildren(operation);
    }

    private Value EvalChildren(IOperation operation)
    {
        foreach (IOperation child in operation.ChildOperations)
        {
            Value value = Eval(child);
            if (_dead) return Value.Zero;
            Escape(value);
        }

        return TypeShapes.IsScalar(operation.Type) ? Unknown(operation) : FreshRegion(operation);
    }

    /// <summary>A text shows numbers, pointers and structs, and keeps none of them; objects are asked for theirs and may do anything.</summary>
    private Value EvalText(IInterpolatedStringOperation text)
    {
        foreach (IInterpolatedStringContentOperation part in text.Parts)
        {
            if (part is not IInterpolationOperation interpolation) continue;
            Value value = Eval(interpolation.Expression);
            if (_dead) return Value.Zero;
            if (!TypeShapes.IsScalar(interpolation.Expression.Type)) EscapeStruct(value, interpolation.Expression.Type);
            else if (interpolation.Expression.Type is { IsReferenceType: true }) Escape(value);
            if (interpolation.Alignment is { } alignment) Eval(alignment);
        }

        return NonNull(Unknown(text));
    }

    private Value FreshObject(IOperation operation) => Symbols.Make(SymbolKind.New, tag: unchecked((_callPath * 31) + _state.Turn), item: operation.Syntax);

    private Value FreshRegion(IOperation operation) => Symbols.Make(SymbolKind.Stack, tag: unchecked((_callPath * 31) + _state.Turn), item: operation.Syntax);

    private Value NonNull(Value value)
    {
        _state.Decide(value, true);
        return value;
    }

    // Places

    /// <summary>The address of an lvalue.</summary>
    internal Value Address(IOperation operation)
    {
        switch (operation)
        {
            case ILocalReferenceOperation local:
                Value place = analysis.PlaceOf(local.Local);
                return local.Local.RefKind == RefKind.None ? place : _state.Load(place);
            case IParameterReferenceOperation parameter:
                place = analysis.PlaceOf(parameter.Parameter);
                return parameter.Parameter.RefKind == RefKind.None ? place : _state.Load(place);
            case IFieldReferenceOperation field:
                return FieldAddress(field);
            case IArrayElementReferenceOperation element:
                Value array = Eval(element.ArrayReference), index = Value.Zero;
                foreach (IOperation part in element.Indices) index = element.Indices.Length == 1 ? EvalIndex(part, array) : Combine(index, Eval(part), element);
                NoteWalk(array, element.Indices.Length == 1 ? element.Indices[0] : null, element.Type);
                return ElementOf(array, index);
            case IInlineArrayAccessOperation access:
                index = Eval(access.Argument);
                if (access.Argument.Type?.SpecialType != SpecialType.System_Int32) index = UnknownOf(access.Argument.Syntax, 1); // ^1 or a range
                array = Address(access.Instance);
                NoteWalk(array, access.Argument, access.Type);
                return ElementOf(array, index);
            case IInstanceReferenceOperation:
                return This(operation);
            case IFlowCaptureReferenceOperation reference:
                if (_state.TryPeek(CaptureSlot(reference.Id, 1), out Value captured)) return captured;
                // A struct of one field is its own value: its place is where that is kept.
                return TypeShapes.IsWrapper(reference.Type) ? CaptureSlot(reference.Id, 0) : _state.Load(CaptureSlot(reference.Id, 0));
            case IPropertyReferenceOperation { Property.RefKind: RefKind.None } property:
                if (TypeShapes.IsScalar(property.Type)) return PropertyAddress(property);
                return TryNullableProperty(property, out Value whole) ? whole : IsComputed(property) ? EvalProperty(property) : PropertyAddress(property);
            case IConversionOperation { OperatorMethod: null } conversion when IsPlace(conversion.Operand):
                return Address(conversion.Operand);
            case IParenthesizedOperation parenthesized:
                return Address(parenthesized.Operand);
            case IDeclarationExpressionOperation declaration:
                return Address(declaration.Expression);
            case IDiscardOperation:
                return FreshRegion(operation);
        }

        if (operation.Kind == OperationKind.None)
        {
            switch (OperationClassifier.Classify(operation, out IOperation? first, out IOperation? second))
            {
                case PointerOperation.Dereference:
                    return Eval(first);
                case PointerOperation.Element:
                    Value start = Eval(first);
                    NoteWalk(start, second, operation.Type);
                    return Advance(start, Eval(second), operation.Type);
            }
        }

        if (operation is IPropertyReferenceOperation returned) return ReferenceOf(returned);
        if (operation is IInvocationOperation { TargetMethod.RefKind: not RefKind.None } call) return EvalInvocation(call);
        Value value = Eval(operation);
        if (!TypeShapes.IsScalar(operation.Type)) return value;
        Value temporary = FreshRegion(operation);
        _state.Store(temporary, value);
        return temporary;
    }

    private bool IsPlace(IOperation operation) =>
        operation is ILocalReferenceOperation or IParameterReferenceOperation or IFieldReferenceOperation or IArrayElementReferenceOperation or IInlineArrayAccessOperation
            or IFlowCaptureReferenceOperation
        || (operation is IPropertyReferenceOperation { Property.RefKind: RefKind.None } property && !HandsOutView(property))
        || (operation.Kind == OperationKind.None && OperationClassifier.Classify(operation, out _, out _) is PointerOperation.Dereference or PointerOperation.Element);

    private Value FieldAddress(IFieldReferenceOperation reference)
    {
        IFieldSymbol field = reference.Field;
        analysis.Fields.See(reference);
        if (field.IsStatic || reference.Instance is null) return Symbols.Make(SymbolKind.Static, item: field.OriginalDefinition);
        if (field.RefKind != RefKind.None) return _state.Load(FieldSlot(reference, field));
        return FieldSlot(reference, TypeShapes.Overlaid(field));
    }

    private Value FieldSlot(IFieldReferenceOperation reference, IFieldSymbol field)
    {
        ITypeSymbol? type = reference.Instance!.Type;
        if (type is { IsReferenceType: true } or IPointerTypeSymbol) return Symbols.Field(_state.Canonical(Eval(reference.Instance)), field);
        Value container = Address(reference.Instance);
        if (type is { IsTupleType: true } && TupleIndex(field) is var part and >= 0) return TupleElement(container, part);
        return TypeShapes.IsWrapper(type) ? container : Symbols.Field(container, field);
    }

    private static int TupleIndex(IFieldSymbol field)
    {
        ImmutableArray<IFieldSymbol> elements = field.ContainingType.TupleElements;
        for (int i = 0; i < elements.Length; i++)
            if (SymbolEqualityComparer.Default.Equals(elements[i].CorrespondingTupleField ?? elements[i], field.CorrespondingTupleField ?? field)) return i;
        return -1;
    }

    /// <summary>A property without arguments behaves like a field until unknown code runs.</summary>
    private Value PropertyAddress(IPropertyReferenceOperation reference)
    {
        if (TryItem(reference, out Value item)) return item;
        Value container = Value.Zero;
        if (reference.Instance is { } instance) container = instance.Type is { IsReferenceType: false } && IsPlace(instance) ? Address(instance) : Eval(instance);
        if (reference.Arguments.Length > 0)
        {
            Value index = Value.Zero;
            foreach (IArgumentOperation argument in reference.Arguments) index = Eval(argument.Value);
            return Symbols.Make(SymbolKind.Element, _state.Canonical(container), reference.Arguments.Length == 1 ? index : UnknownOf(reference.Syntax, 1), 1);
        }

        if (reference.Instance is { } owner && TypeShapes.IsWrapper(owner.Type) && (IsPlace(owner) || owner is IInstanceReferenceOperation) && TypeShapes.IsAutomatic(reference.Property)) return container;
        if (reference.Property is { Name: "Length", ContainingType.SpecialType: SpecialType.System_Array }) return LengthSlot(container);
        return reference.Instance is null ? Symbols.Make(SymbolKind.Static, item: reference.Property.OriginalDefinition)
            : Symbols.Field(_state.Canonical(container), reference.Property);
    }

    private Value This(IOperation operation) => Symbols.Make(SymbolKind.This);

    private Value CaptureSlot(CaptureId id, int part) => Symbols.Make(SymbolKind.Capture, tag: (_runner.Depth * 2) + part, item: id);

    private static bool IsZeroPointer(IOperation operation) =>
        operation is IFieldReferenceOperation { Field: { IsStatic: true, Name: "Zero" } zero } && zero.ContainingType.SpecialType is SpecialType.System_IntPtr or SpecialType.System_UIntPtr;

    private Value LoadFrom(IOperation operation)
    {
        if (IsZeroPointer(operation)) return Value.Zero;
        Value address = Address(operation);
        if (operation is IFieldReferenceOperation { Field.IsFixedSizeBuffer: true }) return address;
        Touch(address, operation);
        Value value = LoadAt(address, operation.Type);
        if (operation is IFieldReferenceOperation reference) analysis.Fields.Take(_state, reference, value);
        return value;
    }

    private Value LoadAt(Value address, ITypeSymbol? type)
    {
        if (!TypeShapes.IsScalar(type)) return address;
        (long low, long high) = TypeShapes.RangeOf(type);
        return LoadAt(address, low, high, type as ITypeParameterSymbol);
    }

    /// <param name="open">The type, if only callers know what it is.</param>
    private Value LoadAt(Value address, long low, long high, ITypeParameterSymbol? open = null)
    {
        if (SettledAt(address) is { } settled) return settled;
        // What is as wide as a pointer may be one.
        if (low == long.MinValue) LetOutOtherViews(_state.CanonicalAddress(address));
        Value value = _state.Load(address, low, high, open);
        if (HoldsObject(address)) _state.AssumeNonZero(value);
        return value;
    }

    /// <summary>A static field that its declaration gives an object, for good, or whose type says that it has one.</summary>
    private bool HoldsObject(Value address) =>
        Symbols.Of(address) is { Kind: SymbolKind.Static, Item: IFieldSymbol { IsReadOnly: true, Type: { IsReferenceType: true } type } field }
        && (type.NullableAnnotation == NullableAnnotation.NotAnnotated || analysis.Dispatch.Fields.ClassIn(field) is not null);

    private Value EvalPointerOperation(IOperation operation)
    {
        switch (OperationClassifier.Classify(operation, out IOperation? first, out _))
        {
            case PointerOperation.Dereference or PointerOperation.Element:
                Value address = Address(operation);
                Touch(address, operation);
                return LoadAt(address, operation.Type);
            case PointerOperation.StackAllocation:
                return EvalStackAllocation(operation);
            case PointerOperation.Pin:
                return Pinned(first!);
            case PointerOperation.PinnedAddress:
                return Eval(first);
            default:
                return EvalChildren(operation);
        }
    }

    private Value EvalCapture(IFlowCaptureOperation capture)
    {
        // "isEmpty ? null : new Box { data = Make() }": what was captured is captured again, once it is filled.
        bool isValue = capture.Value is IFlowCaptureReferenceOperation inner && !_state.TryPeek(CaptureSlot(inner.Id, 1), out _);
        if (!isValue && !capture.Value.ConstantValue.HasValue && !IsZeroPointer(capture.Value) && IsPlace(capture.Value) && !(capture.Value is IFieldReferenceOperation { Field.IsFixedSizeBuffer: true }))
        {
            Value address = Address(capture.Value);
            Touch(address, capture.Value);
            Value value = LoadAt(address, capture.Value.Type);
            _state.Store(CaptureSlot(capture.Id, 1), address);
            _state.Store(CaptureSlot(capture.Id, 0), value);
            return value;
        }

        Value captured = Eval(capture.Value);
        _state.Clear(CaptureSlot(capture.Id, 1));
        _state.Store(CaptureSlot(capture.Id, 0), captured);
        return captured;
    }

    private Value EvalAddressOf(IAddressOfOperation addressOf)
    {
        if (addressOf.Reference is IMethodReferenceOperation method) return EvalMethodReference(method);
        return Address(addressOf.Reference);
    }

    private Value LoadThrough(Value address, IOperation operation)
    {
        if (_dead) return Value.Zero;
        Touch(address, operation);
        return LoadAt(address, operation.Type);
    }

    /// <summary>The place that a property returns by reference.</summary>
    private Value ReferenceOf(IPropertyReferenceOperation property)
    {
        if (IsSpan(property.Instance?.Type) && property.Arguments.Length == 1) return SpanElement(property);
        if (TrySpanCurrent(property, out Value element)) return element;
        if (property.Property.GetMethod is { } getter && (analysis.Model.Find(getter)?.View is not null || analysis.SummaryOf(getter) is not null)) return EvalCall(property, getter, property.Instance, property.Arguments);
        PropertyAddress(property);
        return UnknownOf(property.Syntax);
    }

    /// <summary>A body of which something is known, or that of another class, says what the property is.</summary>
    private bool IsComputed(IPropertyReferenceOperation property) =>
        property.Property.GetMethod is { } getter && (analysis.SummaryOf(getter) is not null || IsDispatched(getter, property.Instance));

    private Value EvalProperty(IPropertyReferenceOperation property)
    {
        if (TryNullableProperty(property, out Value part) || TryWaitForCall(property, out part)) return part;
        if (TryItem(property, out Value item)) return LoadAt(item, property.Type);
        if (TryCurrent(property, out Value current)) return current;
        if (property.Property.GetMethod is { } getter && analysis.Model.Find(getter) is { IsModelled: true }) return EvalCall(property, getter, property.Instance, property.Arguments);
        if (IsComputed(property)) return EvalCall(property, property.Property.GetMethod!, property.Instance, property.Arguments);
        if (property.Property.Name == "Span" && IsMemory(property.Instance?.Type)) return EvalMemorySpan(property);
        BlockOn(property);
        Value address = PropertyAddress(property);
        if (TryCountOf(property, Symbols.Of(address).A, out Value count)) return count;
        if (property.Property.Name == "IsEmpty" && IsSpan(property.Instance?.Type)) return IsEmpty(Symbols.Of(address).A, property.Instance!.Type!);
        // A text never changes.
        if (property is { Instance: { Type.SpecialType: SpecialType.System_String } text, Arguments: [{ Value: var at }] } && !_dead) return Symbols.Make(SymbolKind.Unknown, _state.Canonical(Eval(text)), _state.Canonical(Eval(at)), item: new Asked(property.Property.GetMethod!, ""), low: 0, high: char.MaxValue);
        if (property.Arguments.Length > 0) return TypeShapes.IsScalar(property.Type) ? Unknown(property) : FreshRegion(property);
        bool counts = property.Property.Name is "Length" or "Count" && property.Type?.SpecialType == SpecialType.System_Int32;
        Value value = counts ? LoadAt(address, 0, int.MaxValue) : LoadAt(address, property.Type);
        // A text that has a length is there.
        if (counts && property.Instance is { Type.SpecialType: SpecialType.System_String } && !_state.AssumeNonZero(Symbols.Of(address).A)) _dead = true;
        if (counts) _state.Narrow(_state.Canonical(value), 0, int.MaxValue);
        return value;
    }

    private Value EvalYield(IReturnOperation yield)
    {
        Value value = Eval(yield.ReturnedValue);
        if (_runner is { Depth: 0, Method: { } method } && Iterators.GivesInTheEnd(method))
        {
            // What a loop over the call finds.
            if (yield.Kind == OperationKind.YieldReturn && !_dead) Give(value);
            return Value.Zero;
        }

        Escape(value);
        _state.Havoc();
        return Value.Zero;
    }

    private Value EvalCaught(IOperation caught)
    {
        if (GraphRunner.ThrownInto(_state) is not { } type) return NonNull(Unknown(caught));
        Value exception = Symbols.Make(SymbolKind.New, item: (caught.Syntax, type));
        Symbols.SetClass(exception, type);
        return exception;
    }

    private Value EvalThrow(IThrowOperation @throw)
    {
        Eval(@throw.Exception);
        _dead = true;
        return Value.Zero;
    }
}
