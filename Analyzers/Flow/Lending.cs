// Which pointers a body only uses while it runs, told from its operations without walking its paths: where every value may come from, whatever the
// order. It stands in for the summary of a body that is too large to be walked for what it does with pointers alone (a codec's inner loop), or that
// was given up, so that memory passed to it is still followed in its caller.
//
//   void Encode(byte* from, State* s) { byte* at = from; … s->position = at - from; … }     lends both: a difference is no pointer
//   void Begin(byte* from, State* s) { s->input = from; }                                   keeps from
//
// What was found behind a pointer may go anywhere: a caller lets out the contents of what it lends. So does what a variable holds whose address is
// taken. A pointer that is returned counts as kept.
// Cost: the operations of the body, as often as its variables have to be filled, which is two or three times.

using System.Runtime.CompilerServices;
using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

/// <summary>What a body does with the pointers among its parameters, a bit for each.</summary>
/// <param name="Lent">It neither keeps them nor hands them on.</param>
/// <param name="Used">It reads or writes the memory behind them, whichever way it takes.</param>
internal readonly record struct Loans(ulong Lent, ulong Used)
{
    /// <summary>Parameters are the bits of a number. Nobody has more.</summary>
    internal const int MaximalParameters = 64;

    internal bool Lends(int ordinal) => Has(Lent, ordinal);

    internal bool Uses(int ordinal) => Has(Used, ordinal);

    private static bool Has(ulong bits, int ordinal) => ordinal < MaximalParameters && (bits & (1UL << ordinal)) != 0;
}

internal sealed partial class Lending
{
    /// <summary>More rounds were never needed.</summary>
    private const int MaximalRounds = 8;

    private readonly ContractModel _model;
    private readonly Func<IMethodSymbol, Loans> _loans;
    private readonly Dictionary<ISymbol, ulong> _held = new(SymbolEqualityComparer.Default);
    private readonly bool _returnsPlace;
    private ulong _kept;
    private bool _grew;

    private Lending(IMethodSymbol method, ContractModel model, Func<IMethodSymbol, Loans> loans) => (_returnsPlace, _model, _loans) = (method.RefKind != RefKind.None, model, loans);

    /// <summary>What the body does with the pointers that it is given.</summary>
    /// <param name="method">The method.</param>
    /// <param name="body">Its operations.</param>
    /// <param name="model">Says what calls with a contract keep.</param>
    /// <param name="loans">The same of the methods that it calls, as far as that is known.</param>
    internal static Loans Of(IMethodSymbol method, IOperation body, ContractModel model, Func<IMethodSymbol, Loans> loans)
    {
        // What members use of a primary constructor's parameters is kept without a word; so is all that a body needs when it goes on later.
        if (PrimaryConstructors.IsOne(method) || method.IsAsync || method.IsIterator()) return default;
        var lending = new Lending(method, model, loans);
        ulong pointers = 0;
        foreach (IParameterSymbol parameter in method.Parameters)
        {
            if (parameter.RefKind != RefKind.None || parameter.Ordinal >= Loans.MaximalParameters || !TypeShapes.IsPointer(parameter.Type)) continue;
            pointers |= 1UL << parameter.Ordinal;
            lending._held.Add(parameter, 1UL << parameter.Ordinal);
            lending._same.Add(parameter, 1UL << parameter.Ordinal);
        }

        try
        {
            for (int round = 0; pointers != 0 && round < MaximalRounds; round++)
            {
                lending.BeginRound();
                lending.Visit(body);
                if (!lending._grew) return new Loans(pointers & ~lending._kept, lending._used);
            }
        }
        catch (InsufficientExecutionStackException)
        {
            // An expression that is deeper than this thread's stack: nothing is said of the body.
        }

        return default;
    }

    /// <summary>The parameters that the value of an expression may lead to.</summary>
    private ulong Visit(IOperation? operation)
    {
        if (operation is null) return 0;
        RuntimeHelpers.EnsureSufficientExecutionStack();
        bool isOptional = IsOptional(operation);
        if (isOptional) _optional++;
        ulong carried = Carried(operation);
        if (isOptional) _optional--;
        return carried != 0 && CanCarry(operation.Type) ? carried : 0;
    }

