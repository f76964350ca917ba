// Writes random programs that are correct by construction: whatever a function takes on it undoes on each of its ways out, and every condition
// is an input bit of its own or agrees with an earlier one. Each place at which a programmer could have erred is an opportunity; at most one is
// taken. A program is so a list of decisions plus the opportunity taken, and it is known to be wrong in exactly one way or in none.
//
//   block      lifetimes, sections, branches, loops, early exits, calls of further functions with blocks of their own
//   lifetime   how the pointer is had (Acquire), what it is kept in (Carry), how it is given back (Release), each in many forms
//   ways out   the same undoing in front of each return · goto labels · finally · using
//
// Invariant: what an opportunity would do can happen: bits are independent, and each allocation that may fail does so in one of the runs.

namespace KAlloc.Differential.Tests.Generation;

/// <summary>A program and what is known about it.</summary>
/// <param name="Source">A class P0 with a method Run(int input); the 0 is to be replaced.</param>
/// <param name="Label">What is wrong with it.</param>
/// <param name="Places">Lines, from 0, at which a finding about the defect may stand.</param>
/// <param name="Features">What it is made of.</param>
/// <param name="Bits">Inputs are 0 to 2^Bits - 1.</param>
/// <param name="Recipe">How to write it again.</param>
internal sealed record LabelledProgram(string Source, Defect? Label, IReadOnlySet<int> Places, IReadOnlySet<string> Features, int Bits, Recipe Recipe);

/// <summary>All decisions behind a program.</summary>
/// <param name="Decisions">The correct program.</param>
/// <param name="Defect">What is to be wrong, or null.</param>
/// <param name="Opportunity">At which of the opportunities, from 0.</param>
/// <param name="Details">How exactly.</param>
internal sealed record Recipe(IReadOnlyList<int> Decisions, Defect? Defect, int Opportunity, IReadOnlyList<int> Details);

internal sealed partial class ProgramGenerator
{
    /// <summary>No way out leaves the section: read alone, the function is one that takes the lock for its caller.</summary>
    internal const string NeverUnlocked = "never unlocked";

    private const int MaximalBits = 4;
    private const int MaximalLifetimes = 4;

    private readonly Dice _dice, _details;
    private readonly Defect? _defect;
    private readonly int _opportunity;
    private readonly Dictionary<Defect, int> _opportunities = [];
    private readonly SortedSet<string> _features = new(StringComparer.Ordinal);
    private readonly HashSet<int> _marked = [];
    private readonly HashSet<int> _unlocked = [];
    private readonly List<Code> _members = [];
    private readonly List<string> _fields = [];
    private readonly List<Line> _safe = [];
    private int _names, _entities, _bits, _lifetimes, _budget, _unreachable;

    private ProgramGenerator(Dice dice, Defect? defect, int opportunity, Dice details)
    {
        _dice = dice;
        _defect = defect;
        _opportunity = opportunity;
        _details = details;
    }

    /// <summary>A program by chance: about half of them are correct, and each defect is as frequent as any other.</summary>
    internal static LabelledProgram Random(int seed, int number)
    {
        const int Attempts = 40;
        // Generators of neighbouring seeds begin alike.
        Dice dice = Dice.Random(unchecked((int)((((uint)seed * 0x9E3779B1) ^ (uint)number) * 0x85EBCA6B) >>> 1));
        Defect? wanted = dice.Next(2) == 1 ? dice.Pick(Defects.All) : null;
        for (int attempt = 0; ; attempt++)
        {
            Dice decisions = Dice.Random(dice.Next(int.MaxValue));
            var correct = new ProgramGenerator(decisions, null, 0, Dice.Replay([]));
            LabelledProgram program = correct.Write();
            if (wanted is not { } defect || attempt == Attempts) return program;
            if (!correct._opportunities.TryGetValue(defect, out int opportunities)) continue;
            return Again(new Recipe(decisions.Thrown, defect, dice.Next(opportunities), [.. Enumerable.Range(0, 24).Select(_ => dice.Next(1 << 20))]));
        }
    }

    /// <summary>The program of a recipe.</summary>
    internal static LabelledProgram Again(Recipe recipe) =>
        new ProgramGenerator(Dice.Replay(recipe.Decisions), recipe.Defect, recipe.Opportunity, Dice.Replay(recipe.Details)).Write();

