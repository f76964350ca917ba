namespace KAlloc.Benchmarks.Core;

/// <summary>Lets contenders take turns, so that what the machine does meanwhile hits all of them.</summary>
internal static class Rounds
{
    /// <summary>Warms every contender up, then takes a sample of each in every round.</summary>
    /// <param name="workload">Name of the work.</param>
    /// <param name="contenders">Who does it.</param>
    /// <param name="settings">How often.</param>
    internal static List<Measurement> Measure(string workload, IReadOnlyList<Contender> contenders, RunSettings settings)
    {
        // Optimised code is there after 30 calls, some time to count them and some to compile, in two steps where a loop runs meanwhile.
        for (int i = 0; i < 3; i++)
        {
            foreach (Contender contender in contenders) contender.Sample();
            if (!settings.Quick) Thread.Sleep(200);
        }

        var samples = contenders.Select(_ => new double[settings.Rounds]).ToArray();
        for (int round = 0; round < settings.Rounds; round++)
        {
            for (int i = 0; i < contenders.Count; i++) samples[i][round] = contenders[i].Sample();
        }

        return [.. contenders.Select((c, i) => new Measurement(workload, c.Name, c.Threads, samples[i], c.Memory?.Invoke() ?? default))];
    }
}
