// Fields that hold one value for as long as anybody can use them: given once, where they are declared or in the static constructor, and named nowhere
// as something to write to.
//
//   static readonly Action<nint> s_free = Drop;                written: only in the constructors of the type
//   private static readonly IDropper s_dropper = new Dropper();
//   private static Action<nint> s_free = p => Drop(p);         written: wherever the private name can be used
//   readonly Action<nint> _free; C() { _free = Drop; }         written: in the only constructor, which every object goes through
//   internal static bool UsesHugePages = true;                 written: in files that name it; public in a program, which nobody references
//
// Cost: the text of a type is searched once for what it writes, not once a field.

using System.Collections.Concurrent;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed class SettledFields(Compilation compilation, Func<SyntaxTree, string, bool> mentions)
{
    private readonly ConcurrentDictionary<IFieldSymbol, Settled> _known = new(SymbolEqualityComparer.Default);

    /// <summary>The one function that the field holds: a static method, or a lambda that captures nothing.</summary>
    internal IMethodSymbol? FunctionIn(IFieldSymbol field) => field.Type.TypeKind is TypeKind.Delegate or TypeKind.FunctionPointer ? Of(field).Function : null;

    /// <summary>The class of the one object that the field holds.</summary>
    internal INamedTypeSymbol? ClassIn(IFieldSymbol field) => field.Type.TypeKind is TypeKind.Interface or TypeKind.Class ? Of(field).Class : null;

    /// <summary>The number or truth value that the field holds: what is the same as a constant.</summary>
    internal long? NumberIn(IFieldSymbol field) =>
        (TypeShapes.IsPrimitive(field.Type) || field.Type.TypeKind == TypeKind.Enum) && !TypeShapes.IsPointer(field.Type) && !field.IsVolatile ? Of(field).Number : null;

    /// <summary>The text that the field holds.</summary>
    internal string? TextIn(IFieldSymbol field) => field.Type.SpecialType == SpecialType.System_String ? Of(field).Text : null;

    /// <summary>All that a field is known to hold, where that is a function or a table of functions.</summary>
    internal IReadOnlyList<IMethodSymbol> FunctionsIn(IFieldSymbol field) => FunctionIn(field) is { } only ? [only] : Tables.FunctionsIn(field);

    /// <summary>Structs, objects and arrays of functions that nobody writes to.</summary>
    internal FunctionTables Tables { get; } = new(compilation, mentions);

    private Settled Of(IFieldSymbol field)
    {
        field = field.OriginalDefinition;
        return _known.TryGetValue(field, out Settled known) ? known : _known.GetOrAdd(field, Find(field));
    }

    private Settled Find(IFieldSymbol field)
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
        // The constructor itself may read a number before it is set.
        bool isDeclared = field.IsStatic || syntax is EqualsValueClauseSyntax;
        if (isDeclared && value?.ConstantValue is { HasValue: true, Value: { } constant })
        {
            if (constant is string text) return new Settled(Text: text);
            if (TypeShapes.TryNumber(constant, out long number)) return new Settled(Number: number);
        }

        return Of(value, field);
    }

    /// <summary>The function or object that an expression is.</summary>
    internal static Settled Of(IOperation? value, ISymbol holder)
    {
        while (true)
        {
            switch (value)
            {
                case IConversionOperation { OperatorMethod: null } conversion: value = conversion.Operand; break;
                case IDelegateCreationOperation creation: value = creation.Target; break;
                case IAddressOfOperation address: value = address.Reference; break;
                case IMethodReferenceOperation { Instance: null, Method: { MethodKind: MethodKind.Ordinary, IsStatic: true, IsAbstract: false } method }: return new Settled(method);
                case IMethodReferenceOperation { Instance: IInstanceReferenceOperation { ReferenceKind: InstanceReferenceKind.ContainingTypeInstance }, Method: { MethodKind: MethodKind.Ordinary } own } when !holder.IsStatic && !Dispatch.MayBeOverridden(own): return new Settled(own);
                case IAnonymousFunctionOperation { Symbol: var lambda } function when !CapturesAny(function, lambda): return new Settled(lambda);
                case IObjectCreationOperation { Type: INamedTypeSymbol type }: return new Settled(Class: type);
                default: return default;
            }
        }
    }

    /// <summary>What gives the field its value; null if that is not one place.</summary>
    private SyntaxNode? ValueOf(IFieldSymbol field)
    {
        if (field.DeclaringSyntaxReferences is not [{ } reference] || !compilation.ContainsSyntaxTree(reference.SyntaxTree) || field.RefKind != RefKind.None) return null;
        if (!field.IsStatic && (field.ContainingType.IsValueType || field.GetAttributes().Length > 0)) return null;
        SyntaxNode? value = reference.GetSyntax() is VariableDeclaratorSyntax { Initializer: { } initializer } ? initializer : null;
        if (WritesOf(field) is not { } writes) return null;
        foreach (SyntaxNode write in writes)
        {
            bool isFirst = value is null && write is AssignmentExpressionSyntax { RawKind: (int)SyntaxKind.SimpleAssignmentExpression } assignment
                && (field.IsStatic ? IsInStaticConstructor(write, field) : IsInOnlyConstructor(assignment, field));
            if (!isFirst) return null;
            value = write;
        }

        return value;
    }

    /// <summary>All that may write to the field after its declaration; null if that cannot be known.</summary>
    private List<SyntaxNode>? WritesOf(IFieldSymbol field)
    {
        var found = new List<SyntaxNode>();
        if (ClosedFields.WritersOf(field) is { } writers)
        {
            foreach (SyntaxReference part in writers.DeclaringSyntaxReferences)
                foreach (SyntaxNode write in TreeWrites.Of(part.SyntaxTree).To(field.Name))
                    if (part.Span.Contains(write.Span)) found.Add(write);
            return found;
        }

        // What objects of such a class hold may come from a serializer.
        if (!field.IsStatic) return null;
        if (compilation.Options.OutputKind is not (OutputKind.ConsoleApplication or OutputKind.WindowsApplication) && Visibility.ReachesOutside(field, compilation.Assembly)) return null;
        foreach (SyntaxTree tree in compilation.SyntaxTrees)
            if (mentions(tree, field.Name)) found.AddRange(TreeWrites.Of(tree).To(field.Name));
        return found;
    }

    /// <summary>A statement of the constructor's own. One that does not come so far leaves null, which nobody can call.</summary>
    private static bool IsInStaticConstructor(SyntaxNode write, IFieldSymbol field)
    {
        SyntaxNode? holder = write.Parent is ExpressionStatementSyntax { Parent: BlockSyntax block } ? block.Parent : (write.Parent as ArrowExpressionClauseSyntax)?.Parent;
        return holder is ConstructorDeclarationSyntax constructor && constructor.Modifiers.Any(SyntaxKind.StaticKeyword)
            && constructor.FirstAncestorOrSelf<TypeDeclarationSyntax>()?.Identifier.ValueText == field.ContainingType.Name;
    }

    /// <summary>A statement of the constructor that every object goes through, about its own field.</summary>
    private static bool IsInOnlyConstructor(AssignmentExpressionSyntax write, IFieldSymbol field)
    {
        if (write.Left is not (IdentifierNameSyntax or MemberAccessExpressionSyntax { Expression: ThisExpressionSyntax })) return false;
        SyntaxNode? holder = write.Parent is ExpressionStatementSyntax { Parent: BlockSyntax block } ? block.Parent : (write.Parent as ArrowExpressionClauseSyntax)?.Parent;
        if (holder is not ConstructorDeclarationSyntax { Initializer: not { RawKind: (int)SyntaxKind.ThisConstructorInitializer } } constructor) return false;
        foreach (IMethodSymbol other in field.ContainingType.InstanceConstructors)
        {
            if (other.DeclaringSyntaxReferences is not [{ } declared]) return false;
            SyntaxNode declaration = declared.GetSyntax();
            if (declaration != constructor && declaration is not ConstructorDeclarationSyntax { Initializer.RawKind: (int)SyntaxKind.ThisConstructorInitializer }) return false;
        }

        return true;
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

    internal readonly record struct Settled(IMethodSymbol? Function = null, INamedTypeSymbol? Class = null, long? Number = null, string? Text = null);
}