    private LabelledProgram Write()
    {
        _budget = 4 + _dice.Next(10);
        bool labels = _dice.Chance(25);
        Frame run = new("return -EIO;", false, _dice.Next(4), []) { HasLabels = labels };
        run.Code.Add("internal static int Run(int input)");
        run.Code.Add("{");
        if (labels) run.Code.Add("int error = 0;");
        if (_dice.Chance(90)) Lifetime(run);
        Block(run);
        Finish(run, labels ? "return error;" : "return 0;");
        run.Code.Add("}", run.Entities);
        _members.Insert(0, run.Code);

        var text = new List<Line> { new("internal static unsafe partial class P0", []), new("{", []) };
        foreach (string field in _fields) text.Add(new Line("    " + field, []));
        if (_fields.Count > 0) text.Add(new Line("", []));
        for (int i = 0; i < _members.Count; i++)
        {
            if (i > 0) text.Add(new Line("", []));
            foreach (Line line in _members[i].Lines) text.Add(line with { Text = "    " + line.Text });
        }

        text.Add(new Line("}", []));
        if (_safe.Count > 0)
        {
            // An async function knows no pointers.
            text.Add(new Line("", []));
            text.Add(new Line("internal static partial class P0", []));
            text.Add(new Line("{", []));
            text.AddRange(_safe);
            text.Add(new Line("}", []));
        }

        var places = new HashSet<int>();
        for (int i = 0; i < text.Count; i++)
            if (text[i].About.Any(_marked.Contains)) places.Add(i);
        Defect? label = _marked.Count > 0 ? _defect : null;
        if (label == Defect.UnlockedExit && !_marked.Overlaps(_unlocked)) Feature(NeverUnlocked);
        return new LabelledProgram(string.Join('\n', text.Select(line => line.Text)) + "\n", label, places, _features, _bits, new Recipe(_dice.Thrown, label, _opportunity, _details.Thrown));
    }

    /// <summary>Here the program could be wrong in this way. Whether it is to be.</summary>
    private bool Here(Defect defect, int entity)
    {
        if (_unreachable > 0) return false;
        int count = _opportunities.GetValueOrDefault(defect);
        _opportunities[defect] = count + 1;
        if (_defect != defect || _opportunity != count) return false;
        _marked.Add(entity);
        return true;
    }

    private void Feature(string name) => _features.Add(name);

    private string Name(string stem) => $"{stem}{++_names}";

    private int NewEntity() => ++_entities;

    // Blocks

    private void Block(Frame frame)
    {
        int open = frame.Open.Count, live = frame.Live.Count;
        int items = 1 + _dice.Next(4);
        frame.Nesting++;
        for (int i = 0; i < items && _budget > 0; i++) Item(frame);
        frame.Nesting--;
        if (frame.Nesting == 0) return;
        Close(frame, open, live);
    }

    private void Close(Frame frame, int open, int live)
    {
        while (frame.Open.Count > open)
        {
            Obligation last = frame.Open[^1];
            frame.Open.RemoveAt(frame.Open.Count - 1);
            Settle(frame, last);
        }

        if (frame.Live.Count > live) frame.Live.RemoveRange(live, frame.Live.Count - live);
    }

    private void Settle(Frame frame, Obligation obligation)
    {
        if (obligation.AtEnd is { } atEnd)
        {
            atEnd();
        }
        else
        {
            if (!obligation.IsAutomatic) obligation.Undo();
            foreach (string line in obligation.Closing) frame.Code.Add(line, obligation.Entity);
        }

        // What a function called here forgot shows on each way out from here on.
        if (_defect is Defect.Leak or Defect.UnlockedExit && _marked.Contains(obligation.Entity)) frame.Code.Lost.Add(obligation.Entity);
        if (obligation.IsSection) frame.IsAtomic = obligation.WasAtomic;
        foreach (string need in obligation.Needs) frame.Held.Remove(need);
    }

    /// <summary>The function's end: everything open is undone, behind labels if it has them.</summary>
    private void Finish(Frame frame, string? leave)
    {
        int[] entities = frame.Entities;
        while (frame.Open.Count > 0)
        {
            Obligation last = frame.Open[^1];
            frame.Open.RemoveAt(frame.Open.Count - 1);
            if (last.Label is { } label) frame.Code.Add(label + ":");
            int before = frame.Code.Lines.Count;
            Settle(frame, last);
            if (last.Label is not null && frame.Code.Lines.Count == before) frame.Code.Add("World.Count++;");
        }

        if (leave is not null) frame.Code.Add(leave, entities);
        frame.Live.Clear();
    }

    private void Item(Frame frame)
    {
        _budget--;
        switch (_dice.Weighted(6, 8, 8, 6, 4, 6, 6, 4, 2))
        {
            case 0: UseSomething(frame); break;
            case 1: Lifetime(frame); break;
            case 2: EarlyExit(frame); break;
            case 3: Branch(frame); break;
            case 4: Loop(frame); break;
            case 5: Call(frame); break;
            case 6: Section(frame); break;
            case 7: Sleep(frame); break;
            default: Many(frame); break;
        }
    }
}