    private static bool CanCarry(ITypeSymbol? type) => TypeShapes.FixedSize(type) is 0 or 8 && type?.SpecialType is not (SpecialType.System_Double or SpecialType.System_String);

    private ulong Carried(IOperation operation)
    {
        switch (operation)
        {
            case IParameterReferenceOperation parameter:
                return HeldIn(parameter.Parameter);
            case ILocalReferenceOperation local:
                return HeldIn(local.Local);
            case IFieldReferenceOperation { Field.IsFixedSizeBuffer: true } buffer:
                return Address(buffer);
            case IFieldReferenceOperation field:
                ulong container = Visit(field.Instance);
                return IsPart(field) ? container : 0;
            case IInlineArrayAccessOperation inline:
                return Visit(inline.Instance) | Visit(inline.Argument);
            case IArrayElementReferenceOperation:
                Children(operation);
                return 0;
            case IAddressOfOperation address:
                return Address(address.Reference);
            case IInvocationOperation call:
                return Call(call.TargetMethod, call.Instance, call.Arguments);
            case IPropertyReferenceOperation property:
                return Call(property.Property.GetMethod ?? property.Property.SetMethod, property.Instance, property.Arguments);
            case IObjectCreationOperation { Constructor: { } constructor } creation:
                Visit(creation.Initializer);
                return Call(constructor, null, creation.Arguments);
            case ISimpleAssignmentOperation assignment:
                Change(assignment.Target);
                return Assign(assignment.Target, assignment.IsRef ? Address(assignment.Value) : Visit(assignment.Value));
            case ICompoundAssignmentOperation { OperatorMethod: null } compound:
                if (compound.OperatorKind is not (BinaryOperatorKind.Add or BinaryOperatorKind.Subtract) || !StaysInside(compound.Value)) Change(compound.Target);
                return Assign(compound.Target, Visit(compound.Target) | Visit(compound.Value));
            case IIncrementOrDecrementOperation { OperatorMethod: null } increment:
                return Assign(increment.Target, Visit(increment.Target));
            case ICoalesceAssignmentOperation coalesce:
                Change(coalesce.Target);
                return Assign(coalesce.Target, Visit(coalesce.Target) | Visit(coalesce.Value));
            case IBinaryOperation { OperatorKind: BinaryOperatorKind.Subtract, LeftOperand.Type: IPointerTypeSymbol, RightOperand.Type: IPointerTypeSymbol }:
                Children(operation);
                return 0;
            case IVariableDeclaratorOperation declarator:
                Declare(declarator);
                return 0;
            case IDeconstructionAssignmentOperation deconstruction:
                foreach (IOperation inner in deconstruction.Target.DescendantsAndSelf()) Change(inner);
                return Keep(Children(operation));
            case IReturnOperation @return:
                ulong returned = Keep(_returnsPlace ? Address(@return.ReturnedValue) : Visit(@return.ReturnedValue));
                Leave();
                return returned;
            case IThrowOperation:
                Keep(Children(operation));
                Leave();
                return 0;
            case IBranchOperation { BranchKind: BranchKind.GoTo }:
                Leave();
                return 0;
            case IForEachLoopOperation loop:
                ulong all = Visit(loop.Collection);
                foreach (ILocalSymbol local in loop.Locals) Hold(local, all);
                Visit(loop.Body);
                return 0;
            // A pattern may give the value another name.
            case ISwitchOperation @switch:
                Keep(Visit(@switch.Value));
                foreach (ISwitchCaseOperation section in @switch.Cases) Visit(section);
                return 0;
            case ISwitchExpressionOperation @switch:
                Keep(Visit(@switch.Value));
                ulong values = 0;
                foreach (ISwitchExpressionArmOperation arm in @switch.Arms)
                {
                    Visit(arm.Guard);
                    values |= Visit(arm.Value);
                }

                return values;
            case IAnonymousFunctionOperation lambda:
                return Function(lambda.Body);
            case ILocalFunctionOperation function:
                return Keep(Function(function.Body));
            case IConversionOperation { OperatorMethod: null } or IUnaryOperation { OperatorMethod: null } or IBinaryOperation { OperatorMethod: null } or IParenthesizedOperation
                or IConditionalOperation or ICoalesceOperation or ITupleOperation or IVariableInitializerOperation
                or IDelegateCreationOperation or IArgumentOperation or IDefaultValueOperation:
                return Children(operation);
            case IBlockOperation or IMethodBodyOperation or IConstructorBodyOperation or IExpressionStatementOperation or ILoopOperation or ISwitchCaseOperation
                or ICaseClauseOperation or IConstantPatternOperation or ITryOperation or ICatchClauseOperation or ILabeledOperation or IVariableDeclarationGroupOperation
                or IVariableDeclarationOperation or IUsingOperation or IUsingDeclarationOperation or ILockOperation:
            case IIsPatternOperation { Pattern: IConstantPatternOperation or INegatedPatternOperation { Pattern: IConstantPatternOperation } }:
                Children(operation);
                return 0;
            case { Kind: OperationKind.None }:
                ulong parts = Children(operation);
                PointerOperation kind = OperationClassifier.Classify(operation, out IOperation? pointer, out IOperation? index);
                if (kind is PointerOperation.Dereference or PointerOperation.Element) Use(pointer, index);
                return kind switch
                {
                    PointerOperation.Dereference or PointerOperation.Element => 0,
                    PointerOperation.StackAllocation => 0,
                    PointerOperation.Pin or PointerOperation.PinnedAddress => parts,
                    // "fixed (…) { … }" as a statement.
                    _ => operation.Type is null && operation.Syntax is Microsoft.CodeAnalysis.CSharp.Syntax.StatementSyntax ? 0 : Keep(parts),
                };
            default:
                return Keep(Children(operation));
        }
    }

