// The confusion table: for each kind of defect, what was found, missed, wrongly alarmed and rightly left alone; and what the misses are made of.

using System.Globalization;
using System.Text;
using KAlloc.Differential.Tests.Generation;

namespace KAlloc.Differential.Tests;

internal sealed class Confusion
{
    internal sealed class Row
    {
        internal int Found, Misplaced, Missed, False, Silent;

        internal int Wrong => Found + Misplaced + Missed;

        internal double Recall => Wrong == 0 ? 1 : (double)Found / Wrong;

        internal double FalseAlarms => False + Silent == 0 ? 0 : (double)False / (False + Silent);
    }

    internal Dictionary<Defect, Row> Rows { get; } = Defects.All.ToDictionary(defect => defect, _ => new Row());

    internal List<Outcome> Misses { get; } = [];

    internal List<(Outcome Outcome, Said Said)> FalseAlarms { get; } = [];

    /// <summary>Labels that the oracle does not confirm, or defects that nobody injected: errors of the generator.</summary>
    internal List<(Outcome Outcome, string Why)> Disagreements { get; } = [];

    private readonly Dictionary<(Defect, string), (int Missed, int All)> _features = [];

    internal void Add(Outcome outcome)
    {
        Defect? label = outcome.Program.Label;
        if (outcome.Disagreement is { } why) Disagreements.Add((outcome, why));
        foreach (Defect seen in outcome.Seen)
            if (seen != label && !(label is { } cause && Defects.MayFollow(seen, cause))) Disagreements.Add((outcome, $"the label is {label?.ToString() ?? "correct"}, the oracle saw {seen}"));
        if (label is { } promised && !outcome.Seen.Contains(promised)) Disagreements.Add((outcome, $"the label is {label}, the oracle saw nothing of it"));

        Said[] alarms = [.. FalseAlarmsIn(outcome)];
        foreach (Defect defect in Defects.All)
        {
            Row row = Rows[defect];
            if (label == defect)
            {
                bool found = !IsMiss(outcome);
                if (found) row.Found++;
                else if (outcome.Said.Any(said => Defects.Speaks(said.Rule, defect))) row.Misplaced++;
                else row.Missed++;
                if (!found) Misses.Add(outcome);
                foreach (string feature in outcome.Program.Features)
                {
                    (int missed, int all) = _features.GetValueOrDefault((defect, feature));
                    _features[(defect, feature)] = (missed + (found ? 0 : 1), all + 1);
                }
            }
            else if (!outcome.Seen.Contains(defect))
            {
                Said[] wrong = [.. alarms.Where(said => Defects.Speaks(said.Rule, defect))];
                if (wrong.Length > 0) row.False++;
                else row.Silent++;
                if (wrong.Length > 0) FalseAlarms.Add((outcome, wrong[0]));
            }
        }
    }

    /// <summary>Wrong, and no rule for it spoke at a place that has to do with it.</summary>
    internal static bool IsMiss(Outcome outcome) =>
        outcome.Program.Label is { } label && outcome.Seen.Contains(label) && !outcome.Said.Any(said => Defects.Speaks(said.Rule, label) && outcome.Program.Places.Contains(said.Line));

    /// <summary>Findings of kinds that no run shows.</summary>
    internal static IEnumerable<Said> FalseAlarmsIn(Outcome outcome) =>
        outcome.Said.Where(said => Defects.KindOf(said.Rule) is { } kind && kind != outcome.Program.Label && !outcome.Seen.Contains(kind));

    public override string ToString()
    {
        var text = new StringBuilder();
        text.AppendLine("kind              found misplaced missed | recall  | false   true silence | false alarms");
        foreach ((Defect defect, Row row) in Rows)
            text.AppendLine(CultureInfo.InvariantCulture, $"{defect,-17} {row.Found,5} {row.Misplaced,9} {row.Missed,6} | {row.Recall * 100,6:f1}% | {row.False,5} {row.Silent,14} | {row.FalseAlarms * 100,6:f2}%");
        if (_features.TryGetValue((Defect.UnlockedExit, ProgramGenerator.NeverUnlocked), out (int Missed, int All) never))
        {
            Row row = Rows[Defect.UnlockedExit];
            text.AppendLine(CultureInfo.InvariantCulture, $"UnlockedExit where some way out does leave the section: {row.Found - never.All + never.Missed} of {row.Wrong - never.All} found; where none does: {never.All - never.Missed} of {never.All}");
        }

        return text.ToString();
    }

    /// <summary>The features that misses have more often than programs of the same label do.</summary>
    internal string Causes()
    {
        var text = new StringBuilder();
        foreach (Defect defect in Defects.All)
        {
            Row row = Rows[defect];
            int missed = row.Missed + row.Misplaced;
            if (missed == 0) continue;
            text.Append(CultureInfo.InvariantCulture, $"{defect}: {missed} of {row.Wrong} missed");
            IEnumerable<string> causes =
                from feature in _features
                where feature.Key.Item1 == defect && feature.Value.Missed > 0
                let share = (double)feature.Value.Missed / feature.Value.All
                orderby share descending, feature.Value.Missed descending, feature.Key.Item2
                select string.Create(CultureInfo.InvariantCulture, $"{feature.Key.Item2} {feature.Value.Missed}/{feature.Value.All}");
            text.Append(": ").AppendJoin(", ", causes.Take(12)).AppendLine();
        }

        return text.ToString();
    }
}
