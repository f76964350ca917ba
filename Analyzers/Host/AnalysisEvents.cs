// Tells a listener which bodies are walked, and from when to when: a slow build of somebody's code names the body that makes it slow. Both events come
// on the thread that walks, so whoever listens in the process can ask that thread's own clock. Costs one test a walk while nobody listens.

using System.Diagnostics.Tracing;
using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Host;

[EventSource(Name = SourceName)]
internal sealed class AnalysisEvents : EventSource
{
    /// <summary>The name under which the events are found.</summary>
    internal const string SourceName = "KAlloc-Analyzers";

    internal const int WalkBeginsId = 1, WalkEndsId = 2;

    internal static AnalysisEvents Log { get; } = new();

    /// <summary>A body is walked from now on, until the same thread ends.</summary>
    [Event(WalkBeginsId)]
    internal void WalkBegins()
    {
        if (IsEnabled()) WriteEvent(WalkBeginsId);
    }

    [NonEvent]
    internal void WalkEnds(ISymbol body, int visits, int work)
    {
        if (IsEnabled()) WalkEnds(body.ToDisplayString(SymbolDisplayFormat.CSharpErrorMessageFormat), visits, work);
    }

    /// <param name="body">Which body.</param>
    /// <param name="visits">Blocks that states reached.</param>
    /// <param name="work">Other work that counts against the budget.</param>
    [Event(WalkEndsId)]
    private void WalkEnds(string body, int visits, int work) => WriteEvent(WalkEndsId, body, visits, work);
}
