// A statement whose calls can turn out in several ways is evaluated once per combination: the evaluator stays a plain recursive function that
// asks "which way this time?", and the list of answers advances like an odometer.

namespace KAlloc.Analyzers.Flow;

/// <param name="first">The way that each call goes first.</param>
/// <param name="wanted">With so many combinations that are possible it ends.</param>
internal sealed class Choices(int first, int wanted)
{
    /// <summary>Of one statement, possible or not.</summary>
    internal const int MaximalCombinations = 64;

    private readonly List<(int Chosen, int Count)> _wheels = [];
    private int _position, _combinations;

    /// <summary>Which of <paramref name="count"/> ways the next call takes in this combination.</summary>
    internal int Next(int count)
    {
        if (_position == _wheels.Count) _wheels.Add((0, count));
        // A function that is run again in place may find the budget used up, and then has fewer ways than before.
        return (Math.Min(_wheels[_position++].Chosen, count - 1) + first) % count;
    }

    /// <summary>Turns to the next combination; false when all were seen, or as many as are wanted turned out to be possible.</summary>
    internal bool Advance(int possible)
    {
        // What was not reached this time belongs to a combination that no longer exists.
        _wheels.RemoveRange(_position, _wheels.Count - _position);
        _position = 0;
        if (++_combinations >= MaximalCombinations || possible >= wanted) return false;
        for (int i = _wheels.Count - 1; i >= 0; i--)
        {
            (int chosen, int count) = _wheels[i];
            if (chosen + 1 < count)
            {
                _wheels[i] = (chosen + 1, count);
                _wheels.RemoveRange(i + 1, _wheels.Count - i - 1);
                return true;
            }
        }

        return false;
    }
}
