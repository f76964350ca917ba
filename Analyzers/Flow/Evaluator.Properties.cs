// Properties: one without code of its own is a field, another what its getter does, or a question to an object that is followed.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class Evaluator
{
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
}
