// kalloc states PATH --method NAME [--mermaid | --dot]: show what the flow engine knows at each point of a method. For work on the engine.

using System.Reflection;
using KAlloc.Tool.Build;
using KAlloc.Tool.Fix;
using KAlloc.Tool.Output;
using Microsoft.CodeAnalysis;

namespace KAlloc.Tool;

/// <summary>The <c>states</c> command.</summary>
internal static class StatesCommand
{
    internal static async Task<int> RunAsync(string path, string method, string format, Screen screen, CancellationToken cancellationToken)
    {
        BuildTarget target = BuildTarget.Resolve(path);
        RuleCatalog rules = RuleCatalog.Load();
        using BuildCache cache = await BuildCache.OpenAsync(target.UserPath, cancellationToken);
        IReadOnlyList<string> dumps = await screen.BusyAsync($"Building {Path.GetFileName(target.UserPath)}", async step =>
        {
            await InjectedBuild.RunAsync(target, cache, rules, step, cancellationToken);
            foreach (Project project in RecordedCompilation.OpenAll(cache.Logs).Projects)
            {
                Compilation compilation = await project.GetCompilationAsync(cancellationToken) ?? throw new ToolException($"{project.Name} cannot be compiled");
                if (Dump(rules, compilation, method, format, cancellationToken) is { Count: > 0 } found) return found;
            }

            return [];
        });

        if (dumps.Count == 0) throw new ToolException($"no method of '{path}' is called '{method}'; write NAME or TYPE.NAME");
        foreach (string dump in dumps)
            foreach (string line in dump.Split('\n')) screen.Line(line);
        return ExitCode.Clean;
    }

    // The analyzers are loaded at run time, as a compiler does: there is no reference to call them by.
    private static IReadOnlyList<string> Dump(RuleCatalog rules, Compilation compilation, string method, string format, CancellationToken cancellationToken)
    {
        Assembly analyzers = rules.Analyzers[0].GetType().Assembly;
        MethodInfo dump = analyzers.GetType("KAlloc.Analyzers.Host.StateDump", throwOnError: true)!.GetMethod("Of", BindingFlags.Static | BindingFlags.NonPublic)!;
        return (IReadOnlyList<string>)dump.Invoke(null, BindingFlags.DoNotWrapExceptions, null, [compilation, method, format, cancellationToken], null)!;
    }
}
