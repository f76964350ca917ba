// Evaluates operations on a state. Eval gives the value of an expression, Address the place of an lvalue; both perform the side effects in
// C#'s order. A struct's "value" is its address: assignment copies what is known of its fields.
//
// Unknown operation kinds evaluate their children and give an unknown value: new language features cost precision, never a crash.

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