    private ulong Children(IOperation operation)
    {
        ulong all = 0;
        foreach (IOperation child in operation.ChildOperations) all |= Visit(child);
        return all;
    }

    private void Declare(IVariableDeclaratorOperation declarator)
    {
        IOperation? value = (declarator.Initializer ?? (declarator.Parent as IVariableDeclarationOperation)?.Initializer)?.Value;
        Begin(declarator.Symbol, value);
        Hold(declarator.Symbol, declarator.Symbol.IsRef ? Address(value) : Visit(value));
    }

    /// <summary>What a pointer to the place may lead to: into the memory behind a parameter, or to a variable. Through it what the variable holds can go anywhere.</summary>
    private ulong Address(IOperation? place)
    {
        switch (place)
        {
            case null:
                return 0;
            case IFieldReferenceOperation { Instance: { } instance }:
                return instance.Type is { IsReferenceType: true } or IPointerTypeSymbol ? Visit(instance) : Address(instance);
            case IInlineArrayAccessOperation inline:
                return Address(inline.Instance) | Visit(inline.Argument);
            case ILocalReferenceOperation local:
                return local.Local.IsRef ? HeldIn(local.Local) : Expose(local, local.Local, local.Type);
            case IParameterReferenceOperation parameter:
                return Expose(parameter, parameter.Parameter, parameter.Type);
            case IDeclarationExpressionOperation declaration:
                return Address(declaration.Expression);
            case IParenthesizedOperation parenthesized:
                return Address(parenthesized.Operand);
            case IConditionalOperation choice:
                Visit(choice.Condition);
                _optional++;
                ulong either = Address(choice.WhenTrue) | Address(choice.WhenFalse);
                _optional--;
                return either;
            case { Kind: OperationKind.None } when OperationClassifier.Classify(place, out IOperation? pointer, out IOperation? index) is PointerOperation.Dereference or PointerOperation.Element:
                return Visit(pointer) | Visit(index);
            default:
                return Carried(place);
        }
    }

    private ulong Expose(IOperation place, ISymbol variable, ITypeSymbol? type)
    {
        Change(place);
        return CanCarry(type) ? Keep(HeldIn(variable)) : 0;
    }

