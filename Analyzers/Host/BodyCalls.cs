// What one pass over the operations of a body finds: what it calls or names, and whether it binds. All that is asked of a body before it is walked is
// asked of this list, since Roslyn makes operations as they are passed.

using KAlloc.Analyzers.Flow;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Host;

/// <summary>How a body comes to run another.</summary>
internal enum BodyUse : byte
{
    /// <summary>It calls the method or names it, and no other body can run.</summary>
    Method,

    /// <summary>It calls the method on a receiver, which decides what runs.</summary>
    Virtual,

    /// <summary>It names a property that has this setter, and may set it.</summary>
    Setter,

    /// <summary>It names a field, which may hold functions.</summary>
    Field,

    /// <summary>It names a property, which may hold a function.</summary>
    Property,

    /// <summary>It disposes of an object of the type.</summary>
    Disposable,
}

internal sealed class BodyCalls
{
    private readonly List<(BodyUse Use, ISymbol Symbol, IOperation? Receiver)> _all = [];
    private readonly HashSet<ISymbol> _seen = new(SymbolEqualityComparer.Default);

    private BodyCalls(IOperation body)
    {
        Body = body;
        foreach (IOperation operation in body.DescendantsAndSelf())
        {
            Count++;
            Note(operation);
        }
    }

    /// <summary>Each once, unless a receiver may make a difference.</summary>
    internal IReadOnlyList<(BodyUse Use, ISymbol Symbol, IOperation? Receiver)> All => _all;

    /// <summary>The operation of the body as a whole.</summary>
    internal IOperation Body { get; }

    /// <summary>How many operations are in it.</summary>
    internal int Count { get; }

    /// <summary>It locks or awaits.</summary>
    internal bool Blocks { get; private set; }

    /// <summary>The compiler understands all of it. Code that it does not is left alone: every guess about it is wrong.</summary>
    internal bool Binds { get; private set; } = true;

    internal static BodyCalls Of(IOperation body) => new(body);

    /// <summary>The same of a body in source; null if it has no operation.</summary>
    internal static BodyCalls? Of(in Body body, Compilation compilation, CancellationToken cancellation) =>
        Bodies.OperationOf(body, compilation, cancellation) is { } operation ? new BodyCalls(operation) : null;

    private void Note(IOperation operation)
    {
        switch (operation)
        {
            case IInvocationOperation call:
                Call(call.TargetMethod, call.Instance);
                break;
            case IObjectCreationOperation { Constructor: { } constructor }:
                Add(BodyUse.Method, CallEffects.ConstructorRunBy(constructor));
                break;
            case IPropertyReferenceOperation property:
                Add(BodyUse.Property, property.Property);
                if (property.Property.GetMethod is { } getter) Call(getter, property.Instance);
                if (property.Property.SetMethod is { } setter) _all.Add((BodyUse.Setter, setter, property.Instance));
                break;
            case IMethodReferenceOperation reference:
                Add(BodyUse.Method, reference.Method);
                break;
            case IAnonymousFunctionOperation function when IsReturned(function):
                Add(BodyUse.Method, function.Symbol);
                break;
            case IBinaryOperation { OperatorMethod: { } binary }:
                Add(BodyUse.Method, binary);
                break;
            case IUnaryOperation { OperatorMethod: { } unary }:
                Add(BodyUse.Method, unary);
                break;
            case ICompoundAssignmentOperation { OperatorMethod: { } compound }:
                Add(BodyUse.Method, compound);
                break;
            case IConversionOperation { OperatorMethod: { } conversion }:
                Add(BodyUse.Method, conversion);
                break;
            case IFieldReferenceOperation { Field: var field } when MayHoldFunctions(field.Type):
                Add(BodyUse.Field, field);
                break;
            case IUsingOperation @using:
                Blocks |= @using.IsAsynchronous;
                Dispose(@using.Resources is IVariableDeclarationGroupOperation group ? VariableOf(group) : @using.Resources.Type);
                break;
            case IUsingDeclarationOperation declaration:
                Blocks |= declaration.IsAsynchronous;
                Dispose(VariableOf(declaration.DeclarationGroup));
                break;
            case ILockOperation or IAwaitOperation or IForEachLoopOperation { IsAsynchronous: true }:
                Blocks = true;
                break;
            case IInvalidOperation:
                Binds = false;
                break;
        }
    }

    /// <summary>Callers may run it.</summary>
    private static bool IsReturned(IOperation function)
    {
        IOperation? parent = function.Parent;
        while (parent is IDelegateCreationOperation or IConversionOperation) parent = parent.Parent;
        return parent is IReturnOperation;
    }

    private void Call(IMethodSymbol method, IOperation? receiver)
    {
        if (Dispatch.IsVirtual(method, receiver)) _all.Add((BodyUse.Virtual, method, receiver));
        else Add(BodyUse.Method, CallEffects.ConstructorRunBy(method));
    }

    private void Add(BodyUse use, ISymbol symbol)
    {
        if (_seen.Add(symbol)) _all.Add((use, symbol, null));
    }

    private void Dispose(ITypeSymbol? type)
    {
        if (type is not null) Add(BodyUse.Disposable, type);
    }

    private static ITypeSymbol? VariableOf(IVariableDeclarationGroupOperation group)
    {
        foreach (IVariableDeclarationOperation declaration in group.Declarations)
            foreach (IVariableDeclaratorOperation declarator in declaration.Declarators) return declarator.Symbol.Type;
        return null;
    }

    /// <summary>No number, text or plain pointer.</summary>
    private static bool MayHoldFunctions(ITypeSymbol type) =>
        type.TypeKind is not (TypeKind.Enum or TypeKind.Pointer) && type.SpecialType is SpecialType.None or SpecialType.System_Object or SpecialType.System_Delegate or SpecialType.System_MulticastDelegate;
}
