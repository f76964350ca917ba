// Which memory a body uses for certain. A caller who passes freed memory is told so, and paths are not followed here: what a condition, a loop or an
// early return may leave out does not count, nor what is reached through a variable that was given another value.
//
//   uint Digest(byte* from, int n) { uint sum = *from; for (int i = 1; i < n; i++) sum += from[i]; return sum; }      uses from
//   uint Digest(byte* from, int n) { uint sum = 0; for (int i = 0; i < n; i++) sum += from[i]; return sum; }          perhaps not: n may be 0

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class Lending
{
    /// <summary>Variables that point into the memory of one parameter wherever they are named; 0 for those that were changed somewhere.</summary>
    private readonly Dictionary<ISymbol, ulong> _same = new(SymbolEqualityComparer.Default);

    private ulong _used;
    private int _optional;
    private bool _hasLeft;

    private void BeginRound()
    {
        _grew = false;
        _used = 0;
        _hasLeft = false;
    }

    /// <summary>What comes after may not be reached.</summary>
    private void Leave() => _hasLeft = true;

    /// <summary>The memory behind a pointer is read or written.</summary>
    private void Use(IOperation? pointer, IOperation? index)
    {
        if (_optional == 0 && !_hasLeft && StaysInside(index)) _used |= Same(pointer);
    }

    /// <summary>A variable gets its first value.</summary>
    private void Begin(ILocalSymbol variable, IOperation? value)
    {
        if (!variable.IsRef && !(_same.TryGetValue(variable, out ulong known) && known == 0)) _same[variable] = Same(value);
    }

    /// <summary>A variable gets another value, or others may give it one.</summary>
    private void Change(IOperation place)
    {
        ISymbol? variable = place switch
        {
            ILocalReferenceOperation local => local.Local,
            IParameterReferenceOperation parameter => parameter.Parameter,
            _ => null,
        };
        if (variable is null || !_same.TryGetValue(variable, out ulong known) || known == 0) return;
        _same[variable] = 0;
        _grew = true;
    }

    /// <summary>The parameter into whose memory the expression points, however it is reached; 0 if that is not certain.</summary>
    private ulong Same(IOperation? pointer) => pointer switch
    {
        IParameterReferenceOperation parameter => _same.TryGetValue(parameter.Parameter, out ulong same) ? same : 0,
        ILocalReferenceOperation local => _same.TryGetValue(local.Local, out ulong same) ? same : 0,
        IParenthesizedOperation parenthesized => Same(parenthesized.Operand),
        IConversionOperation { OperatorMethod: null } conversion when CanCarry(conversion.Type) => Same(conversion.Operand),
        IIncrementOrDecrementOperation { OperatorMethod: null } increment => Same(increment.Target),
        IBinaryOperation { OperatorMethod: null, OperatorKind: BinaryOperatorKind.Add or BinaryOperatorKind.Subtract } sum when StaysInside(sum.RightOperand) => Same(sum.LeftOperand),
        _ => 0,
    };

    /// <summary>An index or a number that is added. The difference of two pointers would lead from the one to the other.</summary>
    private static bool StaysInside(IOperation? number)
    {
        while (number is IConversionOperation { IsImplicit: true } conversion) number = conversion.Operand;
        return number is null || number.ConstantValue.HasValue || !CanCarry(number.Type);
    }

    /// <summary>Some ways through what the operation is a part of leave it out, or come to it later.</summary>
    private static bool IsOptional(IOperation operation)
    {
        if (operation is ILocalFunctionOperation or IAnonymousFunctionOperation or ICatchClauseOperation or ISwitchCaseOperation) return true;
        return operation.Parent switch
        {
            IConditionalOperation choice => operation != choice.Condition,
            IForLoopOperation loop => operation != loop.Condition && !loop.Before.Contains(operation),
            IWhileLoopOperation loop => operation != loop.Condition || !loop.ConditionIsTop,
            IForEachLoopOperation loop => operation != loop.Collection,
            IBinaryOperation { OperatorKind: BinaryOperatorKind.ConditionalAnd or BinaryOperatorKind.ConditionalOr } both => operation == both.RightOperand,
            ICoalesceOperation choice => operation != choice.Value,
            ICoalesceAssignmentOperation choice => operation != choice.Target,
            IConditionalAccessOperation access => operation != access.Operation,
            ISwitchExpressionArmOperation => true,
            _ => false,
        };
    }
}
