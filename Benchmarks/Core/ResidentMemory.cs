using System.Diagnostics;
using System.Globalization;

namespace KAlloc.Benchmarks.Core;

/// <summary>Resident memory of this process, and runs of this program in a fresh one.</summary>
internal static class ResidentMemory
{
    /// <summary>Bytes by which the peak during an action exceeds what was resident before it; 0 where the system does not say.</summary>
    internal static long PeakGrowth(Action action)
    {
        if (!OperatingSystem.IsLinux()) return 0;

        // 5 resets the peak; see proc(5).
        File.WriteAllText("/proc/self/clear_refs", "5");
        long before = Field("VmRSS:");
        action();
        return Math.Max(0, Field("VmHWM:") - before);
    }

    /// <summary>Runs a command of this program in a process of its own and returns what it prints. Code is optimised at once there: a compiler at work
    /// in the background would show in the peak.</summary>
    internal static string InFreshProcess(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true };
        start.ArgumentList.Add(typeof(ResidentMemory).Assembly.Location);
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        start.Environment["DOTNET_TieredCompilation"] = "0";
        using Process process = Process.Start(start)!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"'{string.Join(' ', arguments)}' failed with exit code {process.ExitCode}.");
    }

    private static long Field(string name)
    {
        string line = File.ReadLines("/proc/self/status").First(text => text.StartsWith(name, StringComparison.Ordinal));
        return long.Parse(line[name.Length..].Replace("kB", "").Trim(), CultureInfo.InvariantCulture) * 1024;
    }
}
