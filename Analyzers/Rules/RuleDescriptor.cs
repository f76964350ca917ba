using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Rules;

/// <summary>The one place that makes descriptors, so that every rule has a help page and a category from one list.</summary>
internal static class RuleDescriptor
{
    /// <summary>Every rule has a page <c>docs/rules/KA####.md</c>; a test holds the two together.</summary>
    internal const string HelpBase = "https://github.com/kalloc/kalloc/blob/main/docs/rules/";

    internal static DiagnosticDescriptor Create(
        string id, string title, string message, RuleCategory category, DiagnosticSeverity severity, string description, bool enabled = true, params string[] customTags) =>
#pragma warning disable RS1032, RS1033 // message and title style is checked by a test over all descriptors
        new(id, title, message, "KAlloc." + category, severity, enabled, description, HelpBase + id + ".md", customTags);
#pragma warning restore RS1032, RS1033
}

/// <summary>The question that a group of rules answers.</summary>
internal enum RuleCategory
{
    /// <summary>KA1xxx: may this code sleep here?</summary>
    Context,

    /// <summary>KA2xxx: is the request well formed?</summary>
    Gfp,

    /// <summary>KA3xxx: is it the right amount?</summary>
    Size,

    /// <summary>KA4xxx: who frees it, once, and how?</summary>
    Lifetime,

    /// <summary>KA5xxx: does it fit the kernel stack?</summary>
    Stack,

    /// <summary>KA6xxx: the BCL's own traps.</summary>
    DotNet,

    /// <summary>KA9xxx: contracts.</summary>
    Contracts,
}
