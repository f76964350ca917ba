// What users say about code that is not theirs: the contract files among a project's additional files, in the grammar of ContractTable.
//
//   <AdditionalFiles Include="zlib.kalloc-contracts.txt" />
//   ZLib.Native.Create(level): return allocates zlib freed-by=Native.End
//
// A file is read once for as long as the host keeps its text.

using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;

namespace KAlloc.Analyzers.Model;

internal static class ContractFiles
{
    internal const string Suffix = ".kalloc-contracts.txt";

    private static readonly ConditionalWeakTable<SourceText, ContractTable> Tables = new();

    internal static bool IsOne(AdditionalText file) => file.Path.EndsWith(Suffix, StringComparison.OrdinalIgnoreCase);

    /// <summary>The tables of all contract files, by path: of two that describe one member, the first speaks.</summary>
    internal static IReadOnlyList<ContractTable> Of(ImmutableArray<AdditionalText> files, CancellationToken cancellation)
    {
        var tables = new List<(string Path, ContractTable Table)>();
        foreach (AdditionalText file in files)
            if (IsOne(file) && file.GetText(cancellation) is { } text) tables.Add((file.Path, Of(text)));
        tables.Sort((a, b) => string.CompareOrdinal(a.Path, b.Path));
        return tables.ConvertAll(table => table.Table);
    }

    internal static ContractTable Of(SourceText text) => Tables.GetValue(text, t => ContractTable.Parse(t.ToString()));
}
