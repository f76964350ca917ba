// `kalloc check` on the users' projects that plain injection gets wrong: it would say "clean", or fail, or change a file of theirs.

using Xunit;

namespace KAlloc.Tool.Tests;

public sealed class CheckTests
{
    [Fact]
    public async Task Finding_IsShownWithPlaceSourcePathRemedyAndCount()
    {
        using Workplace work = new Workplace().With("App.csproj", Workplace.Library()).With("Buffers.cs", Workplace.WrongFree);

        Run run = await work.ToolAsync("check", ".");

        Assert.True(run.ExitCode == 1, run.ToString());
        string[] lines = run.Output.Split('\n');
        Assert.StartsWith("Buffers.cs:10:", lines[0], StringComparison.Ordinal);
        Assert.Contains("error KA4007", lines[0], StringComparison.Ordinal);
        Assert.Contains("  10 │         Marshal.FreeCoTaskMem(block);", lines);
        Assert.Contains(lines, l => l.StartsWith("     │ ", StringComparison.Ordinal) && l.Contains('^'));
        Assert.Contains(lines, l => l.StartsWith("  → ", StringComparison.Ordinal));
        Assert.Contains(lines, l => l.StartsWith("  1. Buffers.cs:8:", StringComparison.Ordinal));
        Assert.Contains("     IntPtr block = Marshal.AllocHGlobal(64);", lines);
        Assert.Contains("1 finding in 1 file", lines);
        Assert.Contains(lines, l => l.StartsWith("  1  KA4007  error ", StringComparison.Ordinal));
        Assert.DoesNotContain('\u001b', run.Output);
        Assert.Equal("kalloc: Building user …\nkalloc: Checked App\n", run.Error);
    }

    [Fact]
    public async Task SecondRunAndRunAfterOwnBuild_SayTheSame_AndChangeNoFile()
    {
        using Workplace work = new Workplace()
            .With("App.csproj", Workplace.Library(properties: """
                <ErrorLog>own.sarif,version=2.1</ErrorLog>
                <DocumentationFile>docs/api.xml</DocumentationFile>
                <EmitCompilerGeneratedFiles>true</EmitCompilerGeneratedFiles>
                <CompilerGeneratedFilesOutputPath>Generated</CompilerGeneratedFilesOutputPath>
                <NoWarn>CS1591</NoWarn>
                """))
            .With("Buffers.cs", Workplace.WrongFree);
        SortedDictionary<string, string> untouched = work.Snapshot();
        Run first = await work.ToolAsync("check", "App.csproj");
        Assert.Equal(untouched, work.Snapshot());

        Run build = await work.DotnetAsync("build");
        Assert.True(build.ExitCode == 0, build.ToString());
        SortedDictionary<string, string> built = work.Snapshot();
        Assert.Contains("own.sarif", built.Keys);
        Run second = await work.ToolAsync("check", "App.csproj");

        Assert.True(first.ExitCode == 1, first.ToString());
        Assert.Equal(first, second);
        Assert.Equal(built, work.Snapshot());
    }

    [Theory]
    [InlineData("Directory.Build.targets", "<Project><PropertyGroup><TreatWarningsAsErrors>true</TreatWarningsAsErrors></PropertyGroup></Project>")]
    [InlineData("Directory.Build.targets", "<Project><PropertyGroup><WarningsAsErrors>KA4007;nullable</WarningsAsErrors></PropertyGroup></Project>")]
    [InlineData(".editorconfig", "root = true\n[*.cs]\ndotnet_diagnostic.KA4007.severity = error\n")]
    [InlineData("Directory.Build.props", "<Project><PropertyGroup><RunAnalyzers>false</RunAnalyzers><RunAnalyzersDuringBuild>false</RunAnalyzersDuringBuild></PropertyGroup></Project>")]
    public async Task ErrorInLibrary_DoesNotKeepTheAppAboveFromBeingChecked(string file, string content)
    {
        using Workplace work = new Workplace()
            .With(file, content)
            .With("Library/Library.csproj", Workplace.Library())
            .With("Library/Buffers.cs", Workplace.WrongFree)
            .With("App/App.csproj", Workplace.Library(items: "<ProjectReference Include=\"../Library/Library.csproj\" />"))
            .With("App/Program.cs", Workplace.WrongFree.Replace("Buffers", "Program").Replace("Marshal.WriteByte(block, 1)", "Buffers.Fill()"));

        Run run = await work.ToolAsync("check", ".");

        Assert.True(run.ExitCode == 1, run.ToString());
        Assert.Contains("App/Program.cs:10:", run.Output, StringComparison.Ordinal);
        Assert.Contains("Library/Buffers.cs:10:", run.Output, StringComparison.Ordinal);
        Assert.Contains("2 findings in 2 files", run.Output, StringComparison.Ordinal);
    }

