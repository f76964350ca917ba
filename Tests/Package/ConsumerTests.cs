// The switches that a project has: off, a severity set, and a clear word about one that does not exist.

using Xunit;

namespace KAlloc.Package.Tests;

[Collection("feed")]
public sealed class ConsumerTests(LocalFeed feed) : Consumer(feed)
{
    [Fact]
    public async Task AnalyzersAlone_FollowTheProjectsSwitches()
    {
        Write("App.csproj", Project("KAlloc.Analyzers", ""));
        Write("Program.cs", """
            using System.Runtime.InteropServices;

            nint text = Marshal.AllocHGlobal(64);
            Marshal.FreeCoTaskMem(text);

            """);

        Run restore = await Repository.DotnetAsync(Folder, "restore", "-nologo");
        Assert.True(restore.ExitCode == 0, restore.ToString());
        Run on = await BuildAsync();
        Assert.Contains("error KA4007", on.Output, StringComparison.Ordinal);
        AssertAnalyzersRan(on);
        foreach (string off in (string[])["-p:KAllocAnalyzers=false", "-p:KAllocAnalysisMode=none"])
        {
            Run quiet = await BuildAsync(off);
            Assert.True(quiet.ExitCode == 0, quiet.ToString());
            Assert.DoesNotContain("KA4007", quiet.Output, StringComparison.Ordinal);
        }

        Run strict = await BuildAsync("-p:KAllocAnalysisMode=Strict");
        Assert.Contains("error KA4007", strict.Output, StringComparison.Ordinal);
        Run wrong = await BuildAsync("-p:KAllocAnalysisMode=everything");
        Assert.Contains("error : KAllocAnalysisMode is 'everything'; it can be none, recommended, strict or kernel.", wrong.Output, StringComparison.Ordinal);
    }
}
