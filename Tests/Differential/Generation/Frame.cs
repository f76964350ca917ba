// The parts that the generator builds programs from: lines that know what they are about, the function being written, what it still owes.

namespace KAlloc.Differential.Tests.Generation;

/// <summary>A line of code and the resources, locks and sleeping calls that it concerns: where a finding about them may stand.</summary>
internal readonly record struct Line(string Text, int[] About);

/// <summary>Lines with their indentation.</summary>
internal sealed class Code
{
    internal List<Line> Lines { get; } = [];

    /// <summary>What has gone wrong for good: each way out from here on is one on which it shows.</summary>
    internal HashSet<int> Lost { get; } = [];

    private int _indent;

    internal void Add(string text, params int[] about)
    {
        if (Lost.Count > 0 && s_waysOut.Any(word => text.StartsWith(word, StringComparison.Ordinal))) about = [.. about, .. Lost];
        if (text.StartsWith('}')) _indent--;
        Lines.Add(new Line(new string(' ', 4 * Math.Max(0, _indent)) + text, about));
        if (text.EndsWith('{')) _indent++;
    }

    private static readonly string[] s_waysOut = ["}", "return", "goto", "break", "continue", "throw"];
}

/// <summary>A pointer that somebody owns, as one function sees it.</summary>
internal sealed class Resource(int entity, Family family)
{
    internal int Entity { get; } = entity;

    internal Family Family { get; } = family;

    /// <summary>Expressions that give the pointer; all of them may be read.</summary>
    internal List<string> Aliases { get; } = [];

    /// <summary>Those that are variables or fields, which may be passed by reference.</summary>
    internal List<string> Variables { get; } = [];

    internal int Order { get; init; }

    /// <summary>How the order is written.</summary>
    internal string OrderText { get; init; } = "0";

    /// <summary>The condition under which the pointer is owned at all.</summary>
    internal string? Guard { get; set; }

    /// <summary>It was allocated on some ways only.</summary>
    internal bool MayBeNull { get; set; }

    /// <summary>Its fields that hold other resources.</summary>
    internal HashSet<string> TakenFields { get; private init; } = [];

    /// <summary>A static holds it too: losing the local is no leak.</summary>
    internal bool IsShared { get; set; }

    /// <summary>What it is kept in cannot be named by a function inside of this one.</summary>
    internal bool IsBound { get; set; }

    /// <summary>A function inside of this one names it: its address cannot be taken.</summary>
    internal bool IsCaptured { get; set; }

    internal string Fill(string template, string pointer) => template.Replace("{p}", pointer).Replace("{order}", OrderText);

    internal Resource SeenAs(string name, string orderText) => new(Entity, Family) { Order = Order, OrderText = orderText, IsShared = IsShared, TakenFields = TakenFields, Aliases = { name }, Variables = { name } };
}

/// <summary>Something a function must undo before it ends.</summary>
/// <param name="Entity">The resource or lock.</param>
/// <param name="Undo">Writes the undoing.</param>
internal sealed record Obligation(int Entity, Action Undo)
{
    internal Resource? Resource { get; init; }

    /// <summary>The label behind which the function's common exit undoes it.</summary>
    internal string? Label { get; init; }

    /// <summary>A finally block or a using declaration undoes it, on every way out.</summary>
    internal bool IsAutomatic { get; init; }

    /// <summary>Lines that close what the obligation opened.</summary>
    internal string[] Closing { get; init; } = [];

    /// <summary>Written when the block ends, in place of <see cref="Undo"/> and <see cref="Closing"/>.</summary>
    internal Action? AtEnd { get; init; }

    internal bool IsSection { get; init; }

    /// <summary>What nobody else may take meanwhile.</summary>
    internal string[] Needs { get; init; } = [];

    internal bool WasAtomic { get; init; }
}

/// <summary>A function being written.</summary>
internal sealed class Frame(string fail, bool atomic, int depth, IEnumerable<string> held)
{
    internal Code Code { get; } = new();

    /// <summary>The statement that leaves the function after an error.</summary>
    internal string Fail { get; } = fail;

    /// <summary>Whether the code written now must not sleep.</summary>
    internal bool IsAtomic { get; set; } = atomic;

    /// <summary>Levels of calls that may still be made.</summary>
    internal int Depth { get; } = depth;

    /// <summary>Locks taken here and by callers.</summary>
    internal HashSet<string> Held { get; } = [.. held];

    internal List<Obligation> Open { get; } = [];

    /// <summary>Pointers that may be used.</summary>
    internal List<Resource> Live { get; } = [];

    /// <summary>Errors leave through labels at the end.</summary>
    internal bool HasLabels { get; init; }

    /// <summary>How many obligations were open where the innermost loop began; -1 outside of loops.</summary>
    internal int LoopBase { get; set; } = -1;

    /// <summary>A break would leave a switch.</summary>
    internal bool IsInSwitch { get; set; }

    internal int Nesting { get; set; }

    /// <summary>Some run leaves it after an error.</summary>
    internal bool HasFailed { get; set; }

    /// <summary>Whether the input bits can be asked for.</summary>
    internal bool HasInput { get; init; } = true;

    internal int[] Entities => [.. Open.Select(open => open.Entity)];
}
