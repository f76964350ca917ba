// The half of the walk that deals with values: variables read and written, operands, conversions, calls and their results.

using System.Collections.Generic;
using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Stack;

internal sealed partial class FrameWalker
{
    /// <summary>Integer arguments that travel in registers (x64 System V); the rest goes to the stack.</summary>
    private const int IntegerRegisters = 6;

    /// <summary>Floating-point arguments that travel in registers.</summary>
    private const int FloatRegisters = 8;

    /// <summary>Structs up to this size travel in registers.</summary>
    private const int RegisterStruct = 16;

    /// <summary>Size of <c>DefaultInterpolatedStringHandler</c>, one per interpolated string.</summary>
    private const int StringHandler = 40;

    private FrameVariable? Variable(ISymbol symbol)
    {
        if (_features.Variables.TryGetValue(symbol, out FrameVariable? known)) return known;
        if (!SymbolEqualityComparer.Default.Equals(symbol.ContainingSymbol, _features.Function)) return null;
        (ITypeSymbol type, bool isReference) = symbol switch
        {
            ILocalSymbol local => (local.Type, local.IsRef),
            IParameterSymbol parameter => (parameter.Type, parameter.RefKind != RefKind.None),
            _ => (null!, false),
        };
        if (type is null) return null;
        SyntaxNode place = symbol.DeclaringSyntaxReferences.FirstOrDefault()?.GetSyntax() ?? _features.Place;
        var variable = new FrameVariable(symbol, isReference ? TypeLayout.Pointer : _layouts.Of(type), place)
        {
            IsParameter = symbol is IParameterSymbol,
            IsPinned = symbol is ILocalSymbol { IsFixed: true },
        };
        return _features.Variables[symbol] = variable;
    }

    private FrameVariable? OwnVariable(IOperation? operation) => operation switch
    {
        ILocalReferenceOperation local => Variable(local.Local),
        IParameterReferenceOperation parameter => Variable(parameter.Parameter),
        IVariableDeclaratorOperation declarator => Variable(declarator.Symbol),
        IDeclarationExpressionOperation declaration => OwnVariable(declaration.Expression),
        _ => null,
    };

    /// <summary>The struct variable that a chain of field references starts at; the operation itself if there is none.</summary>
    private static IOperation? Root(IOperation? operation)
    {
        while (operation is IFieldReferenceOperation { Instance: { Type.IsValueType: true } instance }) operation = instance;
        return operation;
    }

    private void Read(IOperation reference, bool whole)
    {
        if (OwnVariable(reference) is not { } variable) return;
        if (whole) variable.IsUsedWhole = true;
        Touch(variable);
    }

    private void Touch(FrameVariable variable)
    {
        variable.LastUse = ++_now;
        if (_handlerStart >= 0 && variable.FirstWrite >= 0 && variable.FirstWrite <= _handlerStart) variable.IsUsedInHandler = true;
        ExtendToLoop(variable);
    }

    private void ExtendToLoop(FrameVariable variable)
    {
        if (variable.FirstWrite < 0) return;
        foreach (LoopSpan loop in _loops)
        {
            if (loop.Start <= variable.FirstWrite) continue;
            if (variable.LastsToEndOf is null || variable.LastsToEndOf.End < loop.Start) variable.LastsToEndOf = loop;
            return;
        }
    }

    private void Write(IOperation? target)
    {
        IOperation? root = Root(target);
        if (OwnVariable(root) is { } variable) Written(variable);
    }

    private void Written(FrameVariable? variable)
    {
        if (variable is null) return;
        variable.Writes++;
        _now++;
        if (variable.FirstWrite < 0) variable.FirstWrite = _now;
    }

    private void Dispose(FrameVariable variable)
    {
        Touch(variable);
        Call();
        if (variable.Layout.IsStruct) variable.IsExposed = true;
    }

    private IEnumerable<FrameVariable> DeclaredIn(IOperation resources)
    {
        foreach (IOperation operation in resources.DescendantsAndSelf())
        {
            if (operation is IVariableDeclaratorOperation declarator && Variable(declarator.Symbol) is { } variable) yield return variable;
        }
    }

