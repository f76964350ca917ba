// A stranger's first hour: a new console project, build, read the findings, let `dotnet format` repair them, build clean, run.

using Xunit;

namespace KAlloc.Package.Tests;

[Collection("feed")]
public sealed class RepairTests(LocalFeed feed) : Consumer(feed)
{
    // A mistake of each face: native memory of .NET's freed by the wrong call, and kmalloc's too.
    private const string Program = """
        using System.Runtime.InteropServices;
        using static KAlloc.Linux;

        unsafe
        {
            byte* text = (byte*)NativeMemory.AllocZeroed(64);
            text[0] = (byte)'k';
            Console.WriteLine((char)text[0]);
            Marshal.FreeHGlobal((nint)text);

            void* log = kmalloc(256, GFP_KERNEL);
            if (log == null) return;
            Console.WriteLine("256 bytes");
            vfree(log);
        }

        """;

    [Fact]
    public async Task NewProject_SeesFindings_IsRepaired_AndRuns()
    {
        Write("App.csproj", Project("KAlloc", "<KAllocLinuxNames>enable</KAllocLinuxNames>"));
        Write("Program.cs", Program);

        Run restore = await Repository.DotnetAsync(Folder, "restore", "-nologo");
        Assert.True(restore.ExitCode == 0, restore.ToString());
        Run first = await BuildAsync();
        Assert.True(first.ExitCode == 1, first.ToString());
        Assert.Contains("Program.cs(9,5): error KA4007", first.Output, StringComparison.Ordinal);
        Assert.Contains("Program.cs(14,5): error KA4007", first.Output, StringComparison.Ordinal);
        AssertAnalyzersRan(first);

        Run format = await Repository.DotnetAsync(Folder, "format", "analyzers", "--no-restore", "--severity", "info", "-v", "n");
        Assert.True(format.ExitCode == 0, format.ToString());
        Run second = await BuildAsync("-warnaserror");
        Assert.True(second.ExitCode == 0, $"{second}\n{File.ReadAllText(Path.Combine(Folder, "Program.cs"))}");
        Assert.DoesNotContain("KA", string.Concat(second.Output.Split('\n').Where(l => l.Contains("error", StringComparison.Ordinal))), StringComparison.Ordinal);
        AssertAnalyzersRan(second);

        Run run = await Repository.DotnetAsync(Folder, "run", "--no-build");
        Assert.Equal(new Run(0, "k\n256 bytes\n"), run);
    }
}
