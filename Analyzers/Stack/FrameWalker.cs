// Walks a body once, in order of evaluation, and fills FrameFeatures. Linear in the body; the nested functions it meets get features of
// their own.
//
// What the JIT does decides what is asked of each node: is this variable read in parts or whole, by address, set by a call; which operands
// wait while a later one calls; what has to lie in memory for a moment. Formula and reasons: FrameEstimate.cs.

using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Stack;

/// <summary>Collects the features of a body and of the functions nested in it.</summary>
internal sealed partial class FrameWalker
{
    private readonly SemanticModel _model;
    private readonly TypeLayouts _layouts;
    private readonly List<FrameFeatures> _results;
    private readonly FrameFeatures _features;
    private readonly List<LoopSpan> _loops = [];
    private readonly Stack<List<FrameVariable>> _disposedAtBlockEnd = new();
    private readonly HashSet<ITypeSymbol> _enumerators = new(SymbolEqualityComparer.Default);
    private int _now;
    private int _handlerStart = -1;

    private FrameWalker(SemanticModel model, TypeLayouts layouts, List<FrameFeatures> results, FrameFeatures features)
    {
        _model = model;
        _layouts = layouts;
        _results = results;
        _features = features;
        results.Add(features);
    }

    /// <summary>The features of the body, first, and of all functions nested in it.</summary>
    internal static List<FrameFeatures> Walk(IOperation body, ISymbol? function, SyntaxNode place, SemanticModel model, TypeLayouts layouts)
    {
        var results = new List<FrameFeatures>();
        var walker = new FrameWalker(model, layouts, results, new FrameFeatures(function, place));
        walker.Run(body);
        return results;
    }

    private void Run(IOperation body)
    {
        if (_features.Function is IMethodSymbol method)
        {
            _features.IsAsyncOrIterator = method.IsAsync;
            foreach (IParameterSymbol parameter in method.Parameters) Variable(parameter)!.FirstWrite = 0;
        }

        try
        {
            Visit(body);
        }
        catch (InsufficientExecutionStackException)
        {
            // A tree deeper than this thread's stack: say nothing rather than die with the compiler.
            _features.IsIncomplete = true;
        }
    }

    private void Visit(IOperation? operation)
    {
        if (operation is null) return;
        RuntimeHelpers.EnsureSufficientExecutionStack();
        switch (operation)
        {
            case IAnonymousFunctionOperation lambda:
                Nested(lambda.Symbol, lambda.Body, lambda.Syntax, isLambda: true);
                break;
            case ILocalFunctionOperation local:
                // A local function that became a delegate puts its closure in the heap, as a lambda does.
                Nested(local.Symbol, local.Body ?? local.IgnoredBody, local.Syntax, isLambda: false);
                break;
            case IDelegateCreationOperation creation:
                Visit(creation.Target);
                if (creation.Target is IMethodReferenceOperation { Method.MethodKind: MethodKind.LocalFunction }) MoveClosuresToHeap();
                Call();
                break;
            case IBlockOperation block:
                _disposedAtBlockEnd.Push([]);
                foreach (IOperation child in block.Operations) Visit(child);
                foreach (FrameVariable disposed in _disposedAtBlockEnd.Pop()) Dispose(disposed);
                break;
            case IVariableDeclaratorOperation declarator:
                Declare(declarator);
                break;
            case IUsingDeclarationOperation usingDeclaration:
                Visit(usingDeclaration.DeclarationGroup);
                if (_disposedAtBlockEnd.Count > 0) _disposedAtBlockEnd.Peek().AddRange(DeclaredIn(usingDeclaration.DeclarationGroup));
                break;
            case IUsingOperation usingOperation:
                Visit(usingOperation.Resources);
                Visit(usingOperation.Body);
                foreach (FrameVariable disposed in DeclaredIn(usingOperation.Resources)) Dispose(disposed);
                break;
            case ISimpleAssignmentOperation assignment:
                Assign(assignment.Target, assignment.Value, assignment.IsRef);
                break;
            case ICompoundAssignmentOperation compound:
                Operands(compound.Target, compound.Value);
                if (compound.OperatorMethod is not null || compound.Type?.SpecialType == SpecialType.System_String) Call();
                Write(compound.Target);
                break;
            case IIncrementOrDecrementOperation increment:
                Visit(increment.Target);
                Write(increment.Target);
                break;
            case ILocalReferenceOperation or IParameterReferenceOperation:
                Read(operation, whole: true);
                break;
            case IFieldReferenceOperation field:
                VisitField(field);
                break;
            case IInlineArrayAccessOperation element:
                Visit(element.Argument);
                Expose(element.Instance);
                break;
            case IAddressOfOperation address:
                Expose(address.Reference);
                break;
            case IArgumentOperation { Parameter.RefKind: not RefKind.None } byReference:
                Expose(byReference.Value);
                Write(byReference.Value);
                break;
            case IConditionalOperation conditional:
                VisitConditional(conditional);
                break;
            case ILoopOperation loop:
                VisitLoop(loop);
                break;
            case ITryOperation tryOperation:
                VisitTry(tryOperation);
                break;
            case ILockOperation lockOperation:
                Visit(lockOperation.LockedValue);
                Call();
                _features.Temporaries.Add(new FrameTemporary("the lock's state", 16, lockOperation.LockedValue.Syntax));
                Visit(lockOperation.Body);
                Call();
                break;
            case IReturnOperation returned:
                VisitReturn(returned);
                break;
            case IConversionOperation conversion:
                VisitConversion(conversion);
                break;
            case IBinaryOperation binary:
                Operands(binary.LeftOperand, binary.RightOperand);
                if (binary.OperatorMethod is { } method && !IsTrivial(method) || IsConcatenation(binary)) Call();
                break;
            default:
                if (!VisitCallLike(operation)) VisitOther(operation);
                break;
        }
    }

