using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Flow;

/// <summary>What the engine needs from the host to analyse a body: all of it is the same whoever asks first.</summary>
internal sealed class FlowScope(
    ContractModel model,
    Dispatch dispatch,
    IReadOnlyList<FlowRule> rules,
    Func<IMethodSymbol, EntryContext> entryContextOf,
    Func<IMethodSymbol, bool> mayLeaveSections,
    Func<IMethodSymbol, Summary?> summaryOf,
    CancellationToken cancellation)
{
    internal ContractModel Model { get; } = model;

    internal IReadOnlyList<FlowRule> Rules { get; } = rules;

    /// <summary>Which bodies calls run.</summary>
    internal Dispatch Dispatch { get; } = dispatch;

    internal CancellationToken Cancellation { get; } = cancellation;

    /// <summary>Set when somebody wants to watch.</summary>
    internal FlowTrace? Trace { get; init; }

    /// <summary>The compilation has code that must not block: calls of .NET that do matter.</summary>
    internal bool MindsBlocking { get; init; }

    /// <summary>
    /// The body does nothing by contract, and calls nothing that does: all that its walk can tell is what it keeps of what it is given. It gets a tenth of
    /// the budget, and nobody hears of it when that is used up.
    /// </summary>
    internal bool IsMover { get; init; }

    /// <summary>The body can be called by what it calls.</summary>
    internal bool IsInCircle { get; init; }

    /// <summary>The method is known to do nothing that the engine follows.</summary>
    internal Func<IMethodSymbol, bool> IsSkipped { get; init; } = static _ => false;

    /// <summary>What the body and the functions inside of it took of their budgets.</summary>
    internal int Visits { get; private set; }

    internal int Work { get; private set; }

    /// <summary>The body or a function inside of it was given up, and that was told.</summary>
    internal bool HasToldGivenUp { get; set; }

    internal void Spend(int visits, int work)
    {
        Visits += visits;
        Work += work;
    }

    /// <summary>What a method does with the pointers that it is passed, where no summary of it is known.</summary>
    internal Func<IMethodSymbol, Loans> LoansOf { get; init; } = static _ => default;

    internal EntryContext EntryContextOf(IMethodSymbol method) => entryContextOf(method);

    internal bool MayLeaveSections(IMethodSymbol method) => mayLeaveSections(method);

    /// <summary>What a source method does; null if that is not known.</summary>
    internal Summary? SummaryOf(IMethodSymbol method) => summaryOf(method);
}

/// <summary>All that the analysis of one body gives.</summary>
/// <param name="Issues">The findings in the body and in the functions inside of it.</param>
/// <param name="Summary">What a call of it does; null if the body was given up or left out.</param>
internal sealed record BodyResult(IReadOnlyList<FlowIssue> Issues, Summary? Summary)
{
    internal static readonly BodyResult None = new([], null);

    /// <summary>Of a body that does nothing that the engine follows.</summary>
    internal static readonly BodyResult Skipped = new([], null) { IsWalked = false };

    /// <summary>Its paths were followed, or were too many; else it was left out.</summary>
    internal bool IsWalked { get; init; } = true;

    /// <summary>Where there is no summary: what it does with the pointers that it is given.</summary>
    internal Loans Loans { get; init; }

    /// <summary>What it does to closed fields; null if that is not known.</summary>
    internal FieldUses? Fields { get; init; }
}
