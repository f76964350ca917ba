// The program on the package's page, copied into a new project: it builds without a finding and runs; with a mistake in it the build says so.

using System.Text.RegularExpressions;
using Xunit;

namespace KAlloc.Package.Tests;

[Collection("feed")]
public sealed partial class FirstProgramTests(LocalFeed feed) : Consumer(feed)
{
    [Fact]
    public async Task PagesProgram_BuildsAndRuns_AndItsMistakesAreFound()
    {
        string page = File.ReadAllText(Path.Combine(Repository.Root, "Package", "Runtime", "README.md"));
        string program = Program().Match(page).Groups["code"].Value;
        Write("App.csproj", Project("KAlloc", ""));
        Write("Program.cs", program);

        Run restore = await Repository.DotnetAsync(Folder, "restore", "-nologo");
        Assert.True(restore.ExitCode == 0, restore.ToString());
        Run build = await BuildAsync("-warnaserror");
        Assert.True(build.ExitCode == 0, build.ToString());
        AssertAnalyzersRan(build);
        Run run = await Repository.DotnetAsync(Folder, "run", "--no-build");
        Assert.Equal(new Run(0, "kmalloc: 256 bytes\na cache of 8-byte objects: Point { X = 3, Y = 4 }\na buffer: 16384 bytes\n"), run);

        Write("Program.cs", program.Replace("    kfree(text);\n", "", StringComparison.Ordinal).Replace("using Owned", "Owned", StringComparison.Ordinal).Replace("using IMemoryOwner", "IMemoryOwner", StringComparison.Ordinal));
        Run mistaken = await BuildAsync();
        foreach (string lost in (string[])["'text' is not freed", "'point' is not freed", "'buffer' is not freed"]) Assert.Contains(lost, mistaken.Output, StringComparison.Ordinal);
    }

    [GeneratedRegex(@"```csharp\n(?<code>.*?)```", RegexOptions.Singleline)]
    private static partial Regex Program();
}
