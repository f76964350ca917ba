using System.CommandLine;
using System.Diagnostics;

namespace KAlloc.Benchmarks.Tests;

/// <summary>Every benchmark runs to its end with tiny sizes. What it measures then means nothing, and no figure is looked at.</summary>
public sealed class CommandTests
{
    public static TheoryData<string> Commands => [.. BenchmarkCommands.Create().Where(command => command.Options.Any(option => option.Name == "--quick")).Select(command => command.Name)];

    [Theory]
    [MemberData(nameof(Commands))]
    public void Quick_RunsEveryCommand(string name)
    {
        string folder = Directory.CreateTempSubdirectory("kalloc-bench-test").FullName;
        try
        {
            string csv = Path.Combine(folder, "results.csv"), svg = Path.Combine(folder, "results.svg");
            (int exitCode, string output) = Run(name, "--quick", "--csv", csv, "--svg", svg);
            Assert.True(exitCode == 0, output);
            string[] lines = File.ReadAllLines(csv);
            Assert.True(lines.Length > 1, "the CSV has no results");
            Assert.All(lines, line => Assert.Equal(lines[0].Count(c => c == ','), line.Count(c => c == ',')));
            Assert.Contains("<svg", File.ReadAllText(svg));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Findings_TellEachFindingWithItsPath()
    {
        string folder = Directory.CreateTempSubdirectory("kalloc-bench-test").FullName;
        try
        {
            File.WriteAllText(Path.Combine(folder, "Leaky.csproj"), "<Project Sdk=\"Microsoft.NET.Sdk\" />");
            File.WriteAllText(Path.Combine(folder, "Leaky.cs"), """
                using System.Runtime.InteropServices;
                class Leaky
                {
                    void Lose()
                    {
                        nint p = Marshal.AllocHGlobal(8);
                        Marshal.WriteByte(p, 1);
                    }
                }
                """);
            (int exitCode, string output) = Run("findings", folder);
            Assert.True(exitCode == 0, output);
            Assert.Contains("Leaky.cs(8): KA4001 ", output);
            Assert.Contains("    Leaky.cs(6): ", output);
            Assert.Contains("1 projects, ", output);
            Assert.Contains(" 1 findings, ", output);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static (int ExitCode, string Output) Run(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(typeof(BenchmarkCommands).Assembly.Location);
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        Assert.True(process.WaitForExit(TimeSpan.FromMinutes(3)), "the benchmark hangs");
        return (process.ExitCode, output + error.Result);
    }
}
