// Every decision of the generator goes through here and is written down. The list of decisions is the program: played back it gives the same
// program, cut short or set to zero it gives a smaller one that is still well formed, since 0 is always the simplest choice.

namespace KAlloc.Differential.Tests.Generation;

internal sealed class Dice
{
    private readonly Random? _random;
    private readonly IReadOnlyList<int> _given;

    private Dice(Random? random, IReadOnlyList<int> given)
    {
        _random = random;
        _given = given;
    }

    internal List<int> Thrown { get; } = [];

    internal static Dice Random(int seed) => new(new Random(seed), []);

    /// <summary>Plays decisions back; beyond their end every decision is 0.</summary>
    internal static Dice Replay(IReadOnlyList<int> thrown) => new(null, thrown);

    /// <summary>0 to <paramref name="sides"/> - 1.</summary>
    internal int Next(int sides)
    {
        int at = Thrown.Count;
        int value = _random?.Next(sides) ?? (at < _given.Count ? _given[at] % sides : 0);
        Thrown.Add(value);
        return value;
    }

    /// <summary>True so many times of a hundred.</summary>
    internal bool Chance(int percent) => Next(100) >= 100 - percent;

    internal T Pick<T>(IReadOnlyList<T> choices) => choices[Next(choices.Count)];

    /// <summary>An index with the given weights; the first is the simplest.</summary>
    internal int Weighted(params ReadOnlySpan<int> weights)
    {
        int sum = 0;
        foreach (int weight in weights) sum += weight;
        int value = Next(sum);
        for (int i = 0; i < weights.Length; i++)
        {
            value -= weights[i];
            if (value < 0) return i;
        }

        return 0;
    }
}
