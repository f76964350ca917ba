// Runs the `dotnet` command with an environment as a user's shell would give it.

using System.ComponentModel;
using System.Diagnostics;

namespace KAlloc.Tool.Build;

/// <summary>One run of the <c>dotnet</c> command.</summary>
internal static class DotnetProcess
{
    // A `dotnet` command that starts this tool (dotnet run, dotnet test) tells its children where its own MSBuild lives. The user's
    // global.json may choose another SDK, which would then be mixed with that one.
    private static readonly string[] Inherited =
        ["MSBuildSDKsPath", "MSBuildExtensionsPath", "MSBUILD_EXE_PATH", "MSBuildLoadMicrosoftTargetsReadOnly", "MSBuildUserExtensionsPath", "DOTNET_CLI_CONTEXT_VERBOSE"];

    /// <summary>Runs it, hands every output line to <paramref name="onLine"/> as it comes, and gives the exit code.</summary>
    internal static async Task<int> RunAsync(string folder, IEnumerable<string> arguments, Action<string> onLine, CancellationToken cancellationToken)
    {
        ProcessStartInfo start = new(Host(), arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            UseShellExecute = false,
        };
        foreach (string name in Inherited) start.Environment.Remove(name);
        start.Environment["DOTNET_CLI_UI_LANGUAGE"] = "en"; // the output is read by this program
        start.Environment["DOTNET_NOLOGO"] = "1";
        start.Environment["MSBUILDTERMINALLOGGER"] = "off";

        using Process process = Start(start, folder);
        process.StandardInput.Close();
        object gate = new();
        Task output = Drain(process.StandardOutput), errors = Drain(process.StandardError);
        try
        {
            await process.WaitForExitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }

        await Task.WhenAll(output, errors);
        return process.ExitCode;

        async Task Drain(StreamReader reader)
        {
            while (await reader.ReadLineAsync(CancellationToken.None) is { } line)
            {
                lock (gate) onLine(line);
            }
        }
    }

    private static Process Start(ProcessStartInfo start, string folder)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception e)
        {
            throw new ToolException($"cannot start the .NET SDK ('{start.FileName}' in '{folder}'): {e.Message}");
        }
    }

    private static string Host()
    {
        if (Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") is { Length: > 0 } host && File.Exists(host)) return host;
        return Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? Environment.ProcessPath! : "dotnet";
    }
}
