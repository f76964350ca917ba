// The JIT's own frames: compiles a program, has a child process compile each of its methods with the JIT's listing on, and reads the prologs.
//
//   frame = 8 (return address) + 8 per push + N of `sub rsp, N` (from a page on `lea r11, [rsp-N]`), all in the group IG01
//
// Localloc is not in the prolog; the reader adds it from the estimate's own view, as it is exact.

using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using KAlloc.Tests.Verifier;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace KAlloc.Analyzers.Tests.Stack;

internal static partial class JitFrames
{
    /// <summary>Prolog bytes by method name of class <c>Gen</c>.</summary>
    internal static Dictionary<string, int> Measure(CSharpCompilation program, bool optimised)
    {
        string folder = Directory.CreateTempSubdirectory("kalloc-frames-").FullName;
        try
        {
            string assembly = Path.Combine(folder, "gen.dll"), listing = Path.Combine(folder, "jit.txt");
            Microsoft.CodeAnalysis.Emit.EmitResult result = program.Emit(assembly);
            if (!result.Success) throw new InvalidOperationException(string.Join('\n', result.Diagnostics.Where(d => d.Severity == DiagnosticSeverity.Error).Take(5)));
            File.WriteAllText(
                Path.ChangeExtension(assembly, ".runtimeconfig.json"),
                "{\"runtimeOptions\":{\"tfm\":\"net10.0\",\"framework\":{\"name\":\"Microsoft.NETCore.App\",\"version\":\"" + Environment.Version.ToString(3) + "\"}}}");
            RunChild(assembly, listing, optimised);
            return Parse(File.ReadLines(listing));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void RunChild(string assembly, string listing, bool optimised)
    {
        var start = new ProcessStartInfo(DotNet, ["exec", assembly]) { RedirectStandardError = true, RedirectStandardOutput = true };
        start.Environment["DOTNET_JitStdOutFile"] = listing;
        start.Environment["DOTNET_JitDisasm"] = "Gen:*";
        start.Environment["DOTNET_TieredPGO"] = "0";
        start.Environment["DOTNET_TieredCompilation"] = optimised ? "0" : "1";
        start.Environment["DOTNET_ReadyToRun"] = "1";
        using Process child = Process.Start(start)!;
        string error = child.StandardError.ReadToEnd();
        if (!child.WaitForExit(TimeSpan.FromMinutes(2)) || child.ExitCode != 0) throw new InvalidOperationException($"The child ended with {child.ExitCode}: {error}");
    }

    /// <summary>The host that runs the tests, where it is dotnet itself; else the one on the path.</summary>
    private static string DotNet => Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? Environment.ProcessPath! : "dotnet";

    private static Dictionary<string, int> Parse(IEnumerable<string> lines)
    {
        var frames = new Dictionary<string, int>(StringComparer.Ordinal);
        string? method = null;
        bool inProlog = false;
        int bytes = 0;
        foreach (string line in lines)
        {
            if (Header().Match(line) is { Success: true } header)
            {
                method = header.Groups[1].Value;
            }
            else if (line.StartsWith("G_M", StringComparison.Ordinal))
            {
                if (inProlog && method is not null) frames[method] = bytes;
                inProlog = line.Contains("IG01:", StringComparison.Ordinal);
                if (inProlog) bytes = 8;
            }
            else if (inProlog && Push().IsMatch(line))
            {
                bytes += 8;
            }
            else if (inProlog && Adjust().Match(line) is { Success: true } adjust)
            {
                string number = adjust.Groups[1].Value;
                bytes += number.StartsWith("0x", StringComparison.Ordinal) ? int.Parse(number[2..], NumberStyles.HexNumber) : int.Parse(number);
            }
        }

        return frames;
    }

    [GeneratedRegex(@"^; Assembly listing for method Gen:(\w+)\(")]
    private static partial Regex Header();

    [GeneratedRegex(@"^\s+push\s")]
    private static partial Regex Push();

    [GeneratedRegex(@"^\s+(?:sub\s+rsp, |lea\s+r11, \[rsp-)(0x[0-9A-Fa-f]+|\d+)")]
    private static partial Regex Adjust();
}
