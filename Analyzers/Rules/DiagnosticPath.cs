using System.Collections.Immutable;
using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Rules;

/// <summary>
/// The path that leads to a finding: step <c>i</c> is <c>AdditionalLocations[i]</c>, its text is <c>Properties["path.i"]</c>, because
/// neither SARIF nor the console can carry a text with a location.
/// </summary>
internal static class DiagnosticPath
{
    internal const string KeyPrefix = "path.";

    internal static ImmutableDictionary<string, string?> Describe(ImmutableDictionary<string, string?> properties, IReadOnlyList<string> steps)
    {
        for (int i = 0; i < steps.Count; i++) properties = properties.SetItem(KeyPrefix + i, steps[i]);
        return properties;
    }
}