    private void Expose(IOperation? place)
    {
        IOperation? root = Root(place);
        if (OwnVariable(root) is { } variable)
        {
            variable.IsExposed = true;
            Touch(variable);
            if (variable.FirstWrite < 0) variable.FirstWrite = _now;
        }
        else if (root is IInlineArrayAccessOperation element)
        {
            Visit(element.Argument);
            Expose(element.Instance);
        }
        else
        {
            Visit(place);
        }
    }

    /// <summary>The parts of an assignment's target that are evaluated before its value.</summary>
    private static IOperation? Place(IOperation target) => target switch
    {
        IFieldReferenceOperation field when Root(field) is ILocalReferenceOperation or IParameterReferenceOperation => null,
        IFieldReferenceOperation field => field.Instance,
        IPropertyReferenceOperation { Arguments.IsEmpty: true } property => property.Instance,
        _ => target,
    };

    /// <summary>Operands evaluated in order and used together at the end.</summary>
    private void Operands(params IOperation?[] operands) => Operands((IReadOnlyList<IOperation?>)operands);

    private void Operands(IReadOnlyList<IOperation?> operands)
    {
        var callsBefore = new int[operands.Count];
        for (int i = 0; i < operands.Count; i++)
        {
            Visit(operands[i]);
            callsBefore[i] = _features.Calls.Count;
        }

        for (int i = 0; i < operands.Count; i++)
        {
            if (callsBefore[i] == _features.Calls.Count || operands[i] is not { } operand) continue;
            IOperation inner = Unwrap(operand is IArgumentOperation argument ? argument.Value : operand);
            if (inner.ConstantValue.HasValue || inner is IInstanceReferenceOperation or IDefaultValueOperation or ILiteralOperation) continue;
            if (OwnVariable(inner) is { } variable)
            {
                Touch(variable);
                continue;
            }

            TypeLayout layout = _layouts.Of(inner.Type);
            if (layout.IsFloat) _features.WaitingFloats++;
            else if (!layout.IsStruct || layout.Size <= 8) _features.WaitingOperands++;
        }
    }

    private void VisitConversion(IConversionOperation conversion)
    {
        Visit(conversion.Operand);
        bool boxes = conversion.Operand.Type?.IsValueType == true && conversion.Type?.IsReferenceType == true;
        if (boxes || conversion.OperatorMethod is { } method && !IsTrivial(method)) Call();
    }

    /// <summary>Calls, and whatever the compiler turns into one.</summary>
    private bool VisitCallLike(IOperation operation)
    {
        switch (operation)
        {
            case IInvocationOperation or IObjectCreationOperation or IPropertyReferenceOperation or IFunctionPointerInvocationOperation:
                VisitCall(operation, isOperand: operation.Parent is not IExpressionStatementOperation);
                return true;
            case IAwaitOperation awaited:
                Visit(awaited.Operation);
                Call();
                _features.IsAsyncOrIterator = true;
                _features.Suspensions.Add(++_now);
                return true;
            case IInterpolatedStringOperation interpolation:
                VisitInterpolation(interpolation);
                return true;
            case IArrayCreationOperation or IAnonymousObjectCreationOperation or IDynamicInvocationOperation:
                foreach (IOperation child in operation.ChildOperations) Visit(child);
                Call();
                return true;
            case IIsTypeOperation or IThrowOperation or IEventAssignmentOperation:
                foreach (IOperation child in operation.ChildOperations) Visit(child);
                if (operation is IEventAssignmentOperation) Call();
                return true;
            case IInvalidOperation:
                _features.IsIncomplete = true;
                return true;
            default:
                return false;
        }
    }

