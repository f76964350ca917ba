using KAlloc.Analyzers.Flow;
using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KAlloc.Analyzers.Rules.Context;

/// <summary>How context rules say why code must not sleep, and show where that began.</summary>
internal static class AtomicPath
{
    /// <summary>The property that says: only locks of this body forbid to sleep, so what is done before them may.</summary>
    internal const string OnlyLocks = "only.locks";

    internal static string Describe(Section section) => section.Entry switch
    {
        EntryContext.InterruptHandler => "in the interrupt handler " + Quote(section.Name),
        EntryContext.SoftIrq => "in the softirq " + Quote(section.Name),
        EntryContext.Tasklet => "in the tasklet " + Quote(section.Name),
        EntryContext.TimerCallback => "in the timer callback " + Quote(section.Name),
        EntryContext.Atomic => $"in {Quote(section.Name)}, which must not sleep",
        _ => $"while '{section.Name}' is in force",
    };

    /// <summary>An await: the expression, or in a statement that awaits the keyword.</summary>
    internal static Location PlaceOf(SyntaxNode await)
    {
        if (await is AwaitExpressionSyntax) return await.GetLocation();
        for (SyntaxNode? node = await; node is not null; node = node.Parent)
        {
            foreach (SyntaxNodeOrToken child in node.ChildNodesAndTokens())
                if (child.IsKind(SyntaxKind.AwaitKeyword)) return child.GetLocation()!;
        }

        return await.GetLocation();
    }

    private static string Quote(string name) => name.Length == 0 ? "that this lambda is" : $"'{name}'";

    internal static bool IsOnlyLocks(Section section)
    {
        for (Section? outer = section; outer is not null; outer = outer.Outer)
            if (outer is { IsAtomic: true, Site: null }) return false;
        return true;
    }

    internal static FlowIssue Show(FlowIssue issue, Section section, FlowState state)
    {
        var open = new List<Section>();
        for (Section? outer = section; outer is not null; outer = outer.Outer)
            if (outer is { IsAtomic: true, Site: not null }) open.Add(outer);
        for (int i = open.Count - 1; i >= 0; i--) issue.Step(open[i].Site!.GetLocation(), $"'{open[i].Name}' is called here: from here on the code must not sleep");
        return issue;
    }
}
