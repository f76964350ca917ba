namespace KAlloc.Runtime.Tests;

/// <summary>The module loader does what it shows: the program itself checks results, refusals and that nothing is left.</summary>
public class ModulesTests
{
    [Fact]
    public void Program_LoadsRunsAndUnloadsAModule_AndRefusesBadFiles()
    {
        (int exitCode, string output) = Child.RunProgram("Modules");
        Assert.True(exitCode == 0, output);
        if (!OperatingSystem.IsLinux()) return;
        Assert.Contains("kmalloc of 1 MiB: null", output);
        Assert.Contains("module says 1125011250025000", output);
        Assert.Contains("0 bytes still in use, 0 faults", output);
    }
}