    private void VisitCall(IOperation call, bool isOperand)
    {
        IMethodSymbol? method = null;
        IOperation? instance = null;
        var arguments = new List<IOperation>();
        switch (call)
        {
            case IInvocationOperation invocation:
                method = invocation.TargetMethod;
                instance = invocation.Instance;
                arguments.AddRange(invocation.Arguments);
                break;
            case IPropertyReferenceOperation property:
                method = property.Property.GetMethod ?? property.Property.SetMethod;
                instance = property.Instance;
                arguments.AddRange(property.Arguments);
                break;
            case IObjectCreationOperation creation:
                method = creation.Constructor;
                arguments.AddRange(creation.Arguments);
                break;
            case IFunctionPointerInvocationOperation pointer:
                Visit(pointer.Target);
                arguments.AddRange(pointer.Arguments);
                break;
        }

        bool trivial = IsTrivial(method) || call is IObjectCreationOperation { Type.IsValueType: true } value && IsTrivialConstructor(value);
        VisitReceiver(instance, trivial);
        Operands(arguments);
        if (!trivial)
        {
            Call();
            AddOutgoing(call, method, arguments);
        }

        if (isOperand && !trivial && IsStructCall(call)) AddResult(call);
        if (call is IObjectCreationOperation { Initializer: { } initializer }) Visit(initializer);
    }

    private void VisitReceiver(IOperation? instance, bool trivial)
    {
        if (instance?.Type is not { IsValueType: true } || Root(instance) is not { } root)
        {
            Visit(instance);
        }
        else if (OwnVariable(root) is not null)
        {
            if (trivial) Read(root, whole: false);
            else Expose(instance);
        }
        else
        {
            Visit(instance);
        }
    }

    /// <summary>A struct that a call returns into the middle of an expression needs a place of its own.</summary>
    private void AddResult(IOperation call)
    {
        TypeLayout layout = _layouts.Of(call.Type);
        bool byAddress = call.Parent is IInvocationOperation { Instance: { } receiver } && ReferenceEquals(receiver, call)
            || call.Parent is IArgumentOperation { Parameter.RefKind: not RefKind.None };
        int bytes = layout.Size > RegisterStruct || byAddress || layout.Leaves > 2 || layout.Overlaps ? Up8(layout.Size) : layout.Size > 8 ? 8 : 0;
        if (bytes > 0 && !layout.IsSimd) _features.Temporaries.Add(new FrameTemporary("the result of " + Shorten(call.Syntax), bytes, call.Syntax));
    }

    private void AddOutgoing(IOperation call, IMethodSymbol? method, List<IOperation> arguments)
    {
        int integers = method is { IsStatic: false } ? 1 : 0, floats = 0, bytes = 0;
        if (call is { Type: { IsValueType: true } result } && call is not IObjectCreationOperation && _layouts.Of(result).Size > RegisterStruct) integers++;
        foreach (IOperation argument in arguments)
        {
            IParameterSymbol? parameter = (argument as IArgumentOperation)?.Parameter;
            ITypeSymbol? type = parameter?.Type ?? (argument as IArgumentOperation)?.Value.Type;
            TypeLayout layout = parameter is { RefKind: not RefKind.None } ? TypeLayout.Pointer : _layouts.Of(type);
            if (layout.IsStruct && layout.Size > RegisterStruct)
            {
                bytes += Up8(layout.Size);
            }
            else if (layout.IsFloat || layout.IsSimd)
            {
                floats++;
            }
            else
            {
                integers += layout.Size > 8 ? 2 : 1;
            }
        }

        bytes += 8 * (System.Math.Max(0, integers - IntegerRegisters) + System.Math.Max(0, floats - FloatRegisters));
        if (bytes > _features.Outgoing.Bytes) _features.Outgoing = new FrameTemporary("the arguments of " + Shorten(call.Syntax), bytes, call.Syntax);
    }

    private void VisitInterpolation(IInterpolatedStringOperation interpolation)
    {
        bool anyHole = false, onlyStrings = interpolation.Parts.Length <= 4;
        foreach (IInterpolatedStringContentOperation part in interpolation.Parts)
        {
            if (part is not IInterpolationOperation hole) continue;
            anyHole = true;
            onlyStrings &= hole.Expression.Type?.SpecialType == SpecialType.System_String && hole.Alignment is null && hole.FormatString is null;
            Visit(hole.Expression);
            Call();
        }

        if (anyHole && !onlyStrings && interpolation.Type?.SpecialType == SpecialType.System_String && !interpolation.ConstantValue.HasValue)
            _features.Temporaries.Add(new FrameTemporary("an interpolated string", StringHandler, interpolation.Syntax));
    }

