// `kalloc fix`: changes what is fixed and nothing else, or nothing at all.

using System.Text;
using Xunit;

namespace KAlloc.Tool.Tests;

public sealed class FixTests
{
    [Fact]
    public async Task DryRun_ShowsTheDiff_AndChangesNoFile()
    {
        using Workplace work = new Workplace().With("App.csproj", Workplace.Library()).With("Buffers.cs", Workplace.WrongFree);
        SortedDictionary<string, string> before = work.Snapshot();

        Run run = await work.ToolAsync("fix", ".", "--dry-run");

        Assert.True(run.ExitCode == 1, run.ToString());
        string[] lines = run.Output.Split('\n');
        Assert.Equal(["--- a/Buffers.cs", "+++ b/Buffers.cs"], lines[..2]);
        Assert.Contains("-        Marshal.FreeCoTaskMem(block);", lines);
        Assert.Contains("+        Marshal.FreeHGlobal(block);", lines);
        Assert.Contains("1 finding can be repaired: 1 KA4007.", lines);
        Assert.Equal(before, work.Snapshot());
    }

    [Fact]
    public async Task Fix_KeepsLineEndsMarkAndEverythingElse_ForAllFrameworks()
    {
        string wrong = "// Grüße\r\n" + Workplace.WrongFree.Replace("\n", "\r\n") + "  class  Odd {int  x;}";
        using Workplace work = new Workplace()
            .With("App.csproj", Workplace.Library("net10.0;netstandard2.0", "<TreatWarningsAsErrors>true</TreatWarningsAsErrors><NoWarn>CS0169</NoWarn>"))
            .With("Latin.cs", "");
        byte[] latin = Encoding.Latin1.GetBytes("// Grüße\n" + Workplace.WrongFree.Replace("Buffers", "Latin"));
        await File.WriteAllBytesAsync(Path.Combine(work.Folder, "Latin.cs"), latin);
        await File.WriteAllTextAsync(Path.Combine(work.Folder, "Buffers.cs"), wrong, new UTF8Encoding(encoderShouldEmitUTF8Identifier: true));

        Run run = await work.ToolAsync("fix", ".");

        Assert.True(run.ExitCode == 0, run.ToString());
        Assert.Contains("2 findings repaired: 2 KA4007.", run.Output, StringComparison.Ordinal);
        byte[] expected = [0xEF, 0xBB, 0xBF, .. Encoding.UTF8.GetBytes(wrong.Replace("FreeCoTaskMem", "FreeHGlobal"))];
        Assert.Equal(expected, await File.ReadAllBytesAsync(Path.Combine(work.Folder, "Buffers.cs")));
        Assert.Equal(
            Encoding.Latin1.GetString(latin).Replace("FreeCoTaskMem", "FreeHGlobal"),
            Encoding.Latin1.GetString(await File.ReadAllBytesAsync(Path.Combine(work.Folder, "Latin.cs"))));
    }

    [Fact]
    public async Task FileOfTwoProjects_IsRepairedOnce()
    {
        string link = "<Compile Include=\"../Shared/*.cs\" />";
        using Workplace work = new Workplace()
            .With("Shared/Buffers.cs", Workplace.WrongFree)
            .With("A/A.csproj", Workplace.Library(items: link))
            .With("B/B.csproj", Workplace.Library(items: link));

        Run run = await work.ToolAsync("fix", ".", "--rule", "ka4007");

        Assert.True(run.ExitCode == 0, run.ToString());
        Assert.Contains("1 finding repaired: 1 KA4007.", run.Output, StringComparison.Ordinal);
        Assert.Equal(Workplace.RightFree, work.Read("Shared/Buffers.cs"));
    }
}
