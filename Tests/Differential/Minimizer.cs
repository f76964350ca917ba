// Makes a misjudged program small: shorter and simpler lists of decisions are tried, many in one batch, and the shortest program that is still
// misjudged in the same way is the next to start from. Any list of decisions is a correct program, so nothing but the judgement has to be checked.

using KAlloc.Differential.Tests.Generation;

namespace KAlloc.Differential.Tests;

internal static class Minimizer
{
    private const int MaximalRounds = 30;
    private const int CandidatesPerRound = 80;

    /// <summary>The smallest program found that is misjudged as the given one is.</summary>
    internal static Outcome Minimize(Outcome outcome, Func<Outcome, bool> isMisjudged)
    {
        var random = new Random(1);
        int stuck = 0;
        for (int round = 0; round < MaximalRounds && stuck < 3; round++)
        {
            (int, LabelledProgram Program)[] candidates =
            [
                .. Enumerable.Range(0, CandidatesPerRound * 4).Select(_ => ProgramGenerator.Again(Simplify(outcome.Program.Recipe, random)))
                    .Where(program => program.Label == outcome.Program.Label && program.Source.Length < outcome.Program.Source.Length)
                    .DistinctBy(program => program.Source).OrderBy(program => program.Source.Length).Take(CandidatesPerRound).Select((program, i) => (i, program)),
            ];
            Outcome? smaller = candidates.Length == 0 ? null
                : Batch.Judge(candidates).Where(candidate => candidate.Disagreement is null && isMisjudged(candidate)).MinBy(candidate => candidate.Program.Source.Length);
            stuck = smaller is null ? stuck + 1 : 0;
            outcome = smaller ?? outcome;
        }

        return outcome;
    }

    private static Recipe Simplify(Recipe recipe, Random random)
    {
        List<int> decisions = [.. recipe.Decisions];
        for (int i = 1 + random.Next(3); i > 0 && decisions.Count > 0; i--)
        {
            int at = random.Next(decisions.Count), length = Math.Min(decisions.Count - at, 1 << random.Next(6));
            switch (random.Next(4))
            {
                case 0:
                    decisions.RemoveRange(at, length);
                    break;
                case 1:
                    decisions.RemoveRange(at, decisions.Count - at);
                    break;
                case 2:
                    for (int k = at; k < at + length; k++) decisions[k] = 0;
                    break;
                default:
                    decisions[at] = 0;
                    break;
            }
        }

        return recipe with
        {
            Decisions = decisions,
            Opportunity = random.Next(3) == 0 ? random.Next(recipe.Opportunity + 1) : recipe.Opportunity,
            Details = random.Next(3) == 0 ? [.. recipe.Details.Select(detail => random.Next(2) == 0 ? 0 : detail)] : recipe.Details,
        };
    }
}
