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

    /// <summary>It has ended, and there were more.</summary>
    internal bool HasMore { get; private set; }

    /// <summary>Turns to the next combination; false when all were seen, or as many as are wanted turned out to be possible.</summary>
    internal bool Advance(int possible)
    {
        // What was not reached this time belongs to a combination that no longer exists.
        _wheels.RemoveRange(_position, _wheels.Count - _position);
        _position = 0;
        int turning = _wheels.FindLastIndex(static wheel => wheel.Chosen + 1 < wheel.Count);
        if (turning < 0) return false;
        HasMore = ++_combinations >= MaximalCombinations || possible >= wanted;
        if (HasMore) return false;
        _wheels[turning] = (_wheels[turning].Chosen + 1, _wheels[turning].Count);
        _wheels.RemoveRange(turning + 1, _wheels.Count - turning - 1);
        return true;
    }
}
