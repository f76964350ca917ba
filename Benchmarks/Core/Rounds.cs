using System.Runtime;

namespace KAlloc.Benchmarks.Core;

/// <summary>Lets contenders take turns, so that what the machine does meanwhile hits all of them.</summary>
internal static class Rounds
{
    /// <summary>Calls after which the JIT replaces code, with a few to spare.</summary>
    private const int CallsOfTier = 32;

    /// <summary>Milliseconds without new code after which the JIT begins to count calls, and some to compile.</summary>
    private const int PauseOfTier = 150;

    /// <summary>Warms every contender up, then takes a sample of each in every round.</summary>
    /// <param name="workload">Name of the work.</param>
    /// <param name="contenders">Who does it.</param>
    /// <param name="settings">How often.</param>
    internal static List<Measurement> Measure(string workload, IReadOnlyList<Contender> contenders, RunSettings settings)
    {
        foreach (Contender contender in contenders) contender.Sample();
        if (!settings.Quick)
        {
            WarmUp(contenders);
            foreach (Contender contender in contenders) contender.Sample();
        }

        var samples = contenders.Select(_ => new double[settings.Rounds]).ToArray();
        for (int round = 0; round < settings.Rounds; round++)
        {
            for (int i = 0; i < contenders.Count; i++) samples[i][round] = contenders[i].Sample();
        }

        return [.. contenders.Select((c, i) => new Measurement(workload, c.Name, c.Threads, samples[i], c.Memory?.Invoke() ?? default))];
    }

    /// <summary>
    /// Until the code is that of the last tier: first plain code, whose calls are not counted before a pause, then code that also counts branches, then the
    /// one that is made with these counts. So: turns of enough calls for one step, until two have passed in which nothing was compiled.
    /// </summary>
    private static void WarmUp(IReadOnlyList<Contender> contenders)
    {
        const int Steps = 3, MostTurns = 20;
        for (int turn = 0, still = 0; still < 2 && turn < MostTurns; turn++)
        {
            long compiled = JitInfo.GetCompiledMethodCount();
            foreach (Contender contender in contenders)
            {
                if (contender.Warm is not { } warm) contender.Sample();
                else for (int i = 0; i < CallsOfTier; i++) warm();
            }

            Thread.Sleep(PauseOfTier);
            still = turn >= Steps && JitInfo.GetCompiledMethodCount() == compiled ? still + 1 : 0;
        }
    }
}
