// Fields that hold one value for as long as anybody can call through them: given once, where they are declared or in the static constructor, and
// named nowhere as something to write to.
//
//   static readonly Action<nint> s_free = Drop;                written: only in the constructors of the type
//   private static readonly IDropper s_dropper = new Dropper();
//   private static Action<nint> s_free = p => Drop(p);         written: wherever the private name can be used

using System.Collections.Concurrent;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed class SettledFields(Compilation compilation)
{
    private readonly ConcurrentDictionary<IFieldSymbol, (IMethodSymbol? Function, INamedTypeSymbol? Class)> _known = new(SymbolEqualityComparer.Default);

    /// <summary>The one function that the field holds: a static method, or a lambda that captures nothing.</summary>
    internal IMethodSymbol? FunctionIn(IFieldSymbol field) => field.Type.TypeKind is TypeKind.Delegate or TypeKind.FunctionPointer ? Of(field).Function : null;

    /// <summary>The class of the one object that the field holds.</summary>
    internal INamedTypeSymbol? ClassIn(IFieldSymbol field) => field.Type.TypeKind is TypeKind.Interface or TypeKind.Class ? Of(field).Class : null;

    private (IMethodSymbol? Function, INamedTypeSymbol? Class) Of(IFieldSymbol field)
    {
        field = field.OriginalDefinition;
        return _known.TryGetValue(field, out var known) ? known : _known.GetOrAdd(field, Find(field));
    }

    private (IMethodSymbol? Function, INamedTypeSymbol? Class) Find(IFieldSymbol field)
    {
        if (ValueOf(field) is not { } syntax) return default;
        // Inside an analyzer the driver hands out its own cached model and operations, so this binds nothing twice.
#pragma warning disable RS1030
        IOperation? value = compilation.GetSemanticModel(syntax.SyntaxTree).GetOperation(syntax) switch
        {
            IFieldInitializerOperation initializer => initializer.Value,
            ISimpleAssignmentOperation assignment => assignment.Value,
            _ => null,
        };
#pragma warning restore RS1030
        while (true)
        {
            switch (value)
            {
                case IConversionOperation { OperatorMethod: null } conversion: value = conversion.Operand; break;
                case IDelegateCreationOperation creation: value = creation.Target; break;
                case IAddressOfOperation address: value = address.Reference; break;
                case IMethodReferenceOperation { Instance: null, Method: { MethodKind: MethodKind.Ordinary, IsStatic: true, IsAbstract: false } method }: return (method, null);
                case IAnonymousFunctionOperation { Symbol: var lambda } function when !CapturesAny(function, lambda): return (lambda, null);
                case IObjectCreationOperation { Type: INamedTypeSymbol type }: return (null, type);
                default: return default;
            }
        }
    }

    /// <summary>What gives the field its value; null if that is not one place.</summary>
    private SyntaxNode? ValueOf(IFieldSymbol field)
    {
        if (field.DeclaringSyntaxReferences is not [{ } reference] || !compilation.ContainsSyntaxTree(reference.SyntaxTree) || field.RefKind != RefKind.None) return null;
        if (!field.IsStatic && field.ContainingType.IsValueType) return null;
        if ((field.IsReadOnly ? field.ContainingType : ClosedFields.UsersOf(field)) is not { } writers) return null;
        SyntaxNode? value = reference.GetSyntax() is VariableDeclaratorSyntax { Initializer: { } initializer } ? initializer : null;
        foreach (SyntaxReference part in writers.DeclaringSyntaxReferences)
        {
            foreach (SyntaxNode node in part.GetSyntax().DescendantNodes())
            {
                if (node is not IdentifierNameSyntax name || name.Identifier.ValueText != field.Name || WriteOf(name) is not { } write) continue;
                bool isFirst = value is null && field.IsStatic && write is AssignmentExpressionSyntax { RawKind: (int)SyntaxKind.SimpleAssignmentExpression } && IsInStaticConstructor(write, field);
                if (!isFirst) return null;
                value = write;
            }
        }

        return value;
    }

    /// <summary>What writes, or may write, to the named place.</summary>
    private static SyntaxNode? WriteOf(ExpressionSyntax name)
    {
        while (name.Parent is ParenthesizedExpressionSyntax or PostfixUnaryExpressionSyntax { RawKind: (int)SyntaxKind.SuppressNullableWarningExpression }
            || (name.Parent is MemberAccessExpressionSyntax access && access.Name == name) || name.Parent is MemberBindingExpressionSyntax) name = (ExpressionSyntax)name.Parent;
        return name.Parent switch
        {
            AssignmentExpressionSyntax assignment when assignment.Left == name => assignment,
            ArgumentSyntax { RefKindKeyword.RawKind: not 0 } or ArgumentSyntax { Parent: TupleExpressionSyntax } or RefExpressionSyntax => name.Parent,
            PrefixUnaryExpressionSyntax { RawKind: (int)SyntaxKind.AddressOfExpression } => name.Parent,
            _ => null,
        };
    }

    /// <summary>A statement of the constructor's own. One that does not come so far leaves null, which nobody can call.</summary>
    private static bool IsInStaticConstructor(SyntaxNode write, IFieldSymbol field)
    {
        SyntaxNode? holder = write.Parent is ExpressionStatementSyntax { Parent: BlockSyntax block } ? block.Parent : (write.Parent as ArrowExpressionClauseSyntax)?.Parent;
        return holder is ConstructorDeclarationSyntax constructor && constructor.Modifiers.Any(SyntaxKind.StaticKeyword)
            && constructor.FirstAncestorOrSelf<TypeDeclarationSyntax>()?.Identifier.ValueText == field.ContainingType.Name;
    }

    private static bool CapturesAny(IAnonymousFunctionOperation function, IMethodSymbol lambda)
    {
        foreach (IOperation inner in function.Body.DescendantsAndSelf())
        {
            switch (inner)
            {
                case IInstanceReferenceOperation { ReferenceKind: InstanceReferenceKind.ContainingTypeInstance }:
                case ILocalReferenceOperation local when !IsInside(local.Local, lambda):
                case IParameterReferenceOperation parameter when !IsInside(parameter.Parameter, lambda):
                    return true;
            }
        }

        return false;
    }

    private static bool IsInside(ISymbol variable, IMethodSymbol lambda)
    {
        for (ISymbol? container = variable.ContainingSymbol; container is not null and not INamedTypeSymbol; container = container.ContainingSymbol)
            if (SymbolEqualityComparer.Default.Equals(container, lambda)) return true;
        return false;
    }
}
