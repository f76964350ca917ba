using System.CommandLine;

namespace KAlloc.Benchmarks.Replay;

/// <summary>Makes a trace of what the C library's <c>mtrace</c> recorded.</summary>
internal static class ConvertCommand
{
    internal static Command Create()
    {
        Argument<string> input = new("INPUT") { Description = "What mtrace wrote, as text or compressed with gzip." };
        Argument<string> output = new("OUTPUT") { Description = "The trace to write; compressed with gzip if its name ends in .gz." };
        Option<string?> about = new("--about") { Description = "What was recorded: a comment in the trace.", HelpName = "TEXT" };
        Command command = new("convert", "Makes a trace for 'replay' of a log of mtrace.") { input, output, about };
        command.SetAction(parsed => Run(parsed.GetRequiredValue(input), parsed.GetRequiredValue(output), parsed.GetValue(about)));
        return command;
    }

    private static int Run(string input, string output, string? about)
    {
        // Written beside and moved: a log that breaks off leaves what was there before.
        string unfinished = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(output)) ?? "", $".unfinished-{Path.GetFileName(output)}");
        try
        {
            MtraceLog log;
            using (StreamReader text = TraceFile.Open(input))
            using (StreamWriter trace = TraceFile.Create(unfinished)) log = MtraceLog.Convert(input, text, trace, about);
            Trace written = TraceReader.Read(unfinished);
            File.Move(unfinished, output, overwrite: true);
            Console.WriteLine($"{log.Events} events, up to {written.Slots} blocks and {written.PeakLive} bytes at a time, {written.LeftOver} blocks not freed.");
            if (log.Unknown > 0) Console.WriteLine($"{log.Unknown} frees and resizes of blocks from before the recording are left out.");
            if (log.Returned > 0) Console.WriteLine($"{log.Returned} blocks came again without a free between, which was added.");
            return 0;
        }
        catch (Exception wrong) when (wrong is TraceException or IOException or InvalidDataException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine(wrong.Message);
            return 2;
        }
        finally
        {
            File.Delete(unfinished);
        }
    }
}