    private void Call() => _features.Calls.Add(++_now);

    private void AddStackAllocation(IOperation operation, ILocalSymbol? local, SyntaxNode place)
    {
        foreach (IOperation child in operation.ChildOperations) Visit(child);
        _features.StackAllocations.Add(new StackAllocation(operation.Syntax, place, local?.Name ?? "stackalloc") { Local = local, Loops = [.. _loops] });
    }

    private static bool IsStructCall(IOperation operation) =>
        operation is IInvocationOperation or IPropertyReferenceOperation or IObjectCreationOperation or IFunctionPointerInvocationOperation
        && operation.Type is { IsValueType: true, TypeKind: TypeKind.Struct, SpecialType: SpecialType.None or SpecialType.System_DateTime or SpecialType.System_Decimal };

    private static IOperation Unwrap(IOperation operation)
    {
        while (true)
        {
            switch (operation)
            {
                case IConversionOperation { OperatorMethod: null } conversion when conversion.Operand.Type?.IsValueType != true || conversion.Type?.IsValueType == true:
                    operation = conversion.Operand;
                    break;
                case IParenthesizedOperation parenthesized:
                    operation = parenthesized.Operand;
                    break;
                default:
                    return operation;
            }
        }
    }

    private static bool IsConcatenation(IBinaryOperation binary) =>
        binary.Type?.SpecialType == SpecialType.System_String && !binary.ConstantValue.HasValue && binary.Parent is not IBinaryOperation { Type.SpecialType: SpecialType.System_String };

    /// <summary>Calls that the JIT certainly inlines without a trace: accessors of automatic properties, and spans' own.</summary>
    private static bool IsTrivial(IMethodSymbol? method)
    {
        if (method is null) return true;
        if (method.IsVirtual || method.IsOverride || method.IsAbstract) return false;
        if (method.AssociatedSymbol is IPropertySymbol property)
        {
            if (property.ContainingType.TypeKind == TypeKind.Interface) return false;
            if (property.ContainingType is { SpecialType: SpecialType.System_String or SpecialType.System_Nullable_T or SpecialType.System_Array }) return true;
            if (property.ContainingType.Name is "Span" or "ReadOnlySpan" or "Memory" or "ReadOnlyMemory" or "KeyValuePair") return true;
            return Flow.TypeShapes.IsAutomatic(property);
        }

        return method.ContainingType is { Name: "Span" or "ReadOnlySpan" or "Unsafe" or "MemoryMarshal" or "Math", ContainingNamespace.Name: "System" or "CompilerServices" or "InteropServices" }
            && method.Name is not ("ToArray" or "CopyTo" or "Fill" or "Clear" or "Pow" or "Sin" or "Cos" or "Exp" or "Log");
    }

    /// <summary>A constructor that only stores its few arguments: the JIT inlines it and builds the value field by field.</summary>
    private static bool IsTrivialConstructor(IObjectCreationOperation creation)
    {
        if (creation.Type is not { IsValueType: true }) return false;
        if (creation.Constructor is not { IsImplicitlyDeclared: false } constructor) return true;
        if (constructor.GetAttributes().Any(attribute => attribute.AttributeClass?.Name == "MethodImplAttribute")) return false;
        SyntaxNode? declaration = constructor.DeclaringSyntaxReferences.FirstOrDefault()?.GetSyntax();
        return declaration is null ? constructor.Parameters.Length <= 2 : !declaration.DescendantNodes().Any(node => node is InvocationExpressionSyntax or ForStatementSyntax or WhileStatementSyntax);
    }

    private static string Shorten(SyntaxNode syntax)
    {
        const int MaxLength = 40;
        SyntaxNode shown = syntax is InvocationExpressionSyntax invocation ? invocation.Expression : syntax;
        string text = shown.ToString();
        int line = text.IndexOf('\n');
        if (line >= 0) text = text.Substring(0, line).TrimEnd();
        if (text.Length > MaxLength) text = text.Substring(0, MaxLength) + "…";
        return syntax is InvocationExpressionSyntax ? $"'{text}(…)'" : $"'{text}'";
    }
}
