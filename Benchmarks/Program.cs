// Measures KAlloc against its peers: one command a subject, all with the options of Core/RunSettings.cs.
//
//   dotnet run -c Release --project Benchmarks -- alloc
//
// A new subject is a folder with a command, and a line in BenchmarkCommands.

using System.CommandLine;
using System.CommandLine.Parsing;
using KAlloc.Benchmarks;
using Spectre.Console;

Console.OutputEncoding = System.Text.Encoding.UTF8;
if (Console.IsOutputRedirected) AnsiConsole.Profile.Width = 200;
RootCommand root = new("Measures KAlloc against its peers. Only ratios within one run mean anything.");
foreach (Command command in BenchmarkCommands.Create()) root.Add(command);
if (args.Length == 0) args = ["--help"];
ParseResult parsed = root.Parse(args);
foreach (ParseError error in parsed.Errors) Console.Error.WriteLine(error.Message);
return parsed.Errors.Count > 0 ? 2 : parsed.Invoke();
