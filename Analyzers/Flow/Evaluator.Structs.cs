// Structs as wholes: copied and cleared. A copy holds what the source held at that moment, also where the source is memory that only
// the caller knows: each part that a pointer may depend on is read once, so that both names stand for the same values from then on.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class Evaluator
{
    private void CopyStruct(Value target, Value source, ITypeSymbol? type, bool keepsRest = false)
    {
        source = _state.CanonicalAddress(source);
        if (source == _state.CanonicalAddress(target)) return;
        bool areCells = ReadParts(source, type), isWhole = !keepsRest && type is INamedTypeSymbol { IsValueType: true }, isFollowed = isWhole && analysis.Parts.AreAll(type!);
        // What is followed part by part has its zeroes in cells.
        bool isZero = isWhole && !isFollowed && _state.IsZeroStruct(source, type!);
        _state.CopyStruct(target, source, type, keepsRest, isZero, isRead: isFollowed && areCells);
    }

    /// <summary>The copy of a struct that stands for a value: what is called on it runs that struct's methods.</summary>
    private Value CopyTo(Value copy, Value source, ITypeSymbol type)
    {
        if (type is INamedTypeSymbol named) Symbols.SetClass(copy, named);
        CopyStruct(copy, source, type);
        return copy;
    }

    /// <summary>A struct that is followed part by part becomes zero: a caller hears of it as of one step.</summary>
    private void ClearStruct(Value place, ITypeSymbol type)
    {
        Log? before = _state.Log;
        _state.BeginStruct(place, type);
        ClearParts(place, type);
        _state.NoteCleared(before, place, type);
    }

    /// <summary>A method that may change its struct gets a copy of one that may only be read here: what it frees and clears there is cleared in that copy alone.</summary>
    private bool IsCopied(IMethodSymbol method, IOperation place) =>
        method is { IsReadOnly: false, ContainingType.TypeKind: TypeKind.Struct } && CallEffects.HasSource(method) && analysis.Model.Find(method) is not { IsModelled: true } && IsOnlyRead(place);

    private bool IsOnlyRead(IOperation place) => place switch
    {
        IParameterReferenceOperation { Parameter.RefKind: RefKind.In or RefKind.RefReadOnlyParameter } => true,
        ILocalReferenceOperation { Local.RefKind: RefKind.RefReadOnly } => true,
        IFieldReferenceOperation { Field.IsReadOnly: true } reference => !(analysis.Constructs && reference.Instance is null or IInstanceReferenceOperation),
        IFieldReferenceOperation { Field.ContainingType.IsValueType: true, Instance: { } whole } => IsOnlyRead(whole),
        IInstanceReferenceOperation { Type.IsValueType: true } => analysis.OnlyReads,
        IInvocationOperation { TargetMethod.RefKind: RefKind.RefReadOnly } or IPropertyReferenceOperation { Property.RefKind: RefKind.RefReadOnly } => true,
        _ => false,
    };

    private Value CopyOf(Value place, ITypeSymbol? type, IOperation site)
    {
        Value copy = FreshRegion(site);
        if (TypeShapes.IsScalar(type)) _state.Store(copy, LoadAt(place, type));
        else CopyStruct(copy, place, type);
        return copy;
    }

    /// <summary>Of memory that somebody else filled only what was read is known: the parts that can hold a pointer are read now.</summary>
    private void ReadPointers(Value container, ITypeSymbol? type)
    {
        foreach (IFieldSymbol field in analysis.Parts.Of(type))
        {
            Value place = PartOf(container, type!, field);
            if (!TypeShapes.IsScalar(field.Type)) ReadPointers(place, field.Type);
            else if (StructParts.CanLead(field)) LoadAt(place, field.Type);
        }
    }

    /// <summary>False if the state keeps some part elsewhere than in a cell of its own.</summary>
    private bool ReadParts(Value container, ITypeSymbol? type)
    {
        if (container.IsConstant) return false;
        bool areCells = true;
        foreach (IFieldSymbol field in analysis.Parts.Of(type))
        {
            Value place = PartOf(container, type!, field);
            if (!TypeShapes.IsScalar(field.Type))
            {
                areCells &= ReadParts(place, field.Type);
                continue;
            }

            LoadAt(place, field.Type);
            areCells &= _state.TryPeek(place, out _);
        }

        return areCells;
    }

    /// <summary>A struct of zeroes: <c>default</c>, or <c>new S()</c> without a constructor.</summary>
    private Value ZeroStruct(IOperation site)
    {
        Value region = FreshRegion(site);
        BeginZero(region, site.Type);
        return region;
    }

    private void BeginZero(Value region, ITypeSymbol? type)
    {
        if (TypeShapes.IsScalar(type))
        {
            _state.Store(region, Value.Zero);
            return;
        }

        _state.Clear(region, type);
        ClearParts(region, type);
        if (type is INamedTypeSymbol { IsValueType: true, DeclaringSyntaxReferences.Length: > 0 } && !analysis.Parts.AreAll(type)) _state.ZeroStruct(region, type);
    }

    /// <summary>Fields of a struct with initializers: what is written beside each, or zero.</summary>
    private void BeginFields(Value region, INamedTypeSymbol type)
    {
        if (TypeShapes.IsScalar(type)) return;
        foreach (ISymbol member in type.GetMembers())
            if (member is IFieldSymbol { IsStatic: false } field && Initializers.TryGet(field.AssociatedSymbol ?? field, out Value value, out _) && TypeShapes.IsScalar(field.Type))
                _state.Store(Symbols.Field(region, field.AssociatedSymbol ?? field), value);
    }

    private void ClearParts(Value container, ITypeSymbol? type)
    {
        foreach (IFieldSymbol field in analysis.Parts.Of(type))
        {
            Value place = PartOf(container, type!, field);
            if (TypeShapes.IsScalar(field.Type)) _state.Store(place, Value.Zero);
            else ClearParts(place, field.Type);
        }
    }

    private Value PartOf(Value container, ITypeSymbol type, IFieldSymbol field) =>
        type.IsTupleType && TupleIndex(field) is var part and >= 0 ? TupleElement(container, part) : Symbols.Field(container, field.AssociatedSymbol as IPropertySymbol ?? (ISymbol)TypeShapes.Overlaid(field));
}
