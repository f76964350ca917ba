using KAlloc.Tool.Build;
using Xunit;

namespace KAlloc.Tool.Tests;

/// <summary>Which projects a solution names: those are checked, and nothing else.</summary>
public sealed class SolutionProjectsTests
{
    [Theory]
    [InlineData("All.slnx", """
        <Solution>
          <Configurations />
          <Folder Name="/tests/"><Project Path="Tests/Tests.csproj" /></Folder>
          <Project Path="App\App.csproj"><Build Solution="Release|*" Project="false" /></Project>
        </Solution>
        """)]
    [InlineData("All.sln", """

        Microsoft Visual Studio Solution File, Format Version 12.00
        # Visual Studio Version 17
        Project("{FAE04EC0-301F-11D3-BF4B-00C04F79EFBC}") = "Tests", "Tests\Tests.csproj", "{11111111-1111-1111-1111-111111111111}"
        EndProject
        Project("{FAE04EC0-301F-11D3-BF4B-00C04F79EFBC}") = "App", "App/App.csproj", "{22222222-2222-2222-2222-222222222222}"
        EndProject
        Global
        EndGlobal
        """)]
    [InlineData("part/All.slnf", """{ "solution": { "path": "..\\Other.sln", "projects": [ "Tests\\Tests.csproj", "App/App.csproj", ] } }""")]
    public void EachFormat_NamesItsProjects(string file, string content)
    {
        using Workplace work = new Workplace().With(file, content);
        string[] expected = [Path.Combine(work.Folder, "Tests", "Tests.csproj"), Path.Combine(work.Folder, "App", "App.csproj")];
        Assert.Equal(expected, SolutionProjects.Of(Path.Combine(work.Folder, file)));
    }

    [Theory]
    [InlineData("All.slnx", "<Solution>")]
    [InlineData("All.slnf", "{ }")]
    public void DamagedFile_IsSaidToBe(string file, string content)
    {
        using Workplace work = new Workplace().With(file, content);
        Assert.Contains($"'{file}' cannot be read", Assert.Throws<ToolException>(() => SolutionProjects.Of(Path.Combine(work.Folder, file))).Message, StringComparison.Ordinal);
    }
}
