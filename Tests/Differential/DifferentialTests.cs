using KAlloc.Differential.Tests.Generation;
using Xunit;
using Xunit.Abstractions;

namespace KAlloc.Differential.Tests;

/// <summary>
/// Random labelled programs: what the analyzers say of them, as they ship, against what their runs show. KALLOC_LONG=1 judges 5,000 programs and
/// holds them against the goal; KALLOC_PROGRAMS and KALLOC_SEED choose others; KALLOC_DUMP names a folder for the programs that were misjudged,
/// KALLOC_MINIMIZE how many of each kind to make small.
/// </summary>
public sealed class DifferentialTests(ITestOutputHelper output)
{
    private const int Seed = 20_261;
    private const int DefaultCount = 400;
    private const int BatchSize = 50;

    private const double GoalOfRecall = 0.98, GoalOfFalseAlarms = 0.003;

    /// <summary>What the default programs must reach: with some thirty of a kind, one miss is already more than the goal allows.</summary>
    private const double RecallOfFew = 0.93;

    private static bool IsLong => Environment.GetEnvironmentVariable("KALLOC_LONG") == "1";

    [Fact]
    public void Programs_AreJudgedAsTheyRun()
    {
        int count = Number("KALLOC_PROGRAMS", IsLong ? 5000 : DefaultCount), seed = Number("KALLOC_SEED", Seed);
        bool isDefault = (count, seed) == (DefaultCount, Seed);
        output.WriteLine($"{count} programs, seed {seed}");
        var confusion = new Confusion();
        for (int first = 0; first < count; first += BatchSize)
        {
            (int, LabelledProgram)[] programs = [.. Enumerable.Range(first, Math.Min(BatchSize, count - first)).Select(number => (number, ProgramGenerator.Random(seed, number)))];
            foreach (Outcome outcome in Batch.Judge(programs)) confusion.Add(outcome);
        }

        output.WriteLine(confusion.ToString());
        output.WriteLine(confusion.Causes());
        foreach ((Outcome bad, string why) in confusion.Disagreements) output.WriteLine($"{bad.Number}: {why.Split('\n')[0]}");
        if (Environment.GetEnvironmentVariable("KALLOC_DUMP") is { } folder) Dump(confusion, folder);

        // The label and the runs must say the same: else the generator is wrong, and no figure means anything.
        Assert.True(confusion.Disagreements.Count == 0, string.Join('\n', confusion.Disagreements.Take(3).Select(bad => $"{bad.Why}\n{bad.Outcome.Program.Source}")));
        foreach ((Defect defect, Confusion.Row row) in confusion.Rows)
        {
            double recall = IsLong ? GoalOfRecall : isDefault ? RecallOfFew : 0;
            Assert.True(row.Recall >= recall, $"{defect}: recall {row.Recall:p1}, {recall:p1} is asked for");
            Assert.True(row.FalseAlarms <= GoalOfFalseAlarms, $"{defect}: {row.FalseAlarms:p2} false alarms, {GoalOfFalseAlarms:p1} are allowed\n{string.Join('\n', confusion.FalseAlarms.Select(alarm => $"{alarm.Said}\n{alarm.Outcome.Program.Source}"))}");
        }
    }

    [Fact]
    public void Recipe_WritesTheSameProgramAgain()
    {
        for (int number = 0; number < 200; number++)
        {
            LabelledProgram program = ProgramGenerator.Random(Seed, number), again = ProgramGenerator.Again(program.Recipe);
            Assert.Equal(program.Source, again.Source);
            Assert.Equal(program.Label, again.Label);
            Assert.Equal(program.Places, again.Places);
        }
    }

    private static int Number(string variable, int otherwise) => int.TryParse(Environment.GetEnvironmentVariable(variable), out int number) ? number : otherwise;

    private static void Dump(Confusion confusion, string folder)
    {
        Directory.CreateDirectory(folder);
        int minimized = Number("KALLOC_MINIMIZE", 0);
        foreach (IGrouping<Defect?, Outcome> kind in confusion.Misses.GroupBy(miss => miss.Program.Label))
        {
            foreach (Outcome miss in kind) Write($"miss-{miss.Program.Label}-{miss.Number}", miss, "");
            foreach (Outcome miss in kind.Take(minimized))
                Write($"small-{miss.Program.Label}-{miss.Number}", Minimizer.Minimize(miss, smaller => Confusion.IsMiss(smaller)), "");
        }

        foreach ((Outcome outcome, Said said) in confusion.FalseAlarms)
        {
            Write($"false-{said.Rule}-{outcome.Number}", outcome, $"// false alarm: {said}\n");
            if (minimized > 0) Write($"small-{said.Rule}-{outcome.Number}", Minimizer.Minimize(outcome, smaller => Confusion.FalseAlarmsIn(smaller).Any(alarm => alarm.Rule == said.Rule)), "");
        }

        foreach ((Outcome outcome, string why) in confusion.Disagreements) Write($"generator-{outcome.Number}", outcome, $"// {why}\n");

        void Write(string name, Outcome outcome, string comment) => File.WriteAllText(Path.Combine(folder, name + ".cs"), Describe(outcome, comment));
    }

    /// <summary>The program with the places of its defect and what was said of it in comments.</summary>
    private static string Describe(Outcome outcome, string comment)
    {
        string[] lines = outcome.Program.Source.Split('\n');
        foreach (int place in outcome.Program.Places) lines[place] += " // *";
        foreach (Said said in outcome.Said) lines[said.Line] += $" // {said.Rule}: {said.Message}";
        return $"{comment}// label: {outcome.Program.Label?.ToString() ?? "correct"}; seen: {string.Join(", ", outcome.Seen)}\n// {string.Join(", ", outcome.Program.Features)}\n{string.Join('\n', lines)}";
    }
}
