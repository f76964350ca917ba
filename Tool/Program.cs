// kalloc: checks any C# project for misuse of native memory, and repairs what has one certain repair.
//
// Exit codes: 0 clean, 1 findings, 2 could not run (with one clear message on standard error).

using System.CommandLine;
using System.CommandLine.Parsing;
using KAlloc.Tool;
using KAlloc.Tool.Output;

Console.OutputEncoding = System.Text.Encoding.UTF8;

Argument<string> path = new("PATH") { Description = "A C# project, a solution, or a folder that holds one." };
Option<string?> sarif = new("--sarif") { Description = "Also write the findings to a SARIF 2.1 file.", HelpName = "FILE" };

Command check = new("check", "Build with the analyzers and show what they find. No file of yours is changed.") { path, sarif };
check.SetAction((parsed, cancellation) => Guarded(token =>
    CheckCommand.RunAsync(parsed.GetRequiredValue(path), parsed.GetValue(sarif), Screen.ForStandardOutput(), token), cancellation));

Option<string[]> rule = new("--rule") { Description = "Only this rule; may be given more than once.", HelpName = "ID" };
Option<bool> dryRun = new("--dry-run") { Description = "Show the change, write nothing." };

Command fix = new("fix", "Apply the quick fixes and show them as a unified diff. What would not compile is left alone.") { path, rule, dryRun };
fix.SetAction((parsed, cancellation) => Guarded(token =>
    FixCommand.RunAsync(parsed.GetRequiredValue(path), parsed.GetValue(rule) ?? [], parsed.GetValue(dryRun), Screen.ForStandardOutput(), token), cancellation));

Option<string> method = new("--method") { Description = "The method: NAME or TYPE.NAME.", HelpName = "NAME", Required = true };
Option<bool> mermaid = new("--mermaid") { Description = "As a picture, in Mermaid's language." };
Option<bool> dot = new("--dot") { Description = "As a picture, in Graphviz's language." };

Command states = new("states", "Show what the engine knows at each point of a method; for work on the engine.") { path, method, mermaid, dot };
states.SetAction((parsed, cancellation) => Guarded(token => StatesCommand.RunAsync(
    parsed.GetRequiredValue(path), parsed.GetRequiredValue(method), parsed.GetValue(mermaid) ? "mermaid" : parsed.GetValue(dot) ? "dot" : "text", Screen.ForStandardOutput(), token), cancellation));

Argument<string> id = new("ID") { Description = "The rule, as findings name it: KA4001." };
Command explain = new("explain", "Show what a rule reports, why, and how to put it right.") { id };
explain.SetAction((parsed, cancellation) => Guarded(_ => Task.FromResult(ExplainCommand.Run(parsed.GetRequiredValue(id), Screen.ForStandardOutput())), cancellation));

RootCommand root = new("Checks C# code for misuse of native memory.") { check, fix, explain, states };
if (args.Length == 0) args = ["--help"];
ParseResult command = root.Parse(args);
if (command.Errors.Count > 0)
{
    foreach (ParseError error in command.Errors) Console.Error.WriteLine($"kalloc: {error.Message}");
    Console.Error.WriteLine("Try 'kalloc --help'.");
    return ExitCode.CouldNotRun;
}

return await command.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false });

static async Task<int> Guarded(Func<CancellationToken, Task<int>> run, CancellationToken cancellationToken)
{
    try
    {
        return await run(cancellationToken);
    }
    catch (ToolException e)
    {
        Console.Error.WriteLine($"kalloc: {e.Message}");
        foreach (string detail in e.Details) Console.Error.WriteLine($"  {detail}");
        return ExitCode.CouldNotRun;
    }
    catch (OperationCanceledException)
    {
        Console.Error.WriteLine("kalloc: stopped");
        return ExitCode.CouldNotRun;
    }
}