    private void VisitOther(IOperation operation)
    {
        if (StackAllocSize.IsStackAlloc(operation.Syntax) && operation.Kind == OperationKind.None)
        {
            AddStackAllocation(operation, local: null, operation.Syntax);
            return;
        }

        // Pattern variables and `out var` come as declarations; what they hold is written by the expression around them.
        if (operation is IDeclarationExpressionOperation declaration)
        {
            Write(declaration.Expression);
            return;
        }

        if (operation is IDeclarationPatternOperation { DeclaredSymbol: ILocalSymbol bound }) Written(Variable(bound));
        if (operation is IDeconstructionAssignmentOperation deconstruction)
        {
            Visit(deconstruction.Value);
            foreach (IOperation target in deconstruction.Target is ITupleOperation tuple ? tuple.Elements : [deconstruction.Target]) Write(target);
            return;
        }

        if (operation is ICatchClauseOperation { ExceptionDeclarationOrExpression: IVariableDeclaratorOperation { Symbol: { } exception } }) Written(Variable(exception));
        foreach (IOperation child in operation.ChildOperations) Visit(child);
    }

    private void Nested(IMethodSymbol function, IOperation? body, SyntaxNode place, bool isLambda)
    {
        if (body is null) return;
        foreach (IOperation inside in body.Descendants())
        {
            ISymbol? symbol = inside switch
            {
                ILocalReferenceOperation { Local.IsConst: false } local => local.Local,
                IParameterReferenceOperation parameter => parameter.Parameter,
                _ => null,
            };
            if (symbol is null || Variable(symbol) is not { } captured) continue;
            if (isLambda) captured.IsInHeap = true;
            else captured.IsInClosure = true;
        }

        var walker = new FrameWalker(_model, _layouts, _results, new FrameFeatures(function, place));
        walker.Run(body);
    }

    private void MoveClosuresToHeap()
    {
        foreach (FrameVariable variable in _features.Variables.Values)
        {
            if (variable.IsInClosure) variable.IsInHeap = true;
        }
    }

    private void Declare(IVariableDeclaratorOperation declarator)
    {
        IVariableInitializerOperation? initializer = declarator.Initializer ?? (declarator.Parent as IVariableDeclarationOperation)?.Initializer;
        if (declarator.Symbol.IsConst) return;
        FrameVariable? variable = Variable(declarator.Symbol);
        if (initializer is null || variable is null) return;
        IOperation value = Unwrap(initializer.Value);
        if (StackAllocSize.IsStackAlloc(value.Syntax) && value.Kind == OperationKind.None)
        {
            AddStackAllocation(value, declarator.Symbol, declarator.Syntax);
            Written(variable);
            return;
        }

        if (declarator.Symbol.IsRef) Expose(initializer.Value);
        else VisitInto(variable, initializer.Value);
        if (variable.Writes == 0 && initializer.Value.ConstantValue is { HasValue: true, Value: { } constant }) variable.ConstantInitializer = StackAllocSize.ToNumber(constant);
        Written(variable);
    }

    private void Assign(IOperation target, IOperation value, bool isRef)
    {
        if (isRef)
        {
            Expose(value);
            Write(target);
        }
        else if (OwnVariable(target) is { } variable)
        {
            VisitInto(variable, value);
            Written(variable);
        }
        else
        {
            // `a[i()].f = g()`: the place is evaluated first and waits.
            Operands(Place(target), value);
            if (target is IPropertyReferenceOperation property && !IsTrivial(property.Property.SetMethod)) Call();
            Write(target);
        }
    }

