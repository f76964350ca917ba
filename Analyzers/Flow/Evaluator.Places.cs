// Where a value lies: the addresses of variables, fields and elements, and of what the graph captured on the way; and what is read from there.

using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.FlowAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class Evaluator
{
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
}
