using System.Diagnostics;

namespace KAlloc.Runtime.Tests;

/// <summary>Runs a command of ChildHost, or another program that is built with the tests, in a process of its own.</summary>
internal static class Child
{
    public static (int ExitCode, string Output) Run(params string[] arguments) => RunProgram("KAlloc.ChildHost", arguments);

    /// <summary>Runs a command of ChildHost with compiled code that stays as it is: no compilation in the background, which needs mappings of its own.</summary>
    public static (int ExitCode, string Output) RunCompiled(params string[] arguments) => RunProgram("KAlloc.ChildHost", arguments, compiled: true);

    public static (int ExitCode, string Output) RunProgram(string assembly, string[]? arguments = null, bool compiled = false)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, assembly + ".dll"));
        foreach (string argument in arguments ?? []) start.ArgumentList.Add(argument);

        // A child that dies on purpose leaves no dump.
        start.Environment["DOTNET_DbgEnableMiniDump"] = "0";
        if (compiled) (start.Environment["DOTNET_TieredCompilation"], start.Environment["DOTNET_EnableWriteXorExecute"]) = ("0", "0");
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        Assert.True(process.WaitForExit(TimeSpan.FromMinutes(10)), "the child hangs");
        return (process.ExitCode, output + error.Result);
    }
}
