// Tables of functions that are filled where they are declared and only read from then on, as the kernel's operation structs are.
//
//   static readonly Ops s_ops = new() { Read = DoRead, Write = DoWrite };      s_ops.Read is DoRead
//   static readonly Ops s_ops = new(DoRead, DoWrite);                          the same, of a record or a class that keeps its arguments
//   private static readonly Handler[] s_handlers = [OnOpen, OnClose];          s_handlers[1] is OnClose
//   static Handler Current { get; } = OnOpen;
//
// A member of a class counts if no code writes to it but object initializers; an array if its type only indexes it.

using System.Collections.Concurrent;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed class FunctionTables(Compilation compilation, Func<SyntaxTree, string, bool> mentions)
{
    private static readonly Dictionary<object, IMethodSymbol> None = [];
    private readonly ConcurrentDictionary<ISymbol, Dictionary<object, IMethodSymbol>> _known = new(SymbolEqualityComparer.Default);

    /// <summary>The function in a member of the object or struct that the field holds, or in an element of its array.</summary>
    /// <param name="table">The field.</param>
    /// <param name="key">The member, or the index as a long.</param>
    internal IMethodSymbol? FunctionIn(IFieldSymbol table, object key) => Of(table).TryGetValue(key, out IMethodSymbol? function) ? function : null;

    /// <summary>The function that a property without a setter returns.</summary>
    internal IMethodSymbol? FunctionIn(IPropertySymbol property) =>
        IsFunction(property.Type) && _known.GetOrAdd(property.OriginalDefinition, symbol => FindProperty((IPropertySymbol)symbol)).TryGetValue(0L, out IMethodSymbol? function) ? function : null;

    internal IReadOnlyList<IMethodSymbol> FunctionsIn(IFieldSymbol table) => [.. Of(table).Values];

    private Dictionary<object, IMethodSymbol> Of(IFieldSymbol table) =>
        !table.IsStatic || !table.IsReadOnly || IsFunction(table.Type) || TypeShapes.IsPrimitive(table.Type) ? None : _known.GetOrAdd(table.OriginalDefinition, symbol => Find((IFieldSymbol)symbol));

    private static bool IsFunction(ITypeSymbol type) => type.TypeKind is TypeKind.Delegate or TypeKind.FunctionPointer;

    private Dictionary<object, IMethodSymbol> Find(IFieldSymbol table)
    {
        if (table.DeclaringSyntaxReferences is not [{ } reference] || !compilation.ContainsSyntaxTree(reference.SyntaxTree)) return None;
        if (reference.GetSyntax() is not VariableDeclaratorSyntax { Initializer: { } initializer } || TreeWrites.Of(reference.SyntaxTree).To(table.Name).Count > 0) return None;
        bool isArray = table.Type is IArrayTypeSymbol { Rank: 1, ElementType: var element } && IsFunction(element);
        if (!isArray && (table.Type is not INamedTypeSymbol named || !HasFunctions(named))) return None;
        if (isArray && !IsOnlyIndexed(table)) return None;
        // Inside an analyzer the driver hands out its own cached model and operations, so this binds nothing twice.
#pragma warning disable RS1030
        IOperation? value = (compilation.GetSemanticModel(initializer.SyntaxTree).GetOperation(initializer) as IFieldInitializerOperation)?.Value;
#pragma warning restore RS1030
        while (value is IConversionOperation { OperatorMethod: null } conversion) value = conversion.Operand;
        return value switch
        {
            IArrayCreationOperation { Initializer: { } elements } when isArray => Elements(elements.ElementValues, table),
            ICollectionExpressionOperation collection when isArray => Elements(collection.Elements, table),
            IObjectCreationOperation creation => Members(creation, table),
            _ => None,
        };
    }

    private static Dictionary<object, IMethodSymbol> Elements(IEnumerable<IOperation> values, IFieldSymbol table)
    {
        var found = new Dictionary<object, IMethodSymbol>();
        long index = 0;
        foreach (IOperation value in values)
        {
            if (value is ISpreadOperation) return None;
            if (SettledFields.Of(value, table).Function is { } function) found.Add(index, function);
            index++;
        }

        return found;
    }

    private Dictionary<object, IMethodSymbol> Members(IObjectCreationOperation creation, IFieldSymbol table)
    {
        var found = new Dictionary<object, IMethodSymbol>(MemberComparer.Instance);
        if (creation.Constructor is { Parameters.Length: > 0 } constructor && PrimaryConstructors.KeptBy(constructor) is { } kept)
        {
            foreach ((ISymbol place, IParameterSymbol parameter) in kept)
                foreach (IArgumentOperation argument in creation.Arguments)
                    if (argument.Parameter?.Ordinal == parameter.Ordinal) Add(place, argument.Value);
        }

        if (creation.Initializer is null) return found;
        foreach (IOperation initializer in creation.Initializer.Initializers)
        {
            if (initializer is ISimpleAssignmentOperation { Target: IMemberReferenceOperation { Member: var member } } assignment) Add(member, assignment.Value);
        }

        return found;

        void Add(ISymbol member, IOperation value)
        {
            ITypeSymbol? type = member switch { IFieldSymbol field => field.Type, IPropertySymbol property => property.Type, _ => null };
            if (type is not null && IsFunction(type) && SettledFields.Of(value, table).Function is { } function && (table.Type.IsValueType ? !IsWrittenIn(table, member) : IsOnlyInitialized(member.OriginalDefinition))) found[member.OriginalDefinition] = function;
        }
    }

    private Dictionary<object, IMethodSymbol> FindProperty(IPropertySymbol property)
    {
        if (property.SetMethod is not null || property.DeclaringSyntaxReferences is not [{ } reference] || !compilation.ContainsSyntaxTree(reference.SyntaxTree) || !TypeShapes.IsAutomatic(property)) return None;
        if (reference.GetSyntax() is not PropertyDeclarationSyntax { Initializer: { } initializer } || TreeWrites.Of(reference.SyntaxTree).To(property.Name).Count > 0) return None;
#pragma warning disable RS1030
        IOperation? value = (compilation.GetSemanticModel(initializer.SyntaxTree).GetOperation(initializer) as IPropertyInitializerOperation)?.Value;
#pragma warning restore RS1030
        return SettledFields.Of(value, property).Function is { } function ? new Dictionary<object, IMethodSymbol> { [0L] = function } : None;
    }

    private static bool HasFunctions(INamedTypeSymbol type)
    {
        foreach (ISymbol member in type.GetMembers())
            if (member is IFieldSymbol { IsStatic: false } field && IsFunction(field.Type)) return true;
        return false;
    }

    /// <summary>The static constructor may still write to a struct in a field that nobody else can write to.</summary>
    private static bool IsWrittenIn(IFieldSymbol table, ISymbol member)
    {
        foreach (SyntaxReference part in table.ContainingType.DeclaringSyntaxReferences)
            foreach (SyntaxNode write in TreeWrites.Of(part.SyntaxTree).To(member.Name))
                foreach (SyntaxToken token in write.DescendantTokens())
                    if (token.IsKind(SyntaxKind.IdentifierToken) && token.ValueText == table.Name) return true;
        return false;
    }

    /// <summary>Another member of that name is written to.</summary>
    private bool IsAnother(SyntaxNode write, ISymbol member)
    {
        if (write is not AssignmentExpressionSyntax assignment) return false;
        // Inside an analyzer the driver hands out its own cached model, so this binds nothing twice.
#pragma warning disable RS1030
        ISymbol? target = compilation.GetSemanticModel(write.SyntaxTree).GetSymbolInfo(assignment.Left).Symbol;
#pragma warning restore RS1030
        return target is not null && !SymbolEqualityComparer.Default.Equals(target.OriginalDefinition, member);
    }

    /// <summary>Nothing but object initializers writes to the member, as far as code that can name it goes.</summary>
    private bool IsOnlyInitialized(ISymbol member)
    {
        bool isFixed = member is IFieldSymbol { IsReadOnly: true } or IPropertySymbol { SetMethod: null } or IPropertySymbol { SetMethod.IsInitOnly: true };
        if (!isFixed && Visibility.ReachesOutside(member, compilation.Assembly) && compilation.Options.OutputKind is not (OutputKind.ConsoleApplication or OutputKind.WindowsApplication)) return false;
        foreach (SyntaxTree tree in compilation.SyntaxTrees)
        {
            if (!mentions(tree, member.Name)) continue;
            foreach (SyntaxNode write in TreeWrites.Of(tree).To(member.Name))
                if (write is not AssignmentExpressionSyntax { Parent: InitializerExpressionSyntax } && !IsAnother(write, member)) return false;
        }

        return true;
    }

    /// <summary>The type that declares the array only reads its elements.</summary>
    private static bool IsOnlyIndexed(IFieldSymbol array)
    {
        if (ClosedFields.UsersOf(array) is not { } users) return false;
        foreach (SyntaxReference part in users.DeclaringSyntaxReferences)
        {
            foreach (SyntaxNode node in part.GetSyntax().DescendantNodes())
            {
                if (node is not IdentifierNameSyntax name || name.Identifier.ValueText != array.Name) continue;
                ExpressionSyntax whole = name.Parent is MemberAccessExpressionSyntax access && access.Name == name ? access : name;
                bool isRead = whole.Parent is ElementAccessExpressionSyntax element && element.Expression == whole
                    && element.Parent is not (AssignmentExpressionSyntax or RefExpressionSyntax or ArgumentSyntax { RefKindKeyword.RawKind: not 0 } or PrefixUnaryExpressionSyntax { RawKind: (int)SyntaxKind.AddressOfExpression });
                bool isLength = whole.Parent is MemberAccessExpressionSyntax { Name.Identifier.ValueText: "Length" } length && length.Expression == whole;
                if (!isRead && !isLength) return false;
            }
        }

        return true;
    }

    private sealed class MemberComparer : IEqualityComparer<object>
    {
        internal static readonly MemberComparer Instance = new();

        bool IEqualityComparer<object>.Equals(object? x, object? y) => SymbolEqualityComparer.Default.Equals(x as ISymbol, y as ISymbol);

        int IEqualityComparer<object>.GetHashCode(object member) => SymbolEqualityComparer.Default.GetHashCode(member as ISymbol);
    }
}