    /// <summary>A project, or a solution that names only it.</summary>
    [Theory]
    [InlineData("App", "", "")]
    [InlineData("App.slnx", "App.slnx", "<Solution><Project Path=\"App/App.csproj\" /></Solution>")]
    public async Task ReferencedProject_IsBuilt_AndNotChecked(string path, string solution, string content)
    {
        using Workplace work = new Workplace()
            .With("Library/Library.csproj", Workplace.Library(properties: "<ErrorLog>own.sarif</ErrorLog><DocumentationFile>api.xml</DocumentationFile><NoWarn>CS1591</NoWarn>"))
            .With("Library/Buffers.cs", Workplace.WrongFree)
            .With("App/App.csproj", Workplace.Library(items: "<ProjectReference Include=\"../Library/Library.csproj\" />"))
            .With("App/Program.cs", Workplace.WrongFree.Replace("Buffers", "Program").Replace("Marshal.WriteByte(block, 1)", "Buffers.Fill()"));
        if (solution.Length > 0) work.With(solution, content);
        SortedDictionary<string, string> untouched = work.Snapshot();

        Run run = await work.ToolAsync("check", path);

        Assert.True(run.ExitCode == 1, run.ToString());
        Assert.Contains("App/Program.cs:10:", run.Output, StringComparison.Ordinal);
        Assert.Contains("1 finding in 1 file", run.Output, StringComparison.Ordinal);
        Assert.Equal($"kalloc: Building {path} …\nkalloc: Built Library\nkalloc: Checked App\n", run.Error);
        Assert.Equal(untouched, work.Snapshot());
    }

    [Fact]
    public async Task ErrorInEditorConfig_LeavesOtherSectionsInForce()
    {
        using Workplace work = new Workplace()
            .With(".editorconfig", "root = true\n[*.cs]\ndotnet_diagnostic.KA4007.severity = error\n[Legacy/*.cs]\ndotnet_diagnostic.KA4007.severity = none\n")
            .With("App.csproj", Workplace.Library())
            .With("Buffers.cs", Workplace.WrongFree)
            .With("Legacy/Old.cs", Workplace.WrongFree.Replace("Buffers", "Old"));

        Run run = await work.ToolAsync("check", ".");

        Assert.True(run.ExitCode == 1, run.ToString());
        Assert.Contains("1 finding in 1 file", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TwoFrameworks_ShowAFindingOnce()
    {
        using Workplace work = new Workplace()
            .With("App.csproj", Workplace.Library("net10.0;netstandard2.0"))
            .With("Buffers.cs", Workplace.WrongFree);

        Run run = await work.ToolAsync("check", ".");

        Assert.True(run.ExitCode == 1, run.ToString());
        Assert.Contains("1 finding in 1 file", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task SuppressedFinding_IsNotShown()
    {
        using Workplace work = new Workplace()
            .With("App.csproj", Workplace.Library())
            .With("Buffers.cs", "#pragma warning disable KA4007 // the other side frees it\n" + Workplace.WrongFree);

        Run run = await work.ToolAsync("check", ".");

        Assert.True(run.ExitCode == 0, run.ToString());
        Assert.DoesNotContain("KA4007", run.Output, StringComparison.Ordinal);
        Assert.Contains("No findings", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task FolderOfProjects_ChecksAll_EvenOfOneName()
    {
        using Workplace work = new Workplace()
            .With("one/Same.csproj", Workplace.Library()).With("one/Buffers.cs", Workplace.WrongFree)
            .With("two/Same.csproj", Workplace.Library()).With("two/Buffers.cs", Workplace.WrongFree);

        Run run = await work.ToolAsync("check", ".", "--sarif", "../findings.sarif");

        Assert.True(run.ExitCode == 1, run.ToString());
        Assert.Contains("2 findings in 2 files", run.Output, StringComparison.Ordinal);
        string sarif = work.Read("../findings.sarif");
        Assert.Contains("\"uri\": \"one/Buffers.cs\"", sarif, StringComparison.Ordinal);
        Assert.Contains("\"level\": \"error\"", sarif, StringComparison.Ordinal);
        Assert.Contains("\"codeFlows\"", sarif, StringComparison.Ordinal);
    }
}
