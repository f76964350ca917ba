namespace KAlloc.Runtime.Tests;

/// <summary>Random work from several threads, in a process that has the default system for itself.</summary>
public class StressTests
{
    /// <summary>With <c>KALLOC_LONG=1</c> each thread makes a million pairs of calls, else twenty thousand.</summary>
    [Fact]
    public void VmallocOfRandomSizesOnTwoThreads_LosesNeitherFramesNorRangesNorMappings()
    {
        if (!OperatingSystem.IsLinux()) return;
        (int exitCode, string output) = Child.Run("vmalloc-stress", "4711", Environment.GetEnvironmentVariable("KALLOC_LONG") == "1" ? "2000000" : "40000", "2");
        Assert.True(exitCode == 0, output);
        Assert.Contains(" 0 failures", output);
    }

    [Fact]
    public void SystemsDisposedUnderThreadsThatEnd_LeaveNothingBehind()
    {
        (int exitCode, string output) = Child.Run("boot-dispose", $"{Environment.TickCount}", "300", "3");
        Assert.True(exitCode == 0, output);
        Assert.Contains(" 0 failures", output);
    }

    [Theory]
    [InlineData(4713, 10_000_000, "None")]
    [InlineData(4714, 500_000, "Sanity")]
    [InlineData(4715, 20_000, "Full")]
    public void SlabWorkOnFourThreads_EqualsItsModel(int seed, int operations, string level)
    {
        (int exitCode, string output) = Child.Run("slab-stress", $"{seed}", $"{operations}", "4", level);
        Assert.True(exitCode == 0, output);
        Assert.Contains($"seed {seed}, {operations} operations, 4 threads: 0 failures", output);
    }

    [Theory]
    [InlineData(4711, 10_000_000, null)]
    [InlineData(4712, 500_000, "sanity")]
    public void RandomWorkOnFourThreads_LosesNothing(int seed, int operations, string? level)
    {
        string[] command = ["stress", $"{seed}", $"{operations}", "4"];
        (int exitCode, string output) = Child.Run(level is null ? command : [.. command, level]);
        Assert.True(exitCode == 0, output);
        Assert.Contains(" 0 failures", output);
    }
}
