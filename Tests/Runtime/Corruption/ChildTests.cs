namespace KAlloc.Runtime.Tests;

/// <summary>What must kill, in a process that may die.</summary>
public class ChildTests
{
    [Theory]
    [InlineData("vmalloc-end")]
    [InlineData("vmalloc-end", "portable")]
    [InlineData("vmalloc-freed")]
    [InlineData("vmalloc-freed", "sanity")]
    public void WriteOutsideOfVmallocMemory_Faults(params string[] command)
    {
        (int exitCode, string output) = Child.Run(command);
        Assert.NotEqual(0, exitCode);
        Assert.Contains("before", output);
        Assert.DoesNotContain("after", output);
    }

    [Fact]
    public void MappingsExhausted_IsNull_AndTheProcessGoesOn()
    {
        if (!OperatingSystem.IsLinux()) return;
        (int exitCode, string output) = Child.Run("vmalloc-exhaust");
        Assert.True(exitCode == 0, output);
        Assert.Contains("mappings it may have", output);
    }

    [Fact]
    public void SanityLevel_CatchesEveryWrongKfree()
    {
        (int exitCode, string output) = Child.Run("double-free");
        Assert.True(exitCode == 0, output);
        Assert.Contains("720 caught, 0 missed", output);
    }
}