    private ulong Call(IMethodSymbol? method, IOperation? receiver, System.Collections.Immutable.ImmutableArray<IArgumentOperation> arguments)
    {
        bool isPlain = method is { MethodKind: not (MethodKind.LocalFunction or MethodKind.DelegateInvoke) };
        bool isLibrary = isPlain && CallEffects.IsBcl(method!);
        bool isKeeper = !isLibrary || CallEffects.Keeps(method!);
        ulong all = receiver is not { Type.IsReferenceType: false } ? Visit(receiver) : VariableAt(receiver) is { } holder ? HeldIn(holder) : Address(receiver);
        if (receiver is not null) Change(receiver);
        if (isKeeper) Keep(all);
        foreach (IArgumentOperation argument in arguments)
        {
            bool isReference = argument.Parameter is { RefKind: not RefKind.None };
            ulong given = isReference ? Address(argument.Value) : Visit(argument.Value);
            all |= given;
            if (given != 0 && (isKeeper || isReference) && !(isPlain && argument.Parameter is { } parameter && IsLent(method!, parameter))) Keep(given);
        }

        if (all == 0 || isKeeper) return all;
        // What copies memory puts the one where it was given the address of the other.
        foreach (IArgumentOperation argument in arguments)
            if (VariableAt(argument.Value) is { } variable) Hold(variable, all);
        return all;
    }

    private bool IsLent(IMethodSymbol method, IParameterSymbol parameter) =>
        _model.Find(method) is { } contract && (contract.IsModelled || contract.Borrowed.Count > 0)
            ? contract.Borrowed.Contains(parameter.Ordinal)
            : parameter.RefKind == RefKind.None && !Dispatch.MayBeOverridden(method) && _loans(method).Lends(parameter.Ordinal);

    /// <summary>A variable whose address an argument is.</summary>
    private static ISymbol? VariableAt(IOperation argument)
    {
        while (true)
        {
            switch (argument)
            {
                case IConversionOperation conversion: argument = conversion.Operand; break;
                case IAddressOfOperation address: argument = address.Reference; break;
                case IFieldReferenceOperation { Instance: { Type.IsReferenceType: false } instance }: argument = instance; break;
                case IDeclarationExpressionOperation declaration: argument = declaration.Expression; break;
                case ILocalReferenceOperation local: return local.Local;
                case IParameterReferenceOperation parameter: return parameter.Parameter;
                default: return null;
            }
        }
    }

    private ulong Assign(IOperation target, ulong value)
    {
        if (!CanCarry(target.Type)) value = 0;
        IOperation place = target;
        while (place is IFieldReferenceOperation field && IsPart(field)) place = field.Instance!;
        switch (place)
        {
            case ILocalReferenceOperation { Local.IsRef: false } local:
                return Hold(local.Local, value);
            case IParameterReferenceOperation { Parameter.RefKind: RefKind.None } parameter:
                return Hold(parameter.Parameter, value);
            case IDiscardOperation:
                return value;
            default:
                Visit(place);
                return Keep(value);
        }
    }

    /// <summary>The field is a part of the variable that is named, and not of memory that it leads to.</summary>
    private static bool IsPart(IFieldReferenceOperation field) => field.Instance is { Type: { IsReferenceType: false } and not IPointerTypeSymbol };

    /// <summary>It may run at any time, and do with what it captures what it likes.</summary>
    private ulong Function(IOperation? body)
    {
        bool hasLeft = _hasLeft;
        Visit(body);
        _hasLeft = hasLeft;
        ulong captured = 0;
        if (body is null) return 0;
        foreach (IOperation inner in body.DescendantsAndSelf())
            captured |= inner switch
            {
                ILocalReferenceOperation local => HeldIn(local.Local),
                IParameterReferenceOperation parameter => HeldIn(parameter.Parameter),
                _ => 0,
            };
        return captured;
    }

    private ulong HeldIn(ISymbol variable) => _held.TryGetValue(variable, out ulong held) ? held : 0;

    private ulong Hold(ISymbol variable, ulong value)
    {
        ulong held = HeldIn(variable);
        if ((value & ~held) == 0) return value;
        _held[variable] = held | value;
        _grew = true;
        return value;
    }

    private ulong Keep(ulong value)
    {
        _grew |= (value & ~_kept) != 0;
        _kept |= value;
        return value;
    }
}