    /// <summary>The value goes into a variable: a call builds it in place.</summary>
    private void VisitInto(FrameVariable variable, IOperation value)
    {
        IOperation inner = Unwrap(value);
        if (inner is IConditionalOperation { WhenFalse: not null } conditional)
        {
            Visit(conditional.Condition);
            VisitInto(variable, conditional.WhenTrue);
            VisitInto(variable, conditional.WhenFalse!);
            return;
        }

        if (!variable.Layout.IsStruct || inner is IDefaultValueOperation || inner.ConstantValue.HasValue)
        {
            Visit(value);
        }
        else if (IsStructCall(inner))
        {
            bool overwrites = variable.FirstWrite >= 0;
            VisitCall(inner, isOperand: false);
            if (inner is IObjectCreationOperation creation && IsTrivialConstructor(creation)) return;
            variable.IsSetFromCall = true;
            if (overwrites && (variable.Layout.HasBuffer || variable.IsParameter)) variable.OverwritingCalls++;
        }
        else
        {
            Visit(value);
            variable.IsSetFromCopy = true;
        }
    }

    private void VisitField(IFieldReferenceOperation field)
    {
        if (field.Instance is null || field.Field.IsConst) return;
        if (field.Field.IsFixedSizeBuffer) Expose(field.Instance);
        else if (OwnVariable(Root(field)) is not null) Read(Root(field)!, whole: false);
        else Visit(field.Instance);
    }

    private void VisitConditional(IConditionalOperation conditional)
    {
        if (conditional.Condition.ConstantValue is { HasValue: true, Value: bool always })
        {
            // The JIT drops the dead branch.
            Visit(always ? conditional.WhenTrue : conditional.WhenFalse);
            return;
        }

        Visit(conditional.Condition);
        Visit(conditional.WhenTrue);
        Visit(conditional.WhenFalse);
    }

    private void VisitReturn(IReturnOperation returned)
    {
        if (returned.Kind is OperationKind.YieldReturn or OperationKind.YieldBreak)
        {
            Visit(returned.ReturnedValue);
            _features.IsAsyncOrIterator = true;
            _features.Suspensions.Add(++_now);
            return;
        }

        // `return F();` hands the caller's own buffer on.
        if (returned.ReturnedValue is { } value && IsStructCall(Unwrap(value))) VisitCall(Unwrap(value), isOperand: false);
        else Visit(returned.ReturnedValue);
    }

    private void VisitTry(ITryOperation tryOperation)
    {
        int outer = _handlerStart;
        int start = _now;
        Visit(tryOperation.Body);
        _handlerStart = start;
        foreach (ICatchClauseOperation handler in tryOperation.Catches) Visit(handler);
        Visit(tryOperation.Finally);
        _handlerStart = outer;
    }

    private void VisitLoop(ILoopOperation loop)
    {
        // What runs before the first turn is not in the loop.
        if (loop is IForLoopOperation counted)
        {
            foreach (IOperation before in counted.Before) Visit(before);
        }
        else if (loop is IForEachLoopOperation each)
        {
            VisitEnumerator(each);
        }

        var span = new LoopSpan(++_now, loop is IForLoopOperation constant ? StackAllocSize.TurnsOf(constant) : 0);
        _loops.Add(span);
        switch (loop)
        {
            case IForLoopOperation forLoop:
                Visit(forLoop.Condition);
                Visit(forLoop.Body);
                foreach (IOperation step in forLoop.AtLoopBottom) Visit(step);
                break;
            case IForEachLoopOperation forEach:
                Write(forEach.LoopControlVariable);
                Visit(forEach.Body);
                break;
            case IWhileLoopOperation whileLoop:
                Visit(whileLoop.Condition);
                Visit(whileLoop.Body);
                break;
            default:
                foreach (IOperation child in loop.ChildOperations) Visit(child);
                break;
        }

        span.End = ++_now;
        _loops.RemoveAt(_loops.Count - 1);
        foreach (FrameVariable hidden in _features.Hidden)
        {
            if (hidden.LastUse == int.MaxValue) hidden.LastUse = span.End;
        }
    }

    private void VisitEnumerator(IForEachLoopOperation loop)
    {
        Visit(loop.Collection);
        ITypeSymbol? collection = Unwrap(loop.Collection).Type;
        ForEachStatementInfo info = loop.Syntax is CommonForEachStatementSyntax syntax ? _model.GetForEachStatementInfo(syntax) : default;
        ITypeSymbol? enumerator = info.GetEnumeratorMethod?.ReturnType;
        if (collection?.TypeKind != TypeKind.Array && enumerator is { IsValueType: true })
        {
            TypeLayout layout = _layouts.Of(enumerator);
            if (layout.Size > 16 && _enumerators.Add(enumerator))
                _features.Temporaries.Add(new FrameTemporary("the enumerator of foreach", Up8(layout.Size), loop.Collection.Syntax));
            Call();
        }

        // The collection or enumerator and its index live as long as the loop.
        for (int i = 0; i < 2; i++)
            _features.Hidden.Add(new FrameVariable(null, TypeLayout.Pointer, loop.Syntax) { FirstWrite = _now, LastUse = int.MaxValue });
    }

    private static int Up8(int bytes) => (bytes + 7) / 8 * 8;
}
