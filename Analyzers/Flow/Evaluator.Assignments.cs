// Assignments: ownership moves with the value, and the value that is overwritten may be lost.

using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class Evaluator
{
    /// <summary>Marks the parts of a tuple among elements.</summary>
    private const int TupleTag = 3;

    private Value EvalAssignment(ISimpleAssignmentOperation assignment)
    {
        if (assignment.IsRef)
        {
            Value? slot = assignment.Target switch
            {
                ILocalReferenceOperation local => analysis.PlaceOf(local.Local),
                IParameterReferenceOperation parameter => analysis.PlaceOf(parameter.Parameter),
                IFieldReferenceOperation { Instance: not null, Field: var field } reference => FieldSlot(reference, field),
                _ => null,
            };
            Value referent = Address(assignment.Value);
            if (slot is { } place) _state.Store(place, referent);
            else Escape(referent);
            return referent;
        }

        if (assignment.Target is IPropertyReferenceOperation { Property.RefKind: RefKind.None } property) return AssignProperty(property, assignment.Value);
        Value target = Address(assignment.Target);
        Value value = Eval(assignment.Value);
        if (_dead) return value;
        Touch(target, assignment.Target);
        if (!TypeShapes.IsScalar(assignment.Target.Type)) StoreStruct(target, value, assignment.Target.Type);
        else StoreValue(target, value, assignment, assignment.Target.Type);
        return value;
    }

    private Value AssignProperty(IPropertyReferenceOperation reference, IOperation valueOperation)
    {
        if (reference.Property.SetMethod is { } setter && (IsDispatched(setter, reference.Instance) || analysis.SummaryOf(setter) is not null)) return CallSetter(reference, setter, valueOperation);
        bool isItem = TryItem(reference, out Value address);
        if (!isItem) address = PropertyAddress(reference);
        Value value = Eval(valueOperation);
        if (isItem)
        {
            if (!TypeShapes.IsScalar(reference.Type))
            {
                if (!_dead) StoreStruct(address, value, reference.Type);
                return value;
            }

            bool hadItem = _state.TryPeek(address, out Value old);
            PutItem(address, value);
            if (hadItem && old != value) analysis.CheckLost(_state, old, CodePlace.Of(reference.Parent?.Syntax ?? reference.Syntax), LossKind.Overwritten, null);
            return value;
        }

        bool isField = reference.Arguments.Length == 0 && TypeShapes.IsAutomatic(reference.Property);
        if (!TypeShapes.IsScalar(reference.Type))
        {
            if (!isField) EscapeStruct(value, reference.Type);
            if (reference.Arguments.Length > 0) _state.Forget(address);
            else StoreStruct(address, value, reference.Type);
            return value;
        }

        if (!isField) Escape(value);
        if (reference.Arguments.Length == 0) _state.Store(address, value, reference.Type as ITypeParameterSymbol);
        else _state.Forget(IsOfNet(reference) ? Symbols.Of(address).A : address);
        if (isField) Settle(address, value);
        return value;
    }

    /// <summary>An indexer of .NET's collections: what is put there may be more than was there before.</summary>
    private static bool IsOfNet(IPropertyReferenceOperation indexer) => indexer.Property is { SetMethod: { } setter, ContainingType.IsReferenceType: true } && CallEffects.IsBcl(setter);

    private Value CallSetter(IPropertyReferenceOperation reference, IMethodSymbol setter, IOperation valueOperation)
    {
        var call = new CallSite(reference, setter, reference.Instance);
        EvalReceiver(call, reference.Instance);
        EvalArguments(call, reference.Arguments);
        int last = call.Arguments.Length - 1;
        Value value = call.Arguments[last] = Eval(valueOperation);
        call.ArgumentSyntax[last] = valueOperation;
        if (!_dead) Apply(call);
        return value;
    }

    private void StoreStruct(Value target, Value source, ITypeSymbol? type, bool keepsRest = false)
    {
        CopyStruct(target, source, type, keepsRest);
        NameOwned(target);
        if (ReachesOutside(_state.CanonicalAddress(target))) EscapeContents(_state.CanonicalAddress(target));
    }

    /// <summary>Writes one value: ownership moves with it, and the value it overwrites may be lost.</summary>
    private void StoreValue(Value target, Value value, IOperation site, ITypeSymbol? type = null)
    {
        target = _state.CanonicalAddress(target);
        bool hadOld = _state.TryPeek(target, out Value old);
        StoreFreed(target, old, value, site);
        if (!_isCalleesField) analysis.Fields.Store(_state, target, _state.Canonical(value), site.Syntax);
        _state.Store(target, value, type as ITypeParameterSymbol);
        if (value.Offset != 0 && Symbols.Of(value) is { Kind: SymbolKind.Load } counted && counted.A == target) _state.Count(Symbols.Root(target), value.Symbol);
        Settle(target, value);
        if (_overwritten is not null)
        {
            // While a summary is applied, what it holds in its own variables is in no cell.
            if (hadOld && old != value) _overwritten.Add(old);
            return;
        }

        if (Symbols.Of(target) is { Kind: SymbolKind.Local, Item: ISymbol variable })
        {
            if (hadOld && old != value) analysis.CheckLost(_state, old, CodePlace.Of(site.Syntax), LossKind.Overwritten, variable, IsReallocation(site));
            else if (!hadOld) analysis.NoteUnset(CodePlace.Of(site.Syntax), variable);
        }
        else if (hadOld && old != value)
        {
            analysis.CheckLost(_state, old, CodePlace.Of(site.Syntax), LossKind.Overwritten, null, IsReallocation(site));
        }
    }

    /// <summary>The assigned value is the result of a reallocation.</summary>
    private bool IsReallocation(IOperation site)
    {
        IOperation? value = (site as ISimpleAssignmentOperation)?.Value;
        while (value is IConversionOperation conversion) value = conversion.Operand;
        return value is IInvocationOperation call && analysis.Model.Find(call.TargetMethod) is { } contract && contract.Allocations.Exists(allocation => allocation.Old.IsPresent);
    }

    /// <summary>A pointer was written to memory: if others can read that memory, they may free it.</summary>
    private void Settle(Value target, Value value)
    {
        if (_state.TryGetAllocation(value, out Allocation allocation) && allocation.Name is null && Symbols.Of(target).Item is ISymbol variable)
            _state.SetAllocation(allocation with { Name = variable.Name });
        if (ReachesOutside(target)) LetOut(value);
    }

    private bool ReachesOutside(Value address)
    {
        if (_state.HasUnknownIndex(address)) return true;
        int root = Symbols.Root(address);
        if (!Symbols.IsPrivate(root) || _state.IsExposed(root)) return true;
        return _state.TryGetAllocation(new Value(root, 0), out Allocation owner) && owner.Status != AllocationStatus.Owned;
    }

    private Value EvalCompound(ICompoundAssignmentOperation compound)
    {
        Value target = Address(compound.Target);
        Touch(target, compound.Target);
        Value left = LoadAt(target, compound.Target.Type), right = Eval(compound.Value);
        Value result = compound.OperatorMethod is null || IsWrapperOperator(compound.OperatorMethod)
            ? Arithmetic(compound.OperatorKind, left, right, compound.Target.Type, compound)
            : CallOperator(compound, compound.OperatorMethod, (compound.Target, left), (compound.Value, right));
        if (_dead) return Value.Zero;
        if (!TypeShapes.IsScalar(compound.Target.Type)) StoreStruct(target, result, compound.Target.Type);
        else StoreValue(target, result, compound);
        return result;
    }

    private Value EvalIncrement(IIncrementOrDecrementOperation increment)
    {
        Value target = Address(increment.Target), old = LoadAt(target, increment.Target.Type);
        Touch(target, increment.Target);
        bool down = increment.Kind == OperationKind.Decrement;
        Value result = increment.OperatorMethod is not null ? Unknown(increment)
            : increment.Target.Type is IPointerTypeSymbol pointer ? Advance(old, Value.One, pointer.PointedAtType, down)
            : old.Plus(down ? -1 : 1);
        if (TypeShapes.IsScalar(increment.Target.Type)) StoreValue(target, result, increment);
        return increment.IsPostfix ? old : result;
    }

    private Value EvalDeconstruction(IDeconstructionAssignmentOperation deconstruction)
    {
        Value value = Eval(deconstruction.Value);
        if (_dead) return value;
        if (deconstruction.Value.Type is INamedTypeSymbol whole && ElementsOf(deconstruction.Target) is { } elements && PartsOf(whole, elements.Length) is not null)
        {
            // What one target held may be what another gets.
            List<Value>? outer = _overwritten;
            List<Value> overwritten = _overwritten = [];
            AssignElements(elements, value, whole, deconstruction);
            _overwritten = outer;
            if (outer is not null) outer.AddRange(overwritten);
            else foreach (Value old in overwritten) analysis.CheckLost(_state, old, CodePlace.Of(deconstruction.Syntax), LossKind.Overwritten, null);
            return value;
        }

        Escape(value);
        foreach (IOperation place in Targets(deconstruction.Target)) AssignUnknown(place, deconstruction);
        return value;
    }

    /// <summary>The parts of a tuple or record go to the targets, all of them read before the first is written.</summary>
    private void AssignElements(ImmutableArray<IOperation> targets, Value whole, INamedTypeSymbol type, IDeconstructionAssignmentOperation site)
    {
        List<ISymbol>? members = PartsOf(type, targets.Length);
        if (members is null)
        {
            foreach (IOperation target in targets) AssignConverted(target, whole, site);
            return;
        }

        var parts = new Value[targets.Length];
        var types = new ITypeSymbol[targets.Length];
        for (int i = 0; i < parts.Length; i++)
        {
            types[i] = members[i] is IPropertySymbol property ? property.Type : ((IFieldSymbol)members[i]).Type;
            parts[i] = LoadAt(PartAt(whole, type, i, members[i]), types[i]);
        }

        for (int i = 0; i < parts.Length; i++)
        {
            if (ElementsOf(targets[i]) is { } inner && types[i] is INamedTypeSymbol nested && PartsOf(nested, inner.Length) is not null) AssignElements(inner, parts[i], nested, site);
            else if (ElementsOf(targets[i]) is not null || !SymbolEqualityComparer.Default.Equals(targets[i].Type, types[i])) AssignConverted(targets[i], parts[i], site);
            else if (IsPlace(Undeclared(targets[i]))) AssignPart(Address(targets[i]), parts[i], targets[i]);
            else if (targets[i] is not IDiscardOperation) Escape(parts[i]);
        }
    }

    private void AssignPart(Value place, Value part, IOperation target)
    {
        Touch(place, target);
        if (TypeShapes.IsScalar(target.Type)) StoreValue(place, part, target, target.Type);
        else StoreStruct(place, part, target.Type);
    }

    /// <summary>A conversion or a Deconstruct method stands between.</summary>
    private void AssignConverted(IOperation target, Value part, IDeconstructionAssignmentOperation site)
    {
        Escape(part);
        foreach (IOperation place in Targets(target)) AssignUnknown(place, site);
    }

    private void AssignUnknown(IOperation target, IDeconstructionAssignmentOperation site)
    {
        if (!IsPlace(target)) return;
        Value place = Address(target);
        _state.Forget(place);
        analysis.Fields.Store(_state, place, Unknown(target, 2), site.Syntax);
        if (TypeShapes.IsScalar(target.Type)) _state.Store(place, Unknown(target, 2));
    }

    private static IOperation Undeclared(IOperation target) => target is IDeclarationExpressionOperation declaration ? declaration.Expression : target;

    private static ImmutableArray<IOperation>? ElementsOf(IOperation target) => Undeclared(target) is ITupleOperation tuple ? tuple.Elements : null;

    private static IEnumerable<IOperation> Targets(IOperation target)
    {
        if (ElementsOf(target) is not { } elements) return [Undeclared(target)];
        var all = new List<IOperation>();
        foreach (IOperation element in elements) all.AddRange(Targets(element));
        return all;
    }

    private Value EvalTuple(ITupleOperation tuple)
    {
        Value region = FreshRegion(tuple);
        for (int i = 0; i < tuple.Elements.Length; i++)
        {
            Value element = Eval(tuple.Elements[i]);
            if (TypeShapes.IsScalar(tuple.Elements[i].Type)) _state.Store(TupleElement(region, i), element);
            else CopyStruct(TupleElement(region, i), element, tuple.Elements[i].Type);
        }

        return region;
    }

    private Value TupleElement(Value tuple, int index) => Symbols.Make(SymbolKind.Element, tuple, Value.Constant(index), TupleTag);
}
