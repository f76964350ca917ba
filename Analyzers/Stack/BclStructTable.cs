// Sizes of the BCL's public structs, measured on the real runtime: BclStructs.txt beside this file, which a test regenerates and compares.
// Reference assemblies cannot tell (half of them come out wrong: private fields are left out), so the table is the only source.
//
//   System.Guid 16 4 11                  size, alignment, leaf fields; R: holds references; V: lives in a SIMD register
//   System.Nullable`1 = 1 T0             generic: its fields. A number is a primitive of that size, R a reference, Tn the n-th type
//   List`1+Enumerator = R 4 4 T0         argument (outer types' first), {Name T0 …} a struct of the table with its arguments
//   System.ValueTuple`2 = A T0 T1        A: laid out Auto
//
// Cost: parsed once per process, about 700 lines.

using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.IO;
using System.Linq;
using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Stack;

/// <summary>A line of the table.</summary>
internal sealed class BclStruct
{
    public int Size { get; init; }

    public int Align { get; init; }

    public int Leaves { get; init; }

    public bool HasReferences { get; init; }

    public bool IsSimd { get; init; }

    public bool IsAuto { get; init; }

    /// <summary>The fields of a generic struct; default for one that has a size of its own.</summary>
    public ImmutableArray<BclField> Fields { get; set; }
}

/// <summary>A field of a generic struct in the table.</summary>
internal readonly record struct BclField(int Size, bool IsReference, int Argument, BclStruct? Struct, ImmutableArray<BclField> Arguments)
{
    /// <summary>The field with the type arguments of the struct that holds it put in.</summary>
    public BclField Substitute(ImmutableArray<BclField> arguments)
    {
        if (Argument >= 0) return Argument < arguments.Length ? arguments[Argument] : this;
        return Struct is null || Arguments.IsDefaultOrEmpty ? this : this with { Arguments = ImmutableArray.CreateRange(Arguments, field => field.Substitute(arguments)) };
    }
}

/// <summary>Looks structs of the BCL up.</summary>
internal static class BclStructTable
{
    private const string Resource = "KAlloc.Analyzers.Stack.BclStructs.txt";

    private static readonly Lazy<Dictionary<string, BclStruct>> s_entries = new(Read);

    internal static BclStruct? Find(INamedTypeSymbol type)
    {
        // The BCL's structs live in System and Microsoft; nothing else pays for the name.
        INamespaceSymbol? root = type.ContainingNamespace;
        while (root is { IsGlobalNamespace: false, ContainingNamespace.IsGlobalNamespace: false }) root = root.ContainingNamespace;
        if (root?.Name is not ("System" or "Microsoft") || type.Locations.Any(location => location.IsInSource)) return null;
        return s_entries.Value.TryGetValue(MetadataName(type), out BclStruct? entry) ? entry : null;
    }

    internal static string MetadataName(INamedTypeSymbol type) =>
        type.ContainingType is { } outer ? MetadataName(outer) + "+" + type.MetadataName : type.ContainingNamespace.ToDisplayString() + "." + type.MetadataName;

    private static Dictionary<string, BclStruct> Read()
    {
        var entries = new Dictionary<string, BclStruct>(StringComparer.Ordinal);
        var generic = new List<(BclStruct Entry, string[] Words, int Start)>();
        using Stream stream = typeof(BclStructTable).Assembly.GetManifestResourceStream(Resource)!;
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
        {
            if (line.Length == 0 || line[0] == '#') continue;
            string[] words = line.Split(' ');
            int equals = Array.IndexOf(words, "=");
            if (equals < 0)
            {
                entries.Add(words[0], new BclStruct
                {
                    Size = int.Parse(words[1]),
                    Align = int.Parse(words[2]),
                    Leaves = int.Parse(words[3]),
                    HasReferences = words.Contains("R"),
                    IsSimd = words.Contains("V"),
                });
                continue;
            }

            int start = equals + 1;
            bool isAuto = start < words.Length && words[start] == "A";
            bool isSimd = start < words.Length && words[start] == "V";
            var entry = new BclStruct
            {
                IsAuto = isAuto,
                IsSimd = isSimd,
                Size = isSimd ? int.Parse(words[start + 1]) : 0,
                Align = isSimd ? int.Parse(words[start + 2]) : 0,
            };
            entries.Add(words[0], entry);
            generic.Add((entry, words, start + (isAuto ? 1 : isSimd ? 3 : 0)));
        }

        // Fields may name structs further down, so they are read last.
        foreach ((BclStruct entry, string[] words, int start) in generic)
        {
            int position = start;
            entry.Fields = ReadFields(words, ref position, entries);
        }

        return entries;
    }

    private static ImmutableArray<BclField> ReadFields(string[] words, ref int position, Dictionary<string, BclStruct> entries)
    {
        ImmutableArray<BclField>.Builder fields = ImmutableArray.CreateBuilder<BclField>();
        while (position < words.Length)
        {
            string word = words[position++];
            if (word == "}") break;
            if (word[0] == '{')
            {
                BclStruct nested = entries[word.Substring(1)];
                fields.Add(new BclField(0, false, -1, nested, ReadFields(words, ref position, entries)));
            }
            else if (word == "R")
            {
                fields.Add(new BclField(8, true, -1, null, default));
            }
            else if (word[0] == 'T')
            {
                fields.Add(new BclField(0, false, int.Parse(word.Substring(1)), null, default));
            }
            else
            {
                fields.Add(new BclField(int.Parse(word), false, -1, null, default));
            }
        }

        return fields.ToImmutable();
    }
}
