// A CPU is a thread, and a test that leaves it in a section would spoil the next one: so each test body runs on a thread of its own, which must end
// in process context.

using static KAlloc.Linux;

namespace KAlloc.Runtime.Tests;

internal static class Cpu
{
    private static int s_line = 31;

    /// <summary>An interrupt line that no other test uses.</summary>
    public static int NewLine() => Interlocked.Increment(ref s_line);

    /// <summary>Runs the body on a new CPU and passes its failure on.</summary>
    public static void Run(Action body)
    {
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                body();
                Assert.Equal(0, preempt_count());
                Assert.False(irqs_disabled());
            }
            catch (Exception e)
            {
                failure = e;
            }
        }) { IsBackground = true, Name = "test" };
        thread.Start();
        Assert.True(thread.Join(TimeSpan.FromSeconds(60)), "the CPU hangs");
        if (failure is not null) throw new AggregateException(failure.Message, failure);
    }

    /// <summary>Starts a second CPU; join it before the test ends.</summary>
    public static Thread Start(Action body)
    {
        var thread = new Thread(() => body()) { IsBackground = true };
        thread.Start();
        return thread;
    }

    /// <summary>Waits until the condition holds.</summary>
    public static void Until(Func<bool> condition) => Assert.True(SpinWait.SpinUntil(condition, TimeSpan.FromSeconds(30)), "it never happened");
}
