// Exit code 2: one clear message on standard error, nothing on standard output, and no file of the user's changed.

using Xunit;

namespace KAlloc.Tool.Tests;

public sealed class CannotRunTests
{
    [Theory]
    [InlineData("there is no file or folder 'nowhere'", "check", "nowhere")]
    [InlineData("there is no C# project or solution in 'empty' or below it", "check", "empty")]
    [InlineData("'readme.txt' is neither a C# project nor a solution", "check", "readme.txt")]
    [InlineData("holds several projects; name one of them", "check", "several")]
    [InlineData("the folder for 'no/such.sarif' does not exist", "check", "several/A.csproj", "--sarif", "no/such.sarif")]
    [InlineData("there is no rule 'KA0000'", "fix", "several/A.csproj", "--rule", "KA0000")]
    [InlineData("there is no rule 'KA0000'; the rules are KA1001, ", "explain", "KA0000")]
    [InlineData("Required argument 'PATH' missing", "check")]
    [InlineData("Unrecognized command or argument '--frob'", "check", ".", "--frob")]
    public async Task WrongArguments_SayWhat(string message, params string[] arguments)
    {
        using Workplace work = new Workplace().With("empty/readme.txt", "").With("readme.txt", "")
            .With("several/A.csproj", Workplace.Library()).With("several/B.csproj", Workplace.Library());
        await AssertCannotRunAsync(work, message, arguments);
    }

    [Fact]
    public async Task BuildFailure_ShowsTheCompilersErrors()
    {
        using Workplace work = new Workplace().With("App.csproj", Workplace.Library()).With("Broken.cs", "class Broken { int M() => missing; }");
        Run run = await AssertCannotRunAsync(work, "'App.csproj' does not build", "check", ".");
        Assert.Contains("error CS0103", run.Error, StringComparison.Ordinal);
        Assert.Single(run.Error.Split('\n'), l => l.Contains("CS0103", StringComparison.Ordinal));
    }

    [Fact]
    public async Task RestoreFailure_IsToldApart()
    {
        using Workplace work = new Workplace()
            .With("nuget.config", "<configuration><packageSources><clear /><add key=\"none\" value=\"feed\" /></packageSources></configuration>").With("feed/empty", "")
            .With("App.csproj", Workplace.Library(items: "<PackageReference Include=\"No.Such.Package\" Version=\"1.0.0\" />"));
        await AssertCannotRunAsync(work, "the packages of 'App.csproj' could not be restored", "check", ".");
    }

    private static async Task<Run> AssertCannotRunAsync(Workplace work, string message, params string[] arguments)
    {
        SortedDictionary<string, string> before = work.Snapshot();
        Run run = await work.ToolAsync(arguments);
        Assert.True(run.ExitCode == 2, run.ToString());
        Assert.StartsWith("kalloc: ", run.Error, StringComparison.Ordinal);
        Assert.Contains(message, run.Error, StringComparison.Ordinal);
        Assert.Equal("", run.Output);
        Assert.Equal(before, work.Snapshot());
        return run;
    }
}
