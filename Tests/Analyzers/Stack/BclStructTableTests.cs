using System.Runtime.CompilerServices;
using KAlloc.Analyzers.Stack;
using KAlloc.Tests.Verifier;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Xunit;

namespace KAlloc.Analyzers.Tests.Stack;

public sealed class BclStructTableTests
{
    private const string TablePath = "Analyzers/Stack/BclStructs.txt";

    /// <summary>To write the table anew after a change of the runtime, run the tests with KALLOC_REGENERATE=1.</summary>
    [Fact]
    public void Table_AgainstTheRuntime_IsUpToDate()
    {
        string generated = BclStructTableGenerator.Generate();
        string path = Path.Combine(Repository.Root, TablePath);
        if (Environment.GetEnvironmentVariable("KALLOC_REGENERATE") == "1") File.WriteAllText(path, generated);
        Assert.Equal(generated, File.ReadAllText(path));
    }

    [Fact]
    public void Table_EveryPublicStruct_HasTheRuntimesSize()
    {
        CSharpCompilation compilation = KernelSetup.CreateCompilation("");
        var layouts = new TypeLayouts();
        var wrong = new List<string>();
        int compared = 0;
        foreach (Type type in BclStructTableGenerator.PublicStructs())
        {
            foreach (Type[] arguments in Instantiations(type))
            {
                Type? closed = Close(type, arguments);
                if (closed is null || compilation.GetTypeByMetadataName(type.FullName!) is not { } symbol) continue;
                ITypeSymbol closedSymbol = CloseSymbol(compilation, symbol, arguments);
                int actual = BclStructTableGenerator.SizeOf(closed), predicted = layouts.Of(closedSymbol).Size;
                if (actual != predicted) wrong.Add($"{closed}: {actual} bytes, predicted {predicted}");
                compared++;
            }
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
        Assert.True(compared > 600, $"only {compared} sizes compared");
    }

    private static IEnumerable<Type[]> Instantiations(Type type)
    {
        int count = type.GetGenericArguments().Length;
        if (count == 0) return [[]];
        Type[] candidates = [typeof(byte), typeof(int), typeof(long), typeof(Guid), typeof(string), typeof(DateTime)];
        return candidates.Select((_, shift) => Enumerable.Range(0, count).Select(i => candidates[(i * 5 + shift) % candidates.Length]).ToArray());
    }

    private static Type? Close(Type type, Type[] arguments)
    {
        try
        {
            return arguments.Length == 0 ? type : type.MakeGenericType(arguments);
        }
        catch (ArgumentException)
        {
            return null; // a constraint forbids the combination
        }
    }

    private static INamedTypeSymbol CloseSymbol(Compilation compilation, INamedTypeSymbol definition, Type[] arguments)
    {
        if (arguments.Length == 0) return definition;
        int own = definition.Arity, outer = arguments.Length - own;
        INamedTypeSymbol open = definition;
        if (outer > 0)
        {
            INamedTypeSymbol container = CloseSymbol(compilation, definition.ContainingType!, arguments[..outer]);
            open = container.GetTypeMembers(definition.Name, definition.Arity).Single();
        }

        return own == 0 ? open : open.Construct([.. arguments[outer..].Select(argument => compilation.GetTypeByMetadataName(argument.FullName!)!)]);
    }
}
