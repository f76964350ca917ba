// A compiler server and an editor run for hours: what is measured is what they cost then, not what the JIT does in their first minute.

using System.Runtime;

namespace KAlloc.Benchmarks.Analysis;

internal static class Warmth
{
    /// <summary>The JIT is done with its tiers when it has less than this share of a turn's time.</summary>
    private const double ShareOfJit = 0.02;

    /// <summary>Takes turns until the JIT is done, at most so many.</summary>
    internal static void Reach(int mostTurns, Action turn)
    {
        for (int turns = 0; turns < mostTurns; turns++)
        {
            TimeSpan compiling = JitInfo.GetCompilationTime();
            Cost cost = Cost.Of(turn, collect: false);
            if ((JitInfo.GetCompilationTime() - compiling).TotalMilliseconds < ShareOfJit * cost.CpuMs) return;
        }
    }

    /// <summary>Waits until the JIT has compiled what earlier work made hot: its second tier does so on a thread of its own, a tenth of a second after the first came to rest.</summary>
    internal static void Settle()
    {
        const int Pause = 250, MostPauses = 20;
        long compiled = -1;
        for (int i = 0; i < MostPauses && compiled != JitInfo.GetCompiledMethodCount(); i++)
        {
            compiled = JitInfo.GetCompiledMethodCount();
            Thread.Sleep(Pause);
        }
    }
}
