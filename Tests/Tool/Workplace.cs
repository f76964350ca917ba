// A folder with a user's code, the tool run on it as a program, and a record of every file to compare with afterwards.

using System.Diagnostics;
using System.Reflection;
using System.Security.Cryptography;

namespace KAlloc.Tool.Tests;

/// <summary>What a run of a program gave.</summary>
internal sealed record Run(int ExitCode, string Output, string Error)
{
    public override string ToString() => $"exit code {ExitCode}\n--- standard output\n{Output}\n--- standard error\n{Error}";
}

/// <summary>A temporary folder that plays the user's; its cache is its own, so that tests do not meet.</summary>
internal sealed class Workplace : IDisposable
{
    /// <summary>Memory of one allocator, freed by another one: on each target framework an error of rule KA4007.</summary>
    internal const string WrongFree = """
        using System;
        using System.Runtime.InteropServices;

        public static class Buffers
        {
            public static void Fill()
            {
                IntPtr block = Marshal.AllocHGlobal(64);
                Marshal.WriteByte(block, 1);
                Marshal.FreeCoTaskMem(block);
            }
        }

        """;

    /// <summary>The same code without the mistake.</summary>
    internal static readonly string RightFree = WrongFree.Replace("FreeCoTaskMem", "FreeHGlobal");

    private readonly string _root = Directory.CreateTempSubdirectory("kalloc-test-").FullName;

    internal Workplace()
    {
        Directory.CreateDirectory(Folder);
    }

    internal string Folder => Path.Combine(_root, "user");

    internal static string Library(string frameworks = "net10.0", string properties = "", string items = "") => $"""
        <Project Sdk="Microsoft.NET.Sdk">
          <PropertyGroup>
            <{(frameworks.Contains(';') ? "TargetFrameworks" : "TargetFramework")}>{frameworks}</{(frameworks.Contains(';') ? "TargetFrameworks" : "TargetFramework")}>
            <AllowUnsafeBlocks>true</AllowUnsafeBlocks>
            <EnableNETAnalyzers>false</EnableNETAnalyzers>
            {properties}
          </PropertyGroup>
          <ItemGroup>{items}</ItemGroup>
        </Project>
        """;

    internal Workplace With(string file, string content)
    {
        string path = Path.Combine(Folder, file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
        return this;
    }

    internal string Read(string file) => File.ReadAllText(Path.Combine(Folder, file));

    internal Task<Run> ToolAsync(params string[] arguments) => RunAsync([ToolPath(), .. arguments]);

    internal Task<Run> DotnetAsync(params string[] arguments) => RunAsync(arguments);

    /// <summary>Each file of the user's tree with its content and time of change.</summary>
    internal SortedDictionary<string, string> Snapshot()
    {
        SortedDictionary<string, string> files = new(StringComparer.Ordinal);
        foreach (string file in Directory.EnumerateFiles(Folder, "*", SearchOption.AllDirectories))
        {
            string hash = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(file)));
            files[Path.GetRelativePath(Folder, file)] = $"{hash} {File.GetLastWriteTimeUtc(file):O}";
        }

        return files;
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    /// <summary>The root folder of this repository.</summary>
    internal static string Repository => Metadata("Root");

    internal static string ToolPath() => Metadata("Tool");

    private static string Metadata(string key) =>
        Path.GetFullPath(typeof(Workplace).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == key).Value!);

    private async Task<Run> RunAsync(IEnumerable<string> arguments)
    {
        ProcessStartInfo start = new("dotnet", arguments)
        {
            WorkingDirectory = Folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["KALLOC_CACHE"] = Path.Combine(_root, "cache");
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return new Run(process.ExitCode, await output, await error);
    }
}
